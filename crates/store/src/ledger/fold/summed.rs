//! The sums of a batch, and how they are added to those that stand in the database.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, Arguments};

use super::gather::Group;
use super::insert::Insert;
use crate::ledger::Sums;

/// A table of sums: a time, then texts.
struct Table {
    name: &'static str,
    dimensions: &'static [&'static str],
    /// What is summed up under what; `None`: it is not.
    pick: for<'a> fn(&'a Group<String>) -> Option<Place<'a>>,
}

/// The time, and as many texts as the table has.
type Place<'a> = (i64, [&'a str; 7]);

const TABLES: [Table; 3] = [
    Table {
        name: "usage_totals",
        dimensions: &["hour", "model", "provider", "target_model", "endpoint", "outcome"],
        pick: |of| {
            let texts = [&of.model, &of.provider, &of.target_model, &of.endpoint, &of.outcome];
            let [model, provider, target_model, endpoint, outcome] = texts.map(String::as_str);
            Some((of.hour, [model, provider, target_model, endpoint, outcome, "", ""]))
        },
    },
    Table {
        name: "usage_hours",
        dimensions: &["hour", "key", "team", "model", "provider", "target_model", "endpoint", "outcome"],
        pick: |of| {
            let texts =
                [&of.key, &of.team, &of.model, &of.provider, &of.target_model, &of.endpoint, &of.outcome];
            Some((of.hour, texts.map(String::as_str)))
        },
    },
    Table {
        name: "usage_users",
        dimensions: &["day", "key", "team", "end_user", "model"],
        pick: |of| {
            let texts = [of.key.as_str(), &of.team, &of.user, &of.model, "", "", ""];
            (!of.user.is_empty()).then_some((of.hour / 24, texts))
        },
    },
];

/// Adds to all sums. Always in the order of the keys, so that two instances never wait for each other in a circle.
pub(super) async fn add(
    connection: &mut AnyConnection,
    is_postgres: bool,
    groups: &[(Group<String>, Sums)],
) -> Result<(), sqlx::Error> {
    for table in &TABLES {
        let mut sums: BTreeMap<Place<'_>, Sums> = BTreeMap::new();
        for (group, of_group) in groups {
            if let Some(place) = (table.pick)(group) {
                sums.entry(place).or_default().add(of_group);
            }
        }
        let sums: Vec<_> = sums.into_iter().collect();
        let columns = [table.dimensions, &Sums::COLUMNS].concat();
        let update =
            Sums::COLUMNS.map(|column| format!("{column} = {}.{column} + excluded.{column}", table.name));
        let insert = Insert {
            is_postgres,
            table: table.name,
            columns: &columns.join(", "),
            count: columns.len(),
            ending: &format!(
                "ON CONFLICT ({}) DO UPDATE SET {}",
                table.dimensions.join(", "),
                update.join(", ")
            ),
        };
        insert
            .run(connection, &sums, |((time, texts), sums), to| {
                to.add(*time)?;
                texts[..table.dimensions.len() - 1].iter().try_for_each(|text| to.add(*text))?;
                sums.values().into_iter().try_for_each(|value| to.add(value))
            })
            .await?;
    }
    Ok(())
}

/// Remembers which keys had which tags.
pub(super) async fn add_tags(
    connection: &mut AnyConnection,
    is_postgres: bool,
    tags: &[(&str, &str)],
) -> Result<(), sqlx::Error> {
    let insert = Insert {
        is_postgres,
        table: "key_tags",
        columns: "tag, key",
        count: 2,
        ending: "ON CONFLICT DO NOTHING",
    };
    insert.run(connection, tags, |(tag, key), to| to.add(*tag).and_then(|()| to.add(*key))).await?;
    Ok(())
}

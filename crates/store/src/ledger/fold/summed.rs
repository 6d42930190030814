//! The sums of a batch, and how they are added to those that stand in the database.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AnyConnection, Arguments};

use super::insert::Insert;
use crate::ledger::calendar::{DAY_MICROS, HOUR_MICROS};
use crate::ledger::{Row, Sums};

/// A table of sums: a time, then texts.
struct Table {
    name: &'static str,
    dimensions: &'static [&'static str],
    /// What a row is summed up under; `None`: it is not.
    pick: for<'a> fn(&'a Row) -> Option<Place<'a>>,
}

/// The time, and as many texts as the table has.
type Place<'a> = (i64, [&'a str; 7]);

const TABLES: [Table; 3] = [
    Table {
        name: "usage_totals",
        dimensions: &["hour", "model", "provider", "target_model", "endpoint", "outcome"],
        pick: |row| {
            let texts = [&row.model, &row.provider, &row.target_model, &row.endpoint, &row.outcome]
                .map(String::as_str);
            let [model, provider, target_model, endpoint, outcome] = texts;
            Some((row.ended / HOUR_MICROS, [model, provider, target_model, endpoint, outcome, "", ""]))
        },
    },
    Table {
        name: "usage_hours",
        dimensions: &["hour", "key", "team", "model", "provider", "target_model", "endpoint", "outcome"],
        pick: |row| {
            let texts = [
                &row.key,
                &row.team,
                &row.model,
                &row.provider,
                &row.target_model,
                &row.endpoint,
                &row.outcome,
            ];
            Some((row.ended / HOUR_MICROS, texts.map(String::as_str)))
        },
    },
    Table {
        name: "usage_users",
        dimensions: &["day", "key", "team", "end_user", "model"],
        pick: |row| {
            let texts = [row.key.as_str(), &row.team, &row.user, &row.model, "", "", ""];
            (!row.user.is_empty()).then_some((row.ended / DAY_MICROS, texts))
        },
    },
];

/// Adds the rows to all sums. Always in the order of the keys, so that two instances never wait for each other in a circle.
pub(super) async fn add(
    connection: &mut AnyConnection,
    is_postgres: bool,
    rows: &[Row],
) -> Result<(), sqlx::Error> {
    for table in &TABLES {
        let mut sums: BTreeMap<Place<'_>, Sums> = BTreeMap::new();
        for row in rows {
            if let Some(place) = (table.pick)(row) {
                sums.entry(place).or_default().add(&Sums::of(row));
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

/// The tags and keys of the rows.
pub(super) fn tags(rows: &[Row]) -> BTreeSet<(&str, &str)> {
    rows.iter()
        .filter(|row| !row.key.is_empty())
        .flat_map(|row| row.tags.iter().map(|tag| (tag.as_str(), row.key.as_str())))
        .collect()
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

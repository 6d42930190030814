//! The tables of keys and teams, for those who move a database.

use crate::transfer::Kind::{Integer, Text};
use crate::transfer::Table;

/// Teams, keys, the audit and the settings, in the order in which they refer to each other.
pub fn tables() -> Vec<Table> {
    vec![
        Table::new(
            "teams",
            &[("id", Text), ("name", Text), ("spec", Text), ("created", Integer), ("changed", Integer)],
        ),
        Table::new(
            "keys",
            &[
                ("id", Text),
                ("name", Text),
                ("hash", Text),
                ("hint", Text),
                ("old_hash", Text),
                ("old_until", Integer),
                ("team", Text),
                ("spec", Text),
                ("created", Integer),
                ("changed", Integer),
            ],
        ),
        Table::new(
            "audit",
            &[
                ("seq", Integer),
                ("at", Integer),
                ("actor", Text),
                ("action", Text),
                ("kind", Text),
                ("id", Text),
                ("detail", Text),
            ],
        )
        .numbered_by("seq"),
        Table::new("settings", &[("name", Text), ("value", Text)]),
    ]
}

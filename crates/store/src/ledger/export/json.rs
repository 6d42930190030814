//! JSON: a list of objects.

use serde_json::{Map, Value, json};
use tidegate_core::NanoUsd;

use crate::ledger::{By, UsageRow};

/// An answer to a question: each object has the dimensions that were asked by, the sums, and the cost in dollars beside that in
/// billionths.
pub fn usage(by: &[By], rows: &[UsageRow]) -> Value {
    rows.iter().map(|row| Value::Object(object(by, row))).collect()
}

fn object(by: &[By], row: &UsageRow) -> Map<String, Value> {
    let mut object: Map<String, Value> =
        by.iter().zip(&row.group).map(|(by, text)| (by.word().to_owned(), json!(text))).collect();
    if let Ok(Value::Object(sums)) = serde_json::to_value(row.sums) {
        object.extend(sums);
    }
    object.insert("cost_usd".into(), json!(NanoUsd(row.sums.cost).as_dollars()));
    object
}

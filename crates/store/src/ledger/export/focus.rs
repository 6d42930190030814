//! The columns of FOCUS 1.2 (<https://focus.finops.org>), for tools that collect costs from many sources.
//!
//! One charge is what one key used of one model of one provider on one day. All columns that FOCUS 1.2 makes mandatory are there,
//! and of the conditional ones those that are known here; what is not of FOCUS begins with `x_`.

use serde_json::{Map, Value, json};
use tidegate_core::NanoUsd;

use super::cells::Lines;
use crate::ledger::calendar::{date, month, parse_day};
use crate::ledger::{By, UsageRow};

/// What the question must be asked by.
pub const BY: [By; 5] = [By::Day, By::Team, By::Key, By::Provider, By::TargetModel];

/// The version of FOCUS, told in each line.
pub const VERSION: &str = "1.2";

/// The columns, in order.
pub const COLUMNS: [&str; 41] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "x_FocusVersion",
    "x_KeyId",
    "x_Requests",
    "x_InputTokens",
    "x_OutputTokens",
    "x_CacheReadTokens",
    "x_CacheWriteTokens",
    "x_UnpricedAttempts",
];

/// A cell of a charge.
enum Cell {
    Text(String),
    Number(i64),
    Dollars(i64),
    Null,
}

/// The charges as CSV. `account` is the name of whom the costs are told to: the gateway's owner.
pub fn csv(account: &str, rows: &[UsageRow]) -> String {
    let mut lines = Lines::default();
    COLUMNS.iter().for_each(|column| lines.plain(column));
    lines.end();
    for charge in rows.iter().filter_map(|row| charge(account, row)) {
        for cell in charge {
            match cell {
                Cell::Text(text) => lines.text(&text),
                Cell::Number(number) => lines.plain(number),
                Cell::Dollars(cost) => lines.plain(NanoUsd(cost)),
                Cell::Null => lines.plain(""),
            }
        }
        lines.end();
    }
    lines.into_text()
}

/// The charges as a list of JSON objects.
pub fn json(account: &str, rows: &[UsageRow]) -> Value {
    let object = |charge: [Cell; 41]| -> Value {
        let values = charge.into_iter().map(|cell| match cell {
            Cell::Text(text) => json!(text),
            Cell::Number(number) => json!(number),
            Cell::Dollars(cost) => json!(NanoUsd(cost).as_dollars()),
            Cell::Null => Value::Null,
        });
        COLUMNS.iter().map(|column| (*column).to_owned()).zip(values).collect::<Map<_, _>>().into()
    };
    rows.iter().filter_map(|row| charge(account, row)).map(object).collect()
}

/// One charge; `None` for a row that reached no provider, or that was not asked by [`BY`].
fn charge(account: &str, row: &UsageRow) -> Option<[Cell; 41]> {
    let [day, team, key, provider, model] = row.group.as_slice() else { return None };
    let day = parse_day(day)?;
    if provider.is_empty() {
        return None;
    }
    let (month_begin, month_end) = month(day);
    let midnight = |day| Cell::Text(format!("{}T00:00:00Z", date(day)));
    let text = |text: &str| if text.is_empty() { Cell::Null } else { Cell::Text(text.to_owned()) };
    let sums = &row.sums;
    let tokens = sums.input.saturating_add(sums.output);
    Some([
        Cell::Dollars(sums.cost),
        text(account),
        text(account),
        text("Gateway"),
        text("USD"),
        midnight(month_end),
        midnight(month_begin),
        text("Usage"),
        Cell::Null,
        Cell::Text(format!("Tokens of {model} at {provider}")),
        text("Usage-Based"),
        midnight(day + 1),
        midnight(day),
        Cell::Number(tokens),
        text("Tokens"),
        Cell::Dollars(sums.cost),
        Cell::Dollars(sums.cost),
        text(provider),
        Cell::Dollars(sums.cost),
        text("Standard"),
        Cell::Number(tokens),
        text("Tokens"),
        text(provider),
        text(provider),
        text("AI and Machine Learning"),
        Cell::Text(format!("{provider} API")),
        text("Generative AI"),
        Cell::Text(format!("{provider}/{model}")),
        text("Tokens"),
        text(team),
        text(team),
        if team.is_empty() { Cell::Null } else { text("Team") },
        Cell::Text(json!({ "team": team, "key": key }).to_string()),
        text(VERSION),
        text(key),
        Cell::Number(sums.requests),
        Cell::Number(sums.input),
        Cell::Number(sums.output),
        Cell::Number(sums.cache_read),
        Cell::Number(sums.cache_write),
        Cell::Number(sums.unpriced),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Sums;

    #[test]
    fn a_charge_has_the_columns_of_focus() {
        let sums = Sums { cost: 1_500_000_000, input: 900, output: 100, requests: 4, ..Sums::default() };
        let group = ["2026-12-31", "team_1", "key_1", "openai", "gpt-x"].map(str::to_owned).to_vec();
        let nowhere = UsageRow { group: vec![String::new(); 5], sums };
        let charges = json("ACME", &[UsageRow { group, sums }, nowhere]);
        let [charge] = charges.as_array().unwrap().as_slice() else { panic!("{charges}") };
        for (column, value) in [
            ("BilledCost", json!(1.5)),
            ("BillingPeriodStart", json!("2026-12-01T00:00:00Z")),
            ("BillingPeriodEnd", json!("2027-01-01T00:00:00Z")),
            ("ChargePeriodStart", json!("2026-12-31T00:00:00Z")),
            ("ChargePeriodEnd", json!("2027-01-01T00:00:00Z")),
            ("ChargeClass", Value::Null),
            ("ConsumedQuantity", json!(1_000)),
            ("ProviderName", json!("openai")),
            ("SkuId", json!("openai/gpt-x")),
            ("SubAccountId", json!("team_1")),
            ("x_UnpricedAttempts", json!(0)),
        ] {
            assert_eq!(charge[column], value, "{column}");
        }
        let text = csv("=ACME", &[UsageRow { group: vec!["2026-12-31".into(); 5], sums }]);
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("1.500000000,\"'=ACME\""), "{text}");
    }
}

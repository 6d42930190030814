//! The two sides beside each other.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Export, Reported};
use crate::ledger::UsageRow;
use crate::ledger::calendar::{date, parse_day};

/// One number as both sides tell it; `None`: the side does not know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The ledger's.
    pub ours: Option<i64>,
    /// The provider's.
    pub theirs: Option<i64>,
}

impl Pair {
    /// How much more the ledger has than the provider, if both know the number.
    pub fn difference(&self) -> Option<i64> {
        Some(self.ours?.saturating_sub(self.theirs?))
    }

    /// The difference in percent of the provider's number; `None` also when that is 0.
    pub fn percent(&self) -> Option<f64> {
        let theirs = self.theirs.filter(|theirs| *theirs != 0)?;
        Some(self.difference()? as f64 * 100.0 / theirs as f64)
    }
}

/// How one model on one day compares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `2026-11-21`.
    pub day: String,
    /// The provider's name for the model; empty when the export tells none.
    pub model: String,
    /// Whether the ledger has it.
    pub is_ours: bool,
    /// Whether the provider's export has it.
    pub is_theirs: bool,
    /// Attempts here, requests there.
    pub requests: Pair,
    /// Prompt tokens.
    pub input: Pair,
    /// Answer tokens.
    pub output: Pair,
    /// Billionths of a US dollar.
    pub cost: Pair,
}

impl Difference {
    /// Whether the sides differ in anything that both know, or one does not have it at all.
    pub fn is_different(&self) -> bool {
        let pairs = [self.requests, self.input, self.output, self.cost];
        self.is_ours != self.is_theirs
            || pairs.iter().any(|pair| pair.difference().is_some_and(|more| more != 0))
    }
}

type Sides = BTreeMap<(i64, String), Reported>;

/// Compares an answer asked by day and target model (in this order, of this provider only) with an export. A model that one side
/// names with a date (`gpt-4o-2024-08-06`) and the other without counts as the same. When the export tells no models, days
/// are compared.
pub fn compare(ours: &[UsageRow], theirs: &Export) -> Vec<Difference> {
    let has_models = theirs.lines.keys().any(|(_, model)| !model.is_empty());
    let mut ledger = Export::default();
    for row in ours {
        let [day, model] = row.group.as_slice() else { continue };
        let Some(day) = parse_day(day) else { continue };
        let sums = &row.sums;
        // What reached no target is nothing to the provider.
        if sums.attempts == 0 {
            continue;
        }
        let reported = Reported {
            requests: Some(sums.attempts),
            input: Some(sums.input),
            output: Some(sums.output),
            cost: Some(sums.cost),
        };
        ledger.add(day, if has_models { model } else { "" }, &reported);
    }
    let (ours, theirs) = (renamed(&ledger.lines, &theirs.lines), renamed(&theirs.lines, &ledger.lines));
    let places: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    places.into_iter().map(|place| difference(place, ours.get(place), theirs.get(place))).collect()
}

/// One side, with dated names shortened where the other side has only the short one.
fn renamed(side: &Sides, other: &Sides) -> Sides {
    let known: BTreeSet<&str> = other.keys().map(|(_, model)| model.as_str()).collect();
    let mut export = Export::default();
    for ((day, model), reported) in side {
        let short = undated(model);
        let name = if known.contains(model.as_str()) || !known.contains(short) { model } else { short };
        export.add(*day, name, reported);
    }
    export.lines
}

/// A model's name without `-2024-08-06` or `-20240806` at its end.
fn undated(model: &str) -> &str {
    [11, 9]
        .into_iter()
        .find_map(|length| {
            let (name, end) = model.split_at_checked(model.len().checked_sub(length)?)?;
            parse_day(end.strip_prefix('-')?).map(|_| name)
        })
        .unwrap_or(model)
}

fn difference(
    (day, model): &(i64, String),
    ours: Option<&Reported>,
    theirs: Option<&Reported>,
) -> Difference {
    let pair = |pick: fn(&Reported) -> Option<i64>| Pair {
        ours: ours.and_then(pick),
        theirs: theirs.and_then(pick),
    };
    Difference {
        day: date(*day),
        model: model.clone(),
        is_ours: ours.is_some(),
        is_theirs: theirs.is_some(),
        requests: pair(|side| side.requests),
        input: pair(|side| side.input),
        output: pair(|side| side.output),
        cost: pair(|side| side.cost),
    }
}

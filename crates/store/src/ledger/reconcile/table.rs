//! Tables (RFC 4180) that people download from a provider's console. Columns are found by their names, which differ.

use super::number::{DOLLARS, scaled};
use super::{Export, ExportError, Reported};
use crate::ledger::calendar::parse_day;

/// OpenAI's tables have `start_time_iso`, `input_tokens` (all of them) and `amount_value`; Anthropic's `usage_date_utc`, parts of
/// the input, and `cost_usd`.
const DAY: &[&str] = &[
    "date",
    "day",
    "usage_date_utc",
    "usage_date",
    "start_time_iso",
    "start_time",
    "starting_at",
    "timestamp",
    "created",
];
const MODEL: &[&str] = &["model", "model_version", "target_model", "line_item"];
const REQUESTS: &[&str] = &["num_model_requests", "requests", "num_requests"];
const INPUT: &[&str] = &["input_tokens", "prompt_tokens", "input", "usage_input_tokens"];
const INPUT_PARTS: &[&str] = &[
    "usage_input_tokens_no_cache",
    "usage_input_tokens_cache_write_5m",
    "usage_input_tokens_cache_write_1h",
    "usage_input_tokens_cache_read",
    "uncached_input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
];
const OUTPUT: &[&str] = &["output_tokens", "completion_tokens", "output", "usage_output_tokens"];
const COST: &[&str] = &["cost", "cost_usd", "amount_value", "amount_usd", "amount"];

/// Which column holds what.
struct Columns {
    day: usize,
    model: Option<usize>,
    requests: Option<usize>,
    input: Vec<usize>,
    output: Option<usize>,
    cost: Option<usize>,
}

/// Reads a table with a header line.
pub(super) fn read(text: &str) -> Result<Export, ExportError> {
    let mut records = records(text).into_iter();
    let header = records.next().unwrap_or_default();
    let columns = Columns::find(&header)?;
    let mut export = Export::default();
    for (place, record) in records.enumerate() {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let bad =
            |what: &str| ExportError::Bad { place: format!("record {}", place + 2), what: what.to_owned() };
        let cell = |column: usize| record.get(column).map(|cell| cell.trim()).unwrap_or_default();
        let day = parse_day(cell(columns.day)).or_else(|| unix_day(cell(columns.day)));
        let day = day.ok_or_else(|| bad("the day cannot be read"))?;
        let reported = columns.reported(&cell).ok_or_else(|| bad("a number cannot be read"))?;
        let model = columns.model.map_or("", cell);
        // OpenAI's line items are a model and a class of tokens.
        let model = model.split(", ").next().unwrap_or_default();
        if reported != Reported::default() {
            export.add(day, model, &reported);
        }
    }
    Ok(export)
}

fn unix_day(text: &str) -> Option<i64> {
    scaled(text, 0).filter(|seconds| (0..=253_402_300_799).contains(seconds)).map(|seconds| seconds / 86_400)
}

impl Columns {
    fn find(header: &[String]) -> Result<Self, ExportError> {
        let names: Vec<String> =
            header.iter().map(|name| name.trim().to_ascii_lowercase().replace([' ', '-'], "_")).collect();
        let place = |wanted: &&str| names.iter().position(|name| name == *wanted);
        let first = |wanted: &[&str]| wanted.iter().find_map(place);
        let unknown = |what: &str| {
            let names: String = names.join(", ").chars().take(200).collect();
            ExportError::Unknown(format!("{what} among the columns {names}"))
        };
        let columns = Self {
            day: first(DAY).ok_or_else(|| unknown("there is no day"))?,
            model: first(MODEL),
            requests: first(REQUESTS),
            input: first(INPUT)
                .map_or_else(|| INPUT_PARTS.iter().filter_map(place).collect(), |column| vec![column]),
            output: first(OUTPUT),
            cost: first(COST),
        };
        if columns.input.is_empty() && columns.output.is_none() && columns.cost.is_none() {
            return Err(unknown("there are neither tokens nor costs"));
        }
        Ok(columns)
    }

    /// What a record tells; an empty cell tells nothing. `None` if a number cannot be read.
    fn reported<'a>(&self, cell: &impl Fn(usize) -> &'a str) -> Option<Reported> {
        let number = |column: Option<usize>, digits| match column.map(cell).unwrap_or_default() {
            "" => Some(None),
            text => scaled(text, digits).map(Some),
        };
        let mut input = None;
        for column in &self.input {
            if let Some(part) = number(Some(*column), 0)? {
                input = Some(input.unwrap_or(0_i64).saturating_add(part));
            }
        }
        Some(Reported {
            requests: number(self.requests, 0)?,
            input,
            output: number(self.output, 0)?,
            cost: number(self.cost, DOLLARS)?,
        })
    }
}

/// The cells of each record. Separated by commas, semicolons or tabs, whichever comes first in the header.
fn records(text: &str) -> Vec<Vec<String>> {
    let header = text.lines().next().unwrap_or_default();
    let separator = header.chars().find(|c| matches!(c, ',' | ';' | '\t')).unwrap_or(',');
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut left = text.chars().peekable();
    while let Some(c) = left.next() {
        match c {
            '"' if is_quoted && left.peek() == Some(&'"') => {
                left.next();
                cell.push('"');
            }
            '"' if is_quoted || cell.is_empty() => is_quoted = !is_quoted,
            c if is_quoted => cell.push(c),
            c if c == separator => record.push(std::mem::take(&mut cell)),
            '\n' => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            '\r' => {}
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !record.is_empty() {
        record.push(cell);
        records.push(record);
    }
    records
}

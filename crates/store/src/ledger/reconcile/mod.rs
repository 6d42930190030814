//! Holds the ledger against what a provider says was used: reads the provider's export and compares it by day and model. Pure.

mod api;
mod compare;
mod number;
mod table;

use std::collections::BTreeMap;

pub use compare::{Difference, Pair, compare};

/// What a provider says was used of one model on one day. What its export does not tell is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Requests.
    pub requests: Option<i64>,
    /// Prompt tokens, the cached ones included.
    pub input: Option<i64>,
    /// Answer tokens.
    pub output: Option<i64>,
    /// Billionths of a US dollar.
    pub cost: Option<i64>,
}

/// A provider's export, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// By day (counted from 1970-01-01) and the provider's name for the model; the name is empty where the export tells none.
    pub lines: BTreeMap<(i64, String), Reported>,
    /// Whether the provider has more pages than the file.
    pub is_cut: bool,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It is none of the kinds that are known.
    #[error("this is no usage export that is known: {0}")]
    Unknown(String),
    /// A line or an entry of it makes no sense.
    #[error("{place}: {what}")]
    Bad {
        /// `line 7`, `page 1, bucket 2`.
        place: String,
        /// What is wrong.
        what: String,
    },
}

/// Reads an export: pages of the usage or cost API of OpenAI or Anthropic as JSON (one page, a list of pages, or one after the
/// other), or a table (CSV) of theirs or with the columns `date`, `model`, `input_tokens`, `output_tokens`, `cost`.
pub fn read(bytes: &[u8]) -> Result<Export, ExportError> {
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    match text.trim_start().bytes().next() {
        None => Err(ExportError::Unknown("it is empty".into())),
        Some(b'{' | b'[') => api::read(&text),
        Some(_) => table::read(&text),
    }
}

impl Export {
    fn add(&mut self, day: i64, model: &str, reported: &Reported) {
        let line = self.lines.entry((day, model.trim().to_owned())).or_default();
        for (sum, value) in [
            (&mut line.requests, reported.requests),
            (&mut line.input, reported.input),
            (&mut line.output, reported.output),
            (&mut line.cost, reported.cost),
        ] {
            if let Some(value) = value {
                *sum = Some(sum.unwrap_or(0).saturating_add(value));
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! CSV (RFC 4180, with a header line). Cells that a spreadsheet would take for a formula begin with an apostrophe.

use tidegate_core::NanoUsd;

use super::cells::Lines;
use crate::ledger::calendar::moment;
use crate::ledger::{By, Row, Sums, UsageRow};

/// An answer to a question, with the dimensions that were asked by.
pub fn usage(by: &[By], rows: &[UsageRow]) -> String {
    let mut lines = Lines::default();
    by.iter().for_each(|by| lines.plain(by.word()));
    Sums::COLUMNS.iter().filter(|column| **column != "cost").for_each(|column| lines.plain(column));
    lines.plain("cost_usd");
    lines.end();
    for row in rows {
        row.group.iter().for_each(|text| lines.text(text));
        for (column, value) in Sums::COLUMNS.iter().zip(row.sums.values()) {
            if *column != "cost" {
                lines.plain(value);
            }
        }
        lines.plain(NanoUsd(row.sums.cost));
        lines.end();
    }
    lines.into_text()
}

const ROW_COLUMNS: [&str; 33] = [
    "request_id",
    "attempt",
    "last",
    "ended",
    "key",
    "team",
    "user",
    "tags",
    "client",
    "endpoint",
    "model",
    "provider",
    "target_model",
    "upstream_id",
    "outcome",
    "status",
    "error",
    "stream",
    "input",
    "output",
    "cache_read",
    "cache_write",
    "reasoning",
    "audio",
    "image",
    "estimated",
    "cost_usd",
    "prices",
    "price_version",
    "first_token_us",
    "duration_us",
    "cache",
    "region",
];

/// Rows of single attempts. Tags are separated by spaces; an unpriced row has an empty cost.
pub fn rows(rows: &[Row<'_>]) -> String {
    let mut lines = Lines::default();
    ROW_COLUMNS.iter().for_each(|column| lines.plain(column));
    lines.end();
    for row in rows {
        who(&mut lines, row);
        what(&mut lines, row);
        lines.end();
    }
    lines.into_text()
}

fn who(lines: &mut Lines, row: &Row<'_>) {
    lines.text(&row.request_id);
    lines.plain(row.attempt);
    lines.plain(row.last);
    lines.plain(moment(row.ended / 1_000_000));
    for text in
        [&row.key, &row.team, &row.user, &row.tags.join(" ").into(), &row.client, &row.endpoint, &row.model]
    {
        lines.text(text);
    }
    for text in [&row.provider, &row.target_model, &row.upstream_id, &row.outcome] {
        lines.text(text);
    }
}

fn what(lines: &mut Lines, row: &Row<'_>) {
    lines.plain(row.status);
    lines.text(&row.error);
    lines.plain(row.stream);
    let tokens = &row.tokens;
    for count in [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write] {
        lines.plain(count);
    }
    for count in [tokens.reasoning, tokens.audio, tokens.image] {
        lines.plain(count);
    }
    lines.plain(row.estimated);
    lines.plain(row.cost.map(|cost| NanoUsd(cost).to_string()).unwrap_or_default());
    lines.text(&row.prices);
    lines.text(&row.price_version);
    lines.plain(row.first_token.map(|time| time.to_string()).unwrap_or_default());
    lines.plain(row.duration);
    lines.text(&row.cache);
    lines.text(&row.region);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_78_cells_that_look_like_formulas_are_neutralised() {
        for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "=cmd|' /C calc'!A0"] {
            let row = Row { user: evil.into(), model: evil.into(), ..Row::default() };
            let answer = UsageRow { group: vec![evil.into()], sums: Sums::default() };
            for text in [rows(&[row]), usage(&[By::User], &[answer])] {
                let cell = format!("\"'{evil}\"");
                assert!(text.contains(&cell), "{text}");
                assert!(!text.replace(&cell, "").contains(evil), "{text}");
            }
        }
    }

    #[test]
    fn quotes_and_line_ends_stay_in_their_cell() {
        let answer =
            UsageRow { group: vec!["a \"b\",\r\nc".into()], sums: Sums { cost: -5, ..Sums::default() } };
        let text = usage(&[By::Model], &[answer]);
        let (header, line) = text.split_once("\r\n").unwrap();
        assert!(header.starts_with("model,requests,attempts,input,"), "{header}");
        assert!(line.starts_with("\"a \"\"b\"\",\r\nc\",0,0,"), "{line}");
        assert!(line.ends_with(",-0.000000005\r\n"), "{line}");
    }

    #[test]
    fn every_line_has_every_column() {
        let text = rows(&[Row::default()]);
        assert!(text.lines().all(|line| line.split(',').count() == ROW_COLUMNS.len()), "{text}");
    }
}

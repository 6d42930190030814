//! Makes a row fit for every database: no NUL (Postgres refuses it in text), no text too long for an index, no number that would
//! bring a sum to overflow. What is changed is only ever nonsense; a row is never refused.

use crate::ledger::Row;
use crate::ledger::calendar::{DAY_MICROS, LAST_DAY};

/// Longest texts, in bytes. Postgres takes at most about 2,700 bytes for all columns of an index together.
const NAME: usize = 128;
const MODEL: usize = 384;
const TEXT: usize = 1_024;
/// More tokens than any answer has.
const MOST_TOKENS: i64 = 1_000_000_000_000;
/// A million dollars.
const MOST_COST: i64 = 1_000_000_000_000_000;
/// A year.
const LONGEST: i64 = 366 * DAY_MICROS;

/// Cleans a row.
pub(super) fn clean(row: &mut Row) {
    for name in [&mut row.request_id, &mut row.key, &mut row.team, &mut row.client, &mut row.endpoint] {
        text(name, NAME);
    }
    for name in [&mut row.provider, &mut row.outcome, &mut row.cache, &mut row.region, &mut row.error] {
        text(name, NAME);
    }
    for name in [&mut row.user, &mut row.model, &mut row.target_model] {
        text(name, MODEL);
    }
    for name in [&mut row.upstream_id, &mut row.prices, &mut row.price_version] {
        text(name, TEXT);
    }
    row.tags.iter_mut().for_each(|tag| text(tag, NAME));
    row.tags.truncate(100);
    numbers(row);
}

fn numbers(row: &mut Row) {
    row.ended = row.ended.clamp(0, (LAST_DAY + 1) * DAY_MICROS - 1);
    let tokens = &mut row.tokens;
    for count in [&mut tokens.input, &mut tokens.output, &mut tokens.cache_read, &mut tokens.cache_write] {
        *count = (*count).clamp(0, MOST_TOKENS);
    }
    for count in [&mut tokens.reasoning, &mut tokens.audio, &mut tokens.image] {
        *count = (*count).clamp(0, MOST_TOKENS);
    }
    row.cost = row.cost.map(|cost| cost.clamp(-MOST_COST, MOST_COST));
    row.duration = row.duration.clamp(0, LONGEST);
    row.first_token = row.first_token.map(|time| time.clamp(0, LONGEST));
}

fn text(text: &mut String, longest: usize) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
    if text.len() > longest {
        let end = (0..=longest - '…'.len_utf8()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn texts_are_short_and_without_nul(before: String, longest in 3_usize..40) {
            let mut after = before.clone();
            text(&mut after, longest);
            proptest::prop_assert!(after.len() <= longest.max(before.len().min(longest)));
            proptest::prop_assert!(!after.contains('\0'));
            if before.len() <= longest && !before.contains('\0') {
                proptest::prop_assert_eq!(after, before);
            }
        }
    }

    #[test]
    fn absurd_numbers_are_bounded() {
        let mut row = Row { ended: i64::MIN, cost: Some(i64::MAX), duration: -1, ..Row::default() };
        row.tokens.output = i64::MAX;
        clean(&mut row);
        assert_eq!((row.ended, row.cost, row.duration), (0, Some(MOST_COST), 0));
        assert_eq!(row.tokens.output, MOST_TOKENS);
    }
}

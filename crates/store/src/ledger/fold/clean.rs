//! Makes a row fit for every database: no NUL (Postgres refuses it in text), no text too long for an index, no number that would
//! bring a sum to overflow. What is changed is only ever nonsense; a row is never refused.

use std::borrow::Cow;
use std::mem::take;

use crate::ledger::Row;
use crate::ledger::calendar::{DAY_MICROS, LAST_DAY};

/// Longest texts, in bytes. Postgres takes at most about 2,700 bytes for all columns of an index together.
const NAME: usize = 128;
const MODEL: usize = 384;
const TEXT: usize = 1_024;
const MOST_TAGS: usize = 100;
/// More tokens than any answer has.
const MOST_TOKENS: i64 = 1_000_000_000_000;
/// A million dollars.
const MOST_COST: i64 = 1_000_000_000_000_000;
/// A year.
const LONGEST: i64 = 366 * DAY_MICROS;

/// Cleans a row; tells whether anything of it was changed.
pub(super) fn clean(row: &mut Row<'_>) -> bool {
    let mut is_changed = false;
    for name in [&mut row.request_id, &mut row.key, &mut row.team, &mut row.client, &mut row.endpoint] {
        is_changed |= text(name, NAME);
    }
    for name in [&mut row.provider, &mut row.outcome, &mut row.cache, &mut row.region, &mut row.error] {
        is_changed |= text(name, NAME);
    }
    for name in [&mut row.user, &mut row.model, &mut row.target_model] {
        is_changed |= text(name, MODEL);
    }
    for name in [&mut row.upstream_id, &mut row.prices, &mut row.price_version] {
        is_changed |= text(name, TEXT);
    }
    is_changed | tags(&mut row.tags) | numbers(row)
}

fn tags(tags: &mut Cow<'_, [String]>) -> bool {
    let is_good = |tag: &String| tag.len() <= NAME && !tag.contains('\0');
    if tags.len() <= MOST_TAGS && tags.iter().all(is_good) {
        return false;
    }
    let tags = tags.to_mut();
    tags.truncate(MOST_TAGS);
    for tag in tags {
        let mut cleaned = Cow::Owned(take(tag));
        text(&mut cleaned, NAME);
        *tag = cleaned.into_owned();
    }
    true
}

fn numbers(row: &mut Row<'_>) -> bool {
    let tokens = &mut row.tokens;
    let mut is_changed = bound(&mut row.ended, 0, (LAST_DAY + 1) * DAY_MICROS - 1);
    for count in [&mut tokens.input, &mut tokens.output, &mut tokens.cache_read, &mut tokens.cache_write] {
        is_changed |= bound(count, 0, MOST_TOKENS);
    }
    for count in [&mut tokens.reasoning, &mut tokens.audio, &mut tokens.image] {
        is_changed |= bound(count, 0, MOST_TOKENS);
    }
    is_changed |= row.cost.as_mut().is_some_and(|cost| bound(cost, -MOST_COST, MOST_COST));
    is_changed |= row.first_token.as_mut().is_some_and(|time| bound(time, 0, LONGEST));
    is_changed | bound(&mut row.duration, 0, LONGEST)
}

fn bound(number: &mut i64, least: i64, most: i64) -> bool {
    let before = *number;
    *number = before.clamp(least, most);
    *number != before
}

fn text(text: &mut Cow<'_, str>, longest: usize) -> bool {
    let mut is_changed = false;
    // What is borrowed stood without escapes in a line of JSON: there is no NUL in it.
    if matches!(text, Cow::Owned(text) if text.contains('\0')) {
        *text = Cow::Owned(text.replace('\0', "\u{fffd}"));
        is_changed = true;
    }
    if text.len() > longest {
        let end = (0..=longest - '…'.len_utf8()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let text = text.to_mut();
        text.truncate(end);
        text.push('…');
        is_changed = true;
    }
    is_changed
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn texts_are_short_and_without_nul(before: String, longest in 3_usize..40) {
            let mut after = Cow::Owned(before.clone());
            let is_changed = text(&mut after, longest);
            proptest::prop_assert!(after.len() <= longest.max(before.len().min(longest)));
            proptest::prop_assert!(!after.contains('\0'));
            if before.len() <= longest && !before.contains('\0') {
                proptest::prop_assert_eq!(&after, &before);
            }
            proptest::prop_assert_eq!(is_changed, after != before);
        }
    }

    #[test]
    fn absurd_numbers_are_bounded() {
        let mut row = Row { ended: i64::MIN, cost: Some(i64::MAX), duration: -1, ..Row::default() };
        row.tokens.output = i64::MAX;
        assert!(clean(&mut row));
        assert!(!clean(&mut row));
        assert_eq!((row.ended, row.cost, row.duration), (0, Some(MOST_COST), 0));
        assert_eq!(row.tokens.output, MOST_TOKENS);
    }
}

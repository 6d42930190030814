//! Headers about limits. What follows from the rules alone (names, limits, `ratelimit-policy`) is kept and copied: to put eleven headers into a
//! map one by one, and write all their values, takes three times the instructions.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tidegate_policy::limit::Rule;
use tidegate_policy::limit::told::{Lines, Name, Teller};

use crate::headers;

/// How many sheets a thread keeps, each of about two KiB.
const KEPT: usize = 256;
/// Room for these and the other headers of an answer: growing later means to hash all names anew.
const ROOM: usize = 24;

/// In whose words limits are told; always in those of the IETF draft too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// OpenAI's, and our own for money.
    OpenAi,
    /// Anthropic's, and our own for money.
    Anthropic,
    /// No others.
    Standard,
}

/// Headers whose values are to be filled in, and what they were made of. As long as a rule is kept here no other one has its place in memory.
struct Sheet {
    rules: Vec<Arc<Rule>>,
    words: Words,
    headers: HeaderMap,
}

thread_local! {
    static SHEETS: RefCell<Vec<Option<Sheet>>> = const { RefCell::new(Vec::new()) };
}

/// All headers about the limits that are told, at that time (microseconds since 1970).
pub fn told(teller: &Teller<'_>, words: Words, now: i64) -> HeaderMap {
    let mut map = sheet(teller, words);
    map.reserve(ROOM - map.len().min(ROOM));
    fill_in(&mut map, write(teller, words, now, Lines::changing()));
    map
}

fn write(teller: &Teller<'_>, words: Words, now: i64, mut lines: Lines) -> Lines {
    match words {
        Words::OpenAi => teller.openai(&mut lines),
        Words::Anthropic => teller.anthropic(now, &mut lines),
        Words::Standard => {}
    }
    teller.standard(&mut lines);
    if words != Words::Standard {
        teller.budget(&mut lines);
    }
    lines
}

/// The headers without the values that change.
fn sheet(teller: &Teller<'_>, words: Words) -> HeaderMap {
    let mix = |place: usize, rule: &Arc<Rule>| place.rotate_left(7) ^ (Arc::as_ptr(rule).addr() >> 4);
    let place = rules(teller).fold(words as usize, mix) % KEPT;
    SHEETS.with_borrow_mut(|sheets| {
        if sheets.is_empty() {
            sheets.resize_with(KEPT, || None);
        }
        let is_it = |sheet: &Sheet| {
            sheet.words == words && rules(teller).map(Arc::as_ptr).eq(sheet.rules.iter().map(Arc::as_ptr))
        };
        if let Some(sheet) = sheets[place].as_ref().filter(|sheet| is_it(sheet)) {
            return sheet.headers.clone();
        }
        let headers = make(teller, words);
        let rules = rules(teller).cloned().collect();
        sheets[place] = Some(Sheet { rules, words, headers: headers.clone() });
        headers
    })
}

/// What a sheet follows from.
fn rules<'a>(teller: &'a Teller<'_>) -> impl Iterator<Item = &'a Arc<Rule>> {
    teller.rules().chain(teller.openai_rules())
}

fn make(teller: &Teller<'_>, words: Words) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(ROOM);
    let policy = HeaderValue::from_maybe_shared(Bytes::from(teller.policy()));
    map.insert(headers::RATELIMIT_POLICY, policy.unwrap_or(headers::UNKNOWN));
    for (name, value) in values(write(teller, words, 0, Lines::all())) {
        map.insert(headers::limit(name).clone(), value);
    }
    map
}

/// Writes values into the headers that stand there already, in the same order.
fn fill_in(map: &mut HeaderMap, lines: Lines) {
    let mut values = values(lines);
    let Some(mut next) = values.next() else { return };
    for (name, slot) in map.iter_mut() {
        if name == headers::limit(next.0) {
            *slot = next.1;
            match values.next() {
                Some(value) => next = value,
                None => return,
            }
        }
    }
}

/// Lines with their values, which are pieces of one buffer.
fn values(lines: Lines) -> impl Iterator<Item = (Name, HeaderValue)> {
    let (text, lines) = lines.into_parts();
    let text = Bytes::from(text);
    let mut start = 0;
    lines.into_iter().map(move |(name, end)| {
        let value = HeaderValue::from_maybe_shared(text.slice(start..end));
        start = end;
        (name, value.unwrap_or(headers::UNKNOWN))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidegate_policy::limit::{Claim, Decision, Scope, Standing, Unit, Window};

    use super::*;

    fn rule(name: &str, unit: Unit, amount: i64) -> Arc<Rule> {
        let window = Window::Sliding(Duration::from_secs(60));
        Arc::new(Rule { name: name.into(), scope: Scope::Key, unit, amount, window, models: Vec::new() })
    }

    fn headers(limits: &[(&Arc<Rule>, i64)], words: Words) -> Vec<String> {
        let claim =
            |(rule, _): &(&Arc<Rule>, i64)| Claim { rule: Arc::clone(rule), subject: "s".into(), amount: 1 };
        let claims: Vec<Claim> = limits.iter().map(claim).collect();
        let standing =
            |(_, remaining): &(&Arc<Rule>, i64)| Standing { remaining: *remaining, reset: Duration::ZERO };
        let decision = Decision { standings: limits.iter().map(standing).collect(), denial: None };
        let map = told(&Teller::new(&claims, &decision), words, 0);
        let mut all: Vec<String> =
            map.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        all.sort();
        all
    }

    #[test]
    fn a_sheet_is_of_its_rules_however_many_there_are() {
        let money = rule("m", Unit::Money, 2_000_000);
        for round in 0..2 * KEPT as i64 {
            let one = rule("r", Unit::Requests, round);
            for left in [round, 0] {
                let alone = headers(&[(&one, left)], Words::Standard);
                let wanted = [
                    format!("ratelimit-policy: \"r\";q={round};w=60"),
                    format!("ratelimit: \"r\";r={left};t=0"),
                ];
                assert_eq!(alone, wanted);
                let both = headers(&[(&one, left), (&money, 1)], Words::OpenAi);
                let wanted = [
                    format!("ratelimit-policy: \"r\";q={round};w=60, \"m\";q=2000;qu=\"micro-usd\";w=60"),
                    format!("ratelimit: \"r\";r={left};t=0, \"m\";r=0;t=0"),
                    "x-ratelimit-limit-requests: ".to_owned() + &round.to_string(),
                    format!("x-ratelimit-remaining-requests: {left}"),
                    "x-ratelimit-reset-requests: 0s".to_owned(),
                    "x-tidegate-budget-limit: 0.002".to_owned(),
                    "x-tidegate-budget-remaining: 0.000000001".to_owned(),
                    "x-tidegate-budget-reset: 0".to_owned(),
                ];
                assert_eq!(both, wanted);
            }
        }
    }

    #[test]
    fn of_several_limits_of_tokens_openais_callers_read_the_one_that_is_tightest_now() {
        let (all, input) = (rule("all", Unit::Tokens, 1000), rule("in", Unit::InputTokens, 500));
        let limit = |left| {
            let headers = headers(&[(&all, left), (&input, 250)], Words::OpenAi);
            headers.into_iter().find(|header| header.starts_with("x-ratelimit-limit-tokens")).unwrap()
        };
        for (left, tightest) in [(100, "1000"), (900, "500"), (100, "1000")] {
            assert_eq!(limit(left), format!("x-ratelimit-limit-tokens: {tightest}"));
        }
    }
}

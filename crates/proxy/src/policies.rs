//! `ratelimit-policy` lines that were made lately: they repeat what rules say, which seldom changes.

use std::cell::RefCell;
use std::sync::Arc;

use http::HeaderValue;
use tidegate_policy::limit::Rule;
use tidegate_policy::limit::told::Teller;

use crate::headers;

/// How many lines a thread keeps, each some hundred bytes.
const KEPT: usize = 256;

/// A line and what it was made of. As long as a rule is kept here no other one has its place in memory.
struct Line {
    rules: Vec<Arc<Rule>>,
    value: HeaderValue,
}

thread_local! {
    static LINES: RefCell<Vec<Option<Line>>> = const { RefCell::new(Vec::new()) };
}

/// The line about the limits that are told.
pub fn policy(teller: &Teller<'_>) -> HeaderValue {
    let mix = |place: usize, rule: &Arc<Rule>| place.rotate_left(7) ^ (Arc::as_ptr(rule).addr() >> 4);
    let place = teller.rules().fold(0, mix) % KEPT;
    LINES.with_borrow_mut(|lines| {
        if lines.is_empty() {
            lines.resize_with(KEPT, || None);
        }
        let is_of = |line: &Line| teller.rules().map(Arc::as_ptr).eq(line.rules.iter().map(Arc::as_ptr));
        if let Some(line) = lines[place].as_ref().filter(|line| is_of(line)) {
            return line.value.clone();
        }
        let value = HeaderValue::from_maybe_shared(bytes::Bytes::from(teller.policy()));
        let value = value.unwrap_or(headers::UNKNOWN);
        lines[place] = Some(Line { rules: teller.rules().cloned().collect(), value: value.clone() });
        value
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidegate_policy::limit::{Claim, Decision, Scope, Standing, Unit, Window};

    use super::*;

    fn line(rules: &[&Arc<Rule>]) -> HeaderValue {
        let claim = |rule: &&Arc<Rule>| Claim { rule: Arc::clone(rule), subject: "s".into(), amount: 1 };
        let claims: Vec<Claim> = rules.iter().map(claim).collect();
        let standings = vec![Standing { remaining: 1, reset: Duration::ZERO }; claims.len()];
        policy(&Teller::new(&claims, &Decision { standings, denial: None }))
    }

    #[test]
    fn a_line_is_of_its_rules_however_many_there_are() {
        let rule = |unit, amount| {
            let window = Window::Sliding(Duration::from_secs(60));
            Arc::new(Rule { name: "r".into(), scope: Scope::Key, unit, amount, window, models: Vec::new() })
        };
        let money = rule(Unit::Money, 2_000_000);
        for round in 0..2 * KEPT as i64 {
            let one = rule(Unit::Requests, round);
            let alone = format!("\"r\";q={round};w=60");
            let both = format!("{alone}, \"r\";q=2000;qu=\"micro-usd\";w=60");
            for _ in 0..2 {
                assert_eq!(line(&[&one]), alone);
                assert_eq!(line(&[&one, &money]), both);
            }
        }
    }
}

//! How a target stands now, as JSON.

use serde_json::{Value, json as value};
use tidegate_policy::health::{Out, Standing};
use tidegate_proxy::traffic::Live;

/// Moments that are farther away than this mean that nobody knows: ten years, in microseconds.
const NEVER: i64 = 10 * 365 * 86_400 * 1_000_000;

/// The state of a target; `now` in microseconds.
pub(super) fn of(live: &Live, now: i64) -> Value {
    let gauge = &live.gauge;
    let (word, share, until) = told(gauge.health().standing(now));
    let until = until.filter(|until| until.saturating_sub(now) < NEVER);
    let limit = live.gate.concurrency().limit();
    let first_token = gauge.first_token();
    value!({
        "standing": word,
        "share": rounded(share),
        // The first whole second in which it is over.
        "until": until.map(|until| until.div_euclid(1_000_000) + 1),
        "in_flight": gauge.in_flight(),
        "waiting": live.gate.waiting(),
        "concurrency_limit": (limit < u32::MAX).then_some(limit),
        "first_token_ms": (first_token > 0.0).then(|| rounded(first_token / 1000.0)),
        "opened": live.opened(),
        "headroom": rounded(gauge.headroom(now)),
        "load": rounded(gauge.load(now)),
    })
}

/// The word, the share of its weight that it gets, and until when that holds.
fn told(standing: Standing) -> (&'static str, f32, Option<i64>) {
    match standing {
        Standing::Ready(share) => ("ready", share, None),
        Standing::Trial => ("trial", 0.0, None),
        Standing::Out(Out::Broken(until)) => ("broken", 0.0, Some(until)),
        Standing::Out(Out::Held) => ("held", 0.0, None),
        Standing::Out(Out::Limited(until)) => ("limited", 0.0, Some(until)),
        Standing::Out(Out::Credential) => ("credential", 0.0, None),
    }
}

/// The words that a standing can be told by.
pub(super) const WORDS: [&str; 6] = ["ready", "trial", "broken", "held", "limited", "credential"];

/// Three digits behind the point.
fn rounded(number: f32) -> f64 {
    (f64::from(number) * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_of_which_nothing_is_known_is_ready_and_without_measurements() {
        let live = Live::new("acme/large".into());
        let state = of(&live, 1);
        assert_eq!((&state["standing"], &state["share"]), (&value!("ready"), &value!(1.0)));
        assert_eq!((&state["until"], &state["first_token_ms"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn a_limit_tells_until_when() {
        let live = Live::new("acme/large".into());
        let _ = live.gauge.health().limited(Some(5_000_000), 1_000_000);
        let state = of(&live, 2_000_000);
        assert_eq!((&state["standing"], &state["until"]), (&value!("limited"), &value!(6)));
        let _ = live.gauge.health().hold_open();
        assert_eq!(of(&live, 2_000_000)["until"], Value::Null);
    }

    #[test]
    fn every_standing_has_one_of_the_words() {
        for standing in [
            Standing::Ready(1.0),
            Standing::Trial,
            Standing::Out(Out::Broken(1)),
            Standing::Out(Out::Held),
            Standing::Out(Out::Limited(1)),
            Standing::Out(Out::Credential),
        ] {
            assert!(WORDS.contains(&told(standing).0));
        }
    }
}

//! Breakers of several instances hear of each other through Redis: each second tells what has opened here, and listens.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_policy::health::{Out, Standing};
use tidegate_proxy::clock::micros;
use tidegate_proxy::traffic::{Live, LiveTable};
use tidegate_store::counters::{Hints, Open};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Tells and hears for ever.
pub(super) async fn run(mut hints: Hints, live: Arc<LiveTable>) {
    let mut told = HashMap::new();
    let mut beat = tokio::time::interval(EVERY);
    loop {
        beat.tick().await;
        let now = micros();
        let opened = news(&live.all(), &mut told, now);
        for open in hints.exchange(&opened, now / 1000).await {
            let Some(target) = live.find(&open.target) else { continue };
            let until = open.until.saturating_mul(1000);
            // Each hint is heard once.
            if told.insert(format!("heard {}", open.target), until.unsigned_abs())
                != Some(until.unsigned_abs())
            {
                target.note(target.gauge.health().suspect(until));
            }
        }
    }
}

/// What has opened since the last look.
fn news(all: &[Arc<Live>], told: &mut HashMap<String, u64>, now: i64) -> Vec<Open> {
    let mut opened = Vec::new();
    for live in all {
        let before = told.insert(live.label.to_string(), live.opened()).unwrap_or(0);
        if live.opened() > before
            && let Standing::Out(Out::Broken(until)) = live.gauge.health().standing(now)
        {
            opened.push(Open { target: live.label.to_string(), until: until / 1000 });
        }
    }
    opened
}

#[cfg(test)]
mod tests {
    use tidegate_policy::balance::{Balancer, Outcome};

    use super::*;

    #[test]
    fn what_has_opened_is_told_once() {
        let live = Live::new("a/b".into());
        let (balancer, all, mut told) = (Balancer::default(), [live.clone()], HashMap::new());
        assert_eq!(news(&all, &mut told, 0), []);
        for _ in 0..5 {
            let ticket = live.gauge.begin(balancer.watch(), false, 0).ticket.unwrap();
            if let Some(event) = live.gauge.end(ticket, balancer.watch(), Outcome::Failure, 0) {
                live.note(event);
            }
        }
        assert_eq!(news(&all, &mut told, 0), [Open { target: "a/b".to_owned(), until: 30_000 }]);
        assert_eq!(news(&all, &mut told, 0), []);
    }
}

//! The bars of the rush, and how each side did.

use super::Night;
use crate::drill::meter::{Counted, WINDOW, Window};
use crate::drill::scenario::Scenario;
use crate::sample::{median, percentile};

/// Resident memory at most, compared with a quiet evening.
const MEMORY: f64 = 2.0;

/// Good answers at least, compared with what the provider could have given.
const GOODPUT: f64 = 0.95;

/// Callers of high priority with an answer, at least.
const HIGH: f64 = 0.99;

/// Seconds until a refusal, at most.
const REFUSAL: f64 = 0.010;

/// Seconds from the provider's recovery until all is as before, at most.
const RECOVERY: f64 = 10.0;

/// Normal: at least so much of what ends is a good answer.
const NORMAL_SHARE: f64 = 0.99;

/// Normal: the median answer takes at most so many times as long as before.
const NORMAL_LATENCY: f64 = 2.0;

/// A bar, and what each side did.
pub(super) struct Bar {
    pub(super) says: String,
    pub(super) off: Seen,
    pub(super) on: Seen,
}

/// A figure, and whether it is good enough.
pub(super) struct Seen {
    pub(super) says: String,
    pub(super) met: bool,
}

/// All bars.
pub(super) fn judge(night: &Night) -> Vec<Bar> {
    let scenario = &night.scenario;
    let bar = |says: String, look: &dyn Fn(&Counted) -> Seen| Bar {
        says,
        off: look(&night.off),
        on: look(&night.on),
    };
    vec![
        bar(format!("memory stays below {MEMORY:.0} × that of a quiet evening"), &|counted| {
            memory(scenario, counted)
        }),
        bar(
            format!(
                "good answers while overloaded: at least {:.0} % of what the provider can still give",
                GOODPUT * 100.0
            ),
            &|counted| goodput(scenario, counted),
        ),
        bar(format!("callers of high priority with an answer: at least {:.0} %", HIGH * 100.0), &high),
        bar(
            format!("a refusal comes within {:.0} ms: the first, and the median", REFUSAL * 1000.0),
            &refusal,
        ),
        bar(format!("back to normal within {RECOVERY:.0} s of the provider's recovery"), &|counted| {
            recovery(scenario, counted)
        }),
    ]
}

fn memory(scenario: &Scenario, counted: &Counted) -> Seen {
    let quiet = counted.between([scenario.traffic[0] / 2.0, scenario.traffic[0]]);
    let idle = median(quiet.iter().map(|window| window.mib));
    let most = counted.windows.iter().map(|window| window.mib).fold(0.0, f64::max);
    Seen {
        says: format!("{:.2} × ({idle:.0} to {most:.0} MiB)", most / idle),
        met: idle > 0.0 && most < MEMORY * idle,
    }
}

fn goodput(scenario: &Scenario, counted: &Counted) -> Seen {
    let [start, end] = scenario.overload();
    let good: usize = counted.between([start, end]).iter().map(|window| window.good.len()).sum();
    let steps = ((end - start) / WINDOW) as u32;
    let could: f64 =
        (0..steps).map(|step| scenario.capacity(start + f64::from(step) * WINDOW) * WINDOW).sum();
    let share = good as f64 / could;
    Seen { says: format!("{:.1} % ({good} of {could:.0})", share * 100.0), met: share >= GOODPUT }
}

fn high(counted: &Counted) -> Seen {
    let (fared, usual) = (counted.high, counted.usual);
    Seen {
        says: format!(
            "{:.2} % ({} of {}; of all others {:.1} %)",
            fared.share() * 100.0,
            fared.good,
            fared.good + fared.bad,
            usual.share() * 100.0
        ),
        met: fared.share() >= HIGH,
    }
}

fn refusal(counted: &Counted) -> Seen {
    let mut all: Vec<f64> =
        counted.windows.iter().flat_map(|window| window.refused.iter().copied()).collect();
    let Some(first) = counted.first_refusal else {
        return Seen { says: "nothing is refused".to_owned(), met: false };
    };
    let (median, late) = (percentile(&mut all, 0.5), percentile(&mut all, 0.99));
    Seen {
        says: format!(
            "first {}, median {}, p99 {} of {}",
            short(first),
            short(median),
            short(late),
            all.len()
        ),
        met: first < REFUSAL && median < REFUSAL,
    }
}

fn short(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

fn recovery(scenario: &Scenario, counted: &Counted) -> Seen {
    let quiet = counted.between([0.0, scenario.traffic[0]]);
    let before = median(quiet.iter().flat_map(|window| window.good.iter().copied()));
    let from = scenario.decline[3];
    let mut starts = (0..).map(|step| from + f64::from(step) * WINDOW);
    let last = scenario.end - scenario.calm;
    let found = starts
        .find(|&start| start > last || is_normal(counted.between([start, start + scenario.calm]), before));
    match found.filter(|&start| start <= last) {
        Some(start) => Seen { says: format!("{:.1} s", start - from), met: start - from <= RECOVERY },
        None => Seen { says: format!("not in {:.0} s", last - from), met: false },
    }
}

/// Whether what ended in these windows ended as on a quiet evening.
fn is_normal(windows: &[Window], before: f64) -> bool {
    let good: usize = windows.iter().map(|window| window.good.len()).sum();
    let bad: usize = windows
        .iter()
        .map(|window| window.refused.len() + window.left as usize + window.failed as usize)
        .sum();
    let usual = median(windows.iter().flat_map(|window| window.good.iter().copied()));
    good > 0
        && good as f64 >= NORMAL_SHARE * (good + bad) as f64
        && usual <= NORMAL_LATENCY * before
        && windows.first().is_some_and(|first| first.left == 0 && first.refused.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A side that gives `share` of what the provider can give, and takes so many seconds for each answer.
    fn side(scenario: &Scenario, share: f64, took: f64) -> Counted {
        let mut counted = Counted::default();
        let mut owed = 0.0;
        for place in 0..(scenario.end / WINDOW) as u32 {
            let time = f64::from(place) * WINDOW;
            owed += scenario.rate(time).min(scenario.capacity(time)) * share * WINDOW;
            let good = vec![took; owed as usize];
            owed -= good.len() as f64;
            counted.windows.push(Window { good, mib: 20.0, ..Window::default() });
        }
        counted
    }

    #[test]
    fn goodput_is_compared_with_what_the_provider_can_still_do() {
        let scenario = Scenario::full();
        assert!(goodput(&scenario, &side(&scenario, 0.97, 0.2)).met);
        assert!(!goodput(&scenario, &side(&scenario, 0.93, 0.2)).met);
    }

    #[test]
    fn memory_is_compared_with_a_quiet_evening() {
        let scenario = Scenario::full();
        let mut counted = side(&scenario, 1.0, 0.2);
        assert!(memory(&scenario, &counted).met);
        counted.windows[300].mib = 41.0;
        assert!(!memory(&scenario, &counted).met);
    }

    #[test]
    fn back_to_normal_is_when_nobody_leaves_and_answers_are_fast() {
        let scenario = Scenario::full();
        let mut counted = side(&scenario, 1.0, 0.2);
        assert!(recovery(&scenario, &counted).met);
        let late = ((scenario.decline[3] + 12.0) / WINDOW) as usize;
        counted.windows[late].left = 50;
        let seen = recovery(&scenario, &counted);
        assert!(!seen.met || seen.says == "0.0 s", "{}", seen.says);
        for place in (scenario.decline[3] / WINDOW) as usize..late {
            counted.windows[place].good.iter_mut().for_each(|took| *took = 3.0);
        }
        let seen = recovery(&scenario, &counted);
        assert!(!seen.met && seen.says == "12.2 s", "{}", seen.says);
    }

    #[test]
    fn a_late_refusal_is_no_refusal_at_once() {
        let mut counted = Counted { first_refusal: Some(0.002), ..Counted::default() };
        counted.windows.push(Window { refused: vec![0.002, 0.003, 9.0], ..Window::default() });
        assert!(refusal(&counted).met);
        counted.windows.push(Window { refused: vec![9.0; 4], ..Window::default() });
        assert!(!refusal(&counted).met);
        assert!(!refusal(&Counted::default()).met);
    }
}

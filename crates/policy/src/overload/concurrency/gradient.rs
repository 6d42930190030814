//! The limit that is learnt from times to first token and refusals.

use super::kinds::Kinds;
use super::{Adaptive, Answer};
use crate::overload::micros;

/// A window is at least so long, microseconds.
const SHORTEST: i64 = 250_000;
/// Refusals halve the limit at most once in so much time, microseconds.
const HALVING: i64 = 1_000_000;
/// Samples of a window: half the limit, within these bounds.
const SAMPLES: (f64, f64) = (5.0, 50.0);
/// Samples of a window at ease: answers differ, and what is taken for trouble must not be chance.
const SAMPLES_AT_EASE: f64 = 30.0;
/// A cut is at most so deep.
const DEEPEST: f64 = 0.7;
/// A cut at least so deep is checked for whether it has helped; the effect of lesser ones is lost in the noise.
const CHECKED: f64 = 0.85;
/// Slower by less than this is as slow as before.
const STEADY: f64 = 0.1;
/// What a probe finds faster by more than this is no accident.
const NOISE: f64 = 0.25;
/// Two and a half times slower than usual may be a sign of trouble; as a logarithm.
const TROUBLE: f64 = 0.9;
/// What is slower than that must add up to so many times the variance of latencies, or it may be chance.
const PROOF: f64 = 10.0;
/// It is overload only where so many times as many as usual are under way.
const MORE: f64 = 1.5;
/// After so many windows and [`CALM`] it is known what is usual; before, slow answers may just be those that take their time.
const KNOWN: f64 = 5.0;
/// The variance of latencies is taken for at least this.
const LEAST_SPREAD: f64 = 0.04;
/// Without a sign of trouble for so long the target is at ease, microseconds.
const CALM: i64 = 30_000_000;
/// A target that is slower than usual by more than this is not given more: half as slow again, as a logarithm.
const WIDENS: f64 = 0.405;
/// So many a target at ease may always have: at a start nobody knows it yet, and those who come at once are not to wait for its getting known.
const LEAST_AT_EASE: u32 = 1000;
/// In so many windows in a row the limit of a target at ease may be used up.
const CROWDED: u32 = 2;
/// How fast a target at ease may become slower until it counts as usual, microseconds.
const GETTING_USED: f64 = 300e6;
/// Where latencies are logarithms, a factor of two.
const TWICE: f64 = std::f64::consts::LN_2;

/// What is known of a target. Latencies are natural logarithms of microseconds: what is fair to compare are factors.
#[derive(Debug)]
pub(super) struct Gradient {
    rules: Adaptive,
    limit: f64,
    kinds: Kinds,
    /// Time to first token at rest.
    base: Option<f64>,
    window: Window,
    /// What is known since the target became slow.
    slow: Option<Slow>,
    /// Where small cuts began that have not been enough yet: the limit, and how slow the target was.
    sinking: Option<(f64, f64)>,
    /// The limit before the current window, which measures the time at rest under a lowered one.
    probed: Option<f64>,
    next_probe: i64,
    /// Every good answer raises the limit by one: at the start, and after the target had fallen silent.
    is_ramping: bool,
    /// Refusals do not bring the limit below this before `floor_end`.
    floor: f64,
    floor_end: i64,
    /// When the target last showed a sign of trouble; `None`: it is at ease.
    troubled: Option<i64>,
    /// Windows in a row in which the limit was used up.
    crowded: u32,
    /// At ease: the variance of latencies, and how many are usually under way.
    spread: f64,
    usual: f64,
    /// Windows at ease so far, up to [`KNOWN`], and when the first one began.
    known: f64,
    began: i64,
    /// At ease: what answers of late were slower than [`TROUBLE`] allows, added up, and how many they were.
    excess: (f64, f64),
}

/// Samples of requests that began after it was opened, so that each is taken under the limit of the window.
#[derive(Debug, Default)]
struct Window {
    opened: i64,
    sum: f64,
    squares: f64,
    count: f64,
    in_flight: f64,
    refusals: f64,
}

/// A time in which the target is too slow, window after window.
#[derive(Debug)]
struct Slow {
    /// The limit before the first cut.
    before: f64,
    /// The limit in the last window, and how slow the target was then.
    last: f64,
    latency: f64,
}

impl Gradient {
    pub(super) fn new(rules: Adaptive) -> Self {
        let initial = if rules.ease.is_some() { rules.initial.max(LEAST_AT_EASE) } else { rules.initial };
        let limit = f64::from(initial.clamp(rules.min.max(1), rules.max.max(1)));
        Self {
            rules,
            limit,
            kinds: Kinds::default(),
            base: None,
            window: Window { opened: i64::MIN, ..Window::default() },
            slow: None,
            sinking: None,
            probed: None,
            next_probe: i64::MIN,
            is_ramping: true,
            floor: limit,
            floor_end: i64::MIN,
            troubled: rules.ease.is_none().then_some(i64::MIN),
            crowded: 0,
            spread: 1.0,
            usual: 0.0,
            known: 0.0,
            began: i64::MAX,
            excess: (0.0, 0.0),
        }
    }

    pub(super) fn set_rules(&mut self, rules: Adaptive) {
        self.rules = rules;
        self.set_limit(self.limit);
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// A request was let through beyond the limit, since nothing was heard.
    pub(super) fn scout(&mut self) {
        self.is_ramping = true;
    }

    pub(super) fn first_token(&mut self, answer: Answer, started: i64, now: i64, in_flight: u32) {
        let latency = (now.saturating_sub(started).max(1) as f64).ln();
        let latency = self.kinds.as_stream(answer, latency);
        let is_good = self.base.is_none_or(|base| latency <= base + self.rules.tolerance.ln());
        if self.is_ramping && is_good && f64::from(in_flight) >= 0.75 * self.limit {
            self.set_limit(self.limit + 1.0);
        }
        if self.troubled.is_none()
            && let Some(latency) = self.alarm(latency, now)
            && f64::from(in_flight) > MORE * self.usual
        {
            self.begin_trouble(f64::from(in_flight), latency, now);
            return;
        }
        // At ease nothing is compared, and without those that began before, answers that take their time would be missed.
        if self.troubled.is_some() && started < self.window.opened {
            return;
        }
        self.window.sum += latency;
        self.window.squares += latency * latency;
        self.window.count += 1.0;
        self.window.in_flight += f64::from(in_flight);
        let enough = match self.troubled {
            None => SAMPLES_AT_EASE,
            Some(_) => (self.limit / 2.0).clamp(SAMPLES.0, SAMPLES.1),
        };
        if self.window.opened == i64::MIN {
            self.window.opened = started;
        }
        if self.window.count >= enough && now.saturating_sub(self.window.opened) >= SHORTEST {
            self.close(now);
        }
    }

    /// How slow the target is when chance does not explain it any more: answer by answer, as a window comes too late (a CUSUM test).
    fn alarm(&mut self, latency: f64, now: i64) -> Option<f64> {
        let trouble = self.base? + TROUBLE;
        let (excess, count) = self.excess;
        let excess = excess + latency - trouble;
        self.excess = if excess > 0.0 { (excess, count + 1.0) } else { (0.0, 0.0) };
        (self.is_known(now) && excess > PROOF * self.spread).then(|| trouble + excess / (count + 1.0))
    }

    /// Whether it is known what is usual.
    fn is_known(&self, now: i64) -> bool {
        self.known >= KNOWN && now.saturating_sub(self.began) > CALM
    }

    /// At once as many as would be answered in time if as many a second were done as now (Little's law); not fewer than usually.
    fn begin_trouble(&mut self, in_flight: f64, latency: f64, now: i64) {
        (self.troubled, self.is_ramping, self.excess) = (Some(now), false, (0.0, 0.0));
        self.window = Window { opened: now, ..Window::default() };
        let room = self.base.unwrap_or(latency) + self.rules.tolerance.max(1.01).ln() - latency;
        let least = self.usual.max(f64::from(self.rules.initial) / 4.0);
        self.set_limit((in_flight * room.min(0.0).exp()).max(least.min(in_flight)));
    }

    /// One is too many: of those under way this one was refused. At most halves the limit in a second, as what refuses everything for a
    /// while (a limit per minute) says nothing of how many it bears at once.
    pub(super) fn overloaded(&mut self, now: i64, in_flight: u32) {
        self.troubled = Some(now);
        self.is_ramping = false;
        self.window.refusals += 1.0;
        if now >= self.floor_end || now < self.floor_end.saturating_sub(HALVING) {
            self.floor = (self.limit / 2.0).floor();
            self.floor_end = now.saturating_add(HALVING);
        }
        let in_flight = f64::from(in_flight);
        let filled = if in_flight < 0.75 * self.limit { in_flight } else { self.limit };
        self.set_limit((filled - 1.0).max(self.floor).min(self.limit));
    }

    fn close(&mut self, now: i64) {
        let window = std::mem::take(&mut self.window);
        self.window.opened = now;
        let latency = window.sum / window.count;
        let fill = window.in_flight / window.count / self.limit;
        if self.troubled.is_none() {
            self.stay_at_ease(&window, latency, now);
            return;
        }
        if let Some(before) = self.probed.take() {
            self.end_probe(before, latency, now);
            return;
        }
        if window.refusals > 0.0 {
            self.slow = None;
            return;
        }
        let base = self.settle_base(latency, fill < 0.25);
        if let Some(before) =
            self.slow.as_ref().filter(|slow| self.was_in_vain(slow, latency)).map(|slow| slow.before)
        {
            self.slow = None;
            self.base = Some(latency);
            self.set_limit(before);
            return;
        }
        if self.has_sunk_in_vain(latency) {
            return;
        }
        self.note_trouble(fill, now);
        if fill < 0.5 {
            return;
        }
        self.turn(base, latency, fill);
        if self.troubled.is_some() {
            self.begin_probe(now, latency);
        }
    }

    /// When the limit has not been in the way for a while, the target is at ease again. As long as it is, it is what keeps trouble away.
    fn note_trouble(&mut self, fill: f64, now: i64) {
        if self.rules.ease.is_none() || fill >= 0.75 {
            self.troubled = Some(now);
        } else if self.troubled.is_some_and(|troubled| now.saturating_sub(troubled) > CALM) {
            (self.troubled, self.is_ramping) = (None, true);
        }
    }

    /// The limit follows what is under way at a distance, as long as the target is not much slower than usual.
    fn stay_at_ease(&mut self, window: &Window, latency: f64, now: i64) {
        let in_flight = window.in_flight / window.count;
        let base = self.base.unwrap_or(latency);
        let fill = in_flight / self.limit;
        let spread = (window.squares / window.count - latency * latency).max(LEAST_SPREAD);
        let learns = (1.0 / (self.known + 1.0)).max(0.2);
        self.spread += learns * (spread - self.spread);
        self.usual += learns * (in_flight - self.usual);
        self.crowded = if fill >= 0.75 { self.crowded + 1 } else { 0 };
        // The limit is in the way, so it has to be right.
        if self.crowded > CROWDED {
            (self.troubled, self.crowded) = (Some(now), 0);
            self.base = Some(base);
            return;
        }
        let passed = now.saturating_sub(window.opened).max(0) as f64;
        let pace = if latency < base { 0.2 } else { (passed / GETTING_USED).min(0.2) };
        let pace = if self.is_known(now) { pace } else { learns };
        self.began = self.began.min(window.opened);
        self.known = (self.known + 1.0).min(KNOWN);
        self.base = Some(base + pace * (latency - base));
        // What fills the limit widens it answer by answer.
        let wide = if fill < 0.75 && latency < base + WIDENS {
            in_flight * self.rules.ease.unwrap_or(1.0)
        } else {
            0.0
        };
        self.set_limit(wide.max(self.limit * 0.95).max(f64::from(LEAST_AT_EASE)));
    }

    /// Moves the limit by what the latency says. `fill`: the share of the limit that was in use.
    fn turn(&mut self, base: f64, latency: f64, fill: f64) {
        let tolerance = self.rules.tolerance.max(1.01).ln();
        let room = base + tolerance - latency;
        let gradient = room.exp().min(1.0);
        if room >= 0.0 || gradient < CHECKED {
            self.sinking = None;
        } else {
            self.sinking.get_or_insert((self.limit, latency));
        }
        if gradient < CHECKED {
            self.is_ramping = false;
            let earlier = self.slow.take();
            let before = earlier.as_ref().map_or(self.limit, |slow| slow.before);
            // While it becomes slower from window to window, the effect of a cut could not be told from that of its cause.
            let is_steady = earlier.is_some_and(|slow| latency < slow.latency + STEADY);
            self.slow = Some(Slow { before, last: self.limit, latency });
            if is_steady {
                self.set_limit(self.limit * gradient.max(DEEPEST));
            }
            return;
        }
        self.slow = None;
        self.is_ramping &= gradient >= 1.0;
        let headroom =
            if fill >= 0.75 { self.limit.sqrt() * (room / tolerance).clamp(0.1, 1.0) } else { 0.0 };
        self.set_limit(self.limit * gradient + headroom);
    }

    /// Whether small cuts have halved the limit and the target is as slow as before. Then this is its time at rest, and they are taken back.
    fn has_sunk_in_vain(&mut self, latency: f64) -> bool {
        let Some((before, was)) = self.sinking else { return false };
        let hoped = (before / self.limit).ln();
        if hoped < TWICE {
            return false;
        }
        self.sinking = None;
        let is_vain = latency > was - hoped / 2.0;
        if is_vain {
            self.base = Some(latency);
            self.set_limit(before);
        }
        is_vain
    }

    /// Whether the target is as slow after a cut as before. Where requests queue in the target, it would be faster by the cut.
    fn was_in_vain(&self, slow: &Slow, latency: f64) -> bool {
        let hoped = (slow.last / self.limit).ln();
        hoped > 0.0 && latency > slow.latency - hoped / 2.0
    }

    /// What the time at rest is taken for after a window. It falls with what is faster, and rises only where the load cannot be the cause.
    fn settle_base(&mut self, latency: f64, is_at_rest: bool) -> f64 {
        let base = match self.base {
            None => latency,
            Some(base) if latency < base - TWICE => latency,
            Some(base) if latency < base => base + 0.2 * (latency - base),
            Some(base) if is_at_rest => base + 0.5 * (latency - base),
            Some(base) => base,
        };
        self.base = Some(base);
        base
    }

    fn begin_probe(&mut self, now: i64, latency: f64) {
        if self.next_probe == i64::MIN {
            // What was taken for rest at first may have been anything.
            self.next_probe = now.saturating_add((self.probe_after(now, latency) - now) / 10);
        }
        if now >= self.next_probe && self.slow.is_none() {
            self.probed = Some(self.limit);
            // Lower than by the tolerance, or a queue that is as long as it allows would be taken for rest.
            self.set_limit(self.probe_limit(self.limit));
        }
    }

    fn end_probe(&mut self, before: f64, latency: f64, now: i64) {
        let base = self.base.unwrap_or(latency);
        self.base = Some(if latency < base - NOISE { latency } else { base + 0.5 * (latency - base) });
        // What was refused meanwhile has its say.
        let has_fallen = self.limit < self.probe_limit(before).floor();
        self.set_limit(if has_fallen { self.limit } else { before });
        self.next_probe = self.probe_after(now, latency);
    }

    fn probe_limit(&self, limit: f64) -> f64 {
        limit / (2.0 * self.rules.tolerance.max(1.0))
    }

    /// A probe costs about half of what goes through for as long as an answer takes: a hundredth of the time at most.
    fn probe_after(&self, now: i64, latency: f64) -> i64 {
        let wait = (micros(self.rules.probe_every) as f64).max(50.0 * latency.exp());
        now.saturating_add(wait as i64)
    }

    fn set_limit(&mut self, limit: f64) {
        let min = f64::from(self.rules.min.max(1));
        self.limit = limit.clamp(min, f64::from(self.rules.max).max(min));
    }
}

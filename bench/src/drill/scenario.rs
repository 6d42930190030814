//! The night of the outage as figures: what is asked, and what the provider can do, at each moment of the run.

/// Times in seconds since the start, rates per second.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// Requests per second on a quiet evening.
    pub(crate) base_rate: f64,
    /// At the peak, so many times as many.
    pub(crate) times: f64,
    /// Traffic begins to rise, is up, begins to fall, is down.
    pub(crate) traffic: [f64; 4],
    /// The provider begins to decline, is down, begins to recover, has recovered.
    pub(crate) decline: [f64; 4],
    /// What the provider does at full speed: before, and when it is down.
    pub(crate) slots: [f64; 2],
    /// Seconds of one answer at full speed: before, and when it is down.
    pub(crate) service: [f64; 2],
    /// The provider gives up on an answer after so many seconds.
    pub(crate) longest: f64,
    /// A client waits for an answer so long: least and most.
    pub(crate) patience: [f64; 2],
    /// First and longest wait of a client before it asks again.
    pub(crate) backoff: [f64; 2],
    /// How long the gateway may keep a request in its queue.
    pub(crate) queue_wait: f64,
    /// Things are normal again when they have been so for so long.
    pub(crate) calm: f64,
    /// The run ends.
    pub(crate) end: f64,
}

impl Scenario {
    /// Three and a half minutes.
    pub(crate) fn full() -> Self {
        Self {
            base_rate: 5.0,
            times: 20.0,
            traffic: [20.0, 80.0, 160.0, 170.0],
            decline: [50.0, 70.0, 130.0, 135.0],
            slots: [40.0, 8.0],
            service: [0.2, 0.4],
            longest: 30.0,
            patience: [20.0, 30.0],
            backoff: [0.5, 8.0],
            queue_wait: 10.0,
            calm: 5.0,
            end: 210.0,
        }
    }

    /// The same ten times as fast; with so few requests, and such short waits, the figures mean nothing.
    pub(crate) fn smoke() -> Self {
        let full = Self::full();
        let short = |times: [f64; 4]| times.map(|time| time / 10.0);
        Self {
            traffic: short(full.traffic),
            decline: short(full.decline),
            slots: [10.0, 2.0],
            service: [0.05, 0.1],
            longest: full.longest / 10.0,
            patience: full.patience.map(|time| time / 10.0),
            backoff: full.backoff.map(|time| time / 10.0),
            queue_wait: full.queue_wait / 10.0,
            calm: full.calm / 10.0,
            end: full.end / 10.0,
            ..full
        }
    }

    /// How many callers begin to ask, per second.
    pub(crate) fn rate(&self, time: f64) -> f64 {
        self.base_rate * (1.0 + (self.times - 1.0) * depth(self.traffic, time))
    }

    /// How many answers the provider works on at full speed.
    pub(crate) fn slots(&self, time: f64) -> f64 {
        between(self.slots, depth(self.decline, time))
    }

    /// Seconds of one answer while no more than [`Self::slots`] are worked on.
    pub(crate) fn service(&self, time: f64) -> f64 {
        between(self.service, depth(self.decline, time))
    }

    /// Answers per second that the provider can give at best.
    pub(crate) fn capacity(&self, time: f64) -> f64 {
        self.slots(time) / self.service(time)
    }

    /// From when more is asked than the provider can do, until the provider begins to recover.
    pub(crate) fn overload(&self) -> [f64; 2] {
        let end = self.decline[2];
        let steps = (end * 20.0) as u32;
        let mut moments = (0..steps).map(|step| f64::from(step) / 20.0);
        let start = moments.find(|&time| self.rate(time) > self.capacity(time));
        [start.unwrap_or(end), end]
    }
}

/// 0 before and after, 1 at the worst, and linear in between.
fn depth([begins, full, ends, over]: [f64; 4], time: f64) -> f64 {
    if time < full {
        ((time - begins) / (full - begins)).clamp(0.0, 1.0)
    } else {
        (1.0 - (time - ends) / (over - ends)).clamp(0.0, 1.0)
    }
}

/// By equal factors in equal steps.
fn between([from, to]: [f64; 2], depth: f64) -> f64 {
    from * (to / from).powf(depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_twenty_fold_within_a_minute_while_capacity_falls_to_a_tenth() {
        for scenario in [Scenario::full(), Scenario::smoke()] {
            let [rise, up, ..] = scenario.traffic;
            assert!((scenario.rate(up) / scenario.rate(rise) - 20.0).abs() < 1e-9);
            assert!((scenario.capacity(scenario.decline[1]) / scenario.capacity(0.0) - 0.1).abs() < 1e-9);
            assert!((scenario.capacity(scenario.end) - scenario.capacity(0.0)).abs() < 1e-9);
        }
        let full = Scenario::full();
        assert!(full.traffic[1] - full.traffic[0] <= 60.0);
    }

    #[test]
    fn callers_of_high_priority_alone_are_no_overload() {
        let full = Scenario::full();
        let least = full.capacity(full.decline[1]);
        assert!(full.rate(full.traffic[1]) * crate::drill::HIGH_SHARE < 0.6 * least);
        let [start, end] = full.overload();
        assert!(start > full.decline[0] && end - start > 50.0, "{start} to {end}");
    }
}

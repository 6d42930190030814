//! What is missing in a bucket that fills up steadily.

/// A bucket, seen from its brim: what is missing flows in again. What it holds when full is the rule's matter, so that it may change.
#[derive(Debug)]
pub(super) struct Bucket {
    /// The time in which `rate` flows in, microseconds.
    per: i64,
    /// What flows in, as the rule said last.
    rate: i64,
    /// What is missing, times `per`: whole numbers, so that nothing drifts.
    missing: i128,
    /// Until when the inflow has been reckoned up.
    latest: i64,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(per: i64, rate: i64, now: i64) -> Self {
        Self { per: per.max(1), rate, missing: 0, latest: now }
    }

    pub(super) fn is_of(&self, per: i64) -> bool {
        self.per == per.max(1)
    }

    pub(super) fn set_rate(&mut self, rate: i64) {
        self.rate = rate;
    }

    /// Lets in what flowed in since the last time. Nothing flows while the clock is set back; if it was set back by more than
    /// `per`, it flows on from there.
    pub(super) fn advance(&mut self, now: i64) {
        if now >= self.latest {
            let elapsed = now.saturating_sub(self.latest);
            self.missing = (self.missing - i128::from(self.rate) * i128::from(elapsed)).max(0);
            self.latest = now;
        } else if self.latest.saturating_sub(now) > self.per {
            self.latest = now;
        }
    }

    /// Takes out what is used now; more than there is, if it was used.
    pub(super) fn count(&mut self, amount: i64) {
        self.missing = self.missing.saturating_add(self.scaled(amount.max(0)));
    }

    /// Takes out what was used at `at`. What flowed in since is let in only if nothing later has been reckoned up already.
    pub(super) fn count_at(&mut self, amount: i64, at: i64) {
        if at > self.latest {
            self.advance(at);
        }
        self.count(amount);
    }

    /// What is in it for those who come now, when `held` of a full bucket of `burst` is spoken for.
    pub(super) fn available(&self, burst: i64, held: i64) -> i64 {
        let level = (self.scaled(burst) - self.missing).div_euclid(i128::from(self.per));
        i64::try_from(level - i128::from(held)).unwrap_or(i64::MIN)
    }

    /// When no more than `missing` will be missing.
    pub(super) fn filled_at(&self, missing: i64) -> Option<i64> {
        let need = self.missing - self.scaled(missing);
        if need <= 0 {
            return Some(self.latest);
        }
        let rate = i128::from(self.rate);
        if rate <= 0 {
            return None;
        }
        let wait = need / rate + i128::from(need % rate > 0);
        Some(self.latest.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX)))
    }

    pub(super) fn is_full(&self) -> bool {
        self.missing == 0
    }

    fn scaled(&self, amount: i64) -> i128 {
        i128::from(amount) * i128::from(self.per)
    }
}

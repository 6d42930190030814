//! How many tests passed and failed, read from what test runners print.

use anyhow::{Result, bail};

use crate::steps::Verdict;

/// Adds up the counts that a runner prints.
pub(super) struct Counter {
    read: fn(&str) -> (u64, u64),
    passed: u64,
    failed: u64,
}

impl Counter {
    /// `read` says how many passed and failed according to one line.
    pub(super) fn new(read: fn(&str) -> (u64, u64)) -> Self {
        Self { read, passed: 0, failed: 0 }
    }

    /// Takes one line of the runner's output.
    pub(super) fn see(&mut self, line: &str) {
        let (passed, failed) = (self.read)(line);
        self.passed += passed;
        self.failed += failed;
    }

    /// The step's verdict. A runner that failed without a failed test, or that ran none, is an error.
    pub(super) fn verdict(self, ok: bool) -> Result<Verdict> {
        let Self { passed, failed, .. } = self;
        if !ok && failed == 0 {
            bail!("the test runner failed, after {passed} tests that passed");
        }
        if passed + failed == 0 {
            bail!("no test ran");
        }
        Ok(Verdict::Tests { passed, failed })
    }
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; …`
pub(super) fn cargo_line(line: &str) -> (u64, u64) {
    match line.strip_prefix("test result: ") {
        Some(rest) => (number_before(rest, " passed"), number_before(rest, " failed")),
        None => (0, 0),
    }
}

/// pytest's last line in quiet mode: `1 failed, 12 passed, 2 skipped in 0.51s`.
pub(super) fn pytest_line(line: &str) -> (u64, u64) {
    let line = line.trim_matches(['=', ' ']);
    let is_summary = line.starts_with(|first: char| first.is_ascii_digit()) && line.contains(" in ");
    if !is_summary {
        return (0, 0);
    }
    (number_before(line, " passed"), number_before(line, " failed") + number_before(line, " error"))
}

/// Node's closing lines: `ℹ pass 12` and `ℹ fail 0`, or the same after `#`.
pub(super) fn node_line(line: &str) -> (u64, u64) {
    let line = line.trim_start_matches(['ℹ', '#', ' ']);
    let number = |word| line.strip_prefix(word).and_then(|rest| rest.trim().parse().ok()).unwrap_or(0);
    (number("pass "), number("fail ") + number("cancelled "))
}

/// The number that stands right before `word`.
fn number_before(text: &str, word: &str) -> u64 {
    let Some(end) = text.find(word) else { return 0 };
    let digits = text[..end].rsplit(|letter: char| !letter.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_lines() {
        assert_eq!(cargo_line("test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured"), (12, 3));
        assert_eq!(cargo_line("test a::b ... ok"), (0, 0));
        assert_eq!(pytest_line("1 failed, 12 passed, 2 skipped in 0.51s"), (12, 1));
        assert_eq!(pytest_line("===== 7 passed, 1 error in 3.2s ====="), (7, 1));
        assert_eq!(pytest_line("no tests ran in 0.01s"), (0, 0));
        assert_eq!(node_line("ℹ pass 12"), (12, 0));
        assert_eq!(node_line("# fail 2"), (0, 2));
    }

    #[test]
    fn silence_is_no_success() {
        assert!(Counter::new(cargo_line).verdict(true).is_err());
        let mut counter = Counter::new(cargo_line);
        counter.see("test result: ok. 2 passed; 0 failed");
        assert!(counter.verdict(false).is_err());
    }

    #[test]
    fn counts_add_up() {
        let mut counter = Counter::new(cargo_line);
        counter.see("test result: ok. 2 passed; 0 failed");
        counter.see("test result: ok. 3 passed; 1 failed");
        assert_eq!(counter.verdict(false).unwrap(), Verdict::Tests { passed: 5, failed: 1 });
    }
}

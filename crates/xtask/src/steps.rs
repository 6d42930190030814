//! A list of steps: run in order, each with its progress line, and a summary at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

/// One step. `needs` names earlier steps without which it cannot run.
pub(crate) struct Step<'a> {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) needs: &'static [&'static str],
    pub(crate) work: Box<dyn Fn() -> Result<Verdict> + 'a>,
}

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A check that holds.
    Holds,
    /// A test run; failed if `failed` is not 0.
    Tests { passed: u64, failed: u64 },
    /// Could not run here, which is said and is no failure.
    NotRun(String),
}

struct Record {
    name: &'static str,
    took: Duration,
    result: Result<Verdict, String>,
}

impl Record {
    fn failed(&self) -> bool {
        !matches!(self.result, Ok(Verdict::Holds | Verdict::NotRun(_) | Verdict::Tests { failed: 0, .. }))
    }

    fn counts(&self) -> (u64, u64) {
        match self.result {
            Ok(Verdict::Holds) => (1, 0),
            Ok(Verdict::Tests { passed, failed }) => (passed, failed),
            Ok(Verdict::NotRun(_)) => (0, 0),
            Err(_) => (0, 1),
        }
    }

    fn line(&self) -> String {
        let said = match &self.result {
            Ok(Verdict::Holds) => "ok".to_owned(),
            Ok(Verdict::Tests { passed, failed: 0 }) => format!("ok, {passed} tests"),
            Ok(Verdict::Tests { passed, failed }) => format!("FAILED, {failed} of {} tests", passed + failed),
            Ok(Verdict::NotRun(why)) => format!("not run: {why}"),
            Err(why) => format!("FAILED: {why}"),
        };
        format!("{:<12} {:>7.1} s  {said}", self.name, self.took.as_secs_f64())
    }
}

/// Runs the steps and prints the summary; its last line is `N passed, N failed`.
pub(crate) fn run(steps: &[Step<'_>]) -> ExitCode {
    let mut records: Vec<Record> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        println!("\n[{}/{}] {}: {}", at + 1, steps.len(), step.name, step.title);
        let record = run_one(step, &records);
        if let Err(why) = &record.result {
            println!("{}: {why}", step.name);
        }
        records.push(record);
    }
    summary(&records)
}

fn run_one(step: &Step<'_>, records: &[Record]) -> Record {
    let begun = Instant::now();
    let missing = records.iter().find(|record| record.failed() && step.needs.contains(&record.name));
    let result = match missing {
        Some(record) => Err(format!("needs {}, which failed", record.name)),
        None => (step.work)().map_err(|error| format!("{error:#}")),
    };
    Record { name: step.name, took: begun.elapsed(), result }
}

fn summary(records: &[Record]) -> ExitCode {
    println!();
    for record in records {
        println!("{}", record.line());
    }
    let (passed, failed) =
        records.iter().map(Record::counts).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("{passed} passed, {failed} failed");
    if records.iter().any(Record::failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The steps called `name` and all that they need, in their order. `None` if there is no such step.
pub(crate) fn select<'a>(steps: Vec<Step<'a>>, name: &str) -> Option<Vec<Step<'a>>> {
    let mut wanted = vec![steps.iter().find(|step| step.name == name)?.name];
    let mut at = 0;
    while let Some(step) = wanted.get(at).and_then(|name| steps.iter().find(|step| step.name == *name)) {
        wanted.extend(step.needs.iter().filter(|need| !wanted.contains(need)).collect::<Vec<_>>());
        at += 1;
    }
    Some(steps.into_iter().filter(|step| wanted.contains(&step.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &'static str, needs: &'static [&'static str], ok: bool) -> Step<'static> {
        let work = move || if ok { Ok(Verdict::Holds) } else { anyhow::bail!("broken") };
        Step { name, title: "a test", needs, work: Box::new(work) }
    }

    #[test]
    fn what_needs_a_failed_step_fails_and_the_rest_runs() {
        let steps = [step("a", &[], false), step("b", &["a"], true), step("c", &[], true)];
        let mut records = Vec::new();
        for step in &steps {
            let record = run_one(step, &records);
            records.push(record);
        }
        assert_eq!(records.iter().map(Record::failed).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(records[1].result, Err("needs a, which failed".into()));
        assert_eq!(summary(&records), ExitCode::FAILURE);
    }

    #[test]
    fn a_selected_step_brings_what_it_needs() {
        let steps = vec![
            step("a", &[], true),
            step("b", &["a"], true),
            step("c", &["b"], true),
            step("d", &[], true),
        ];
        let names: Vec<_> = select(steps, "c").unwrap().iter().map(|step| step.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(select(vec![step("a", &[], true)], "x").is_none());
    }

    #[test]
    fn failed_tests_fail_the_step() {
        let record = |verdict| Record { name: "a", took: Duration::ZERO, result: Ok(verdict) };
        assert!(record(Verdict::Tests { passed: 5, failed: 1 }).failed());
        assert!(!record(Verdict::Tests { passed: 5, failed: 0 }).failed());
        assert!(!record(Verdict::NotRun("no such program".into())).failed());
    }
}

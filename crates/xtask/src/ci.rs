//! `cargo xtask ci`: exactly what CI runs.

use std::process::ExitCode;

use anyhow::Result;

use crate::steps::{self, Step, Verdict};
use crate::workspace::Workspace;
use crate::{floors, fuzz, gen_docs, program, test, tidy};

/// The checks, then every test, as one list with one summary.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let suites = test::Suites::new(workspace, &[]);
    // The compiler and other Debian packages come first: lints compile C code too.
    let mut all = suites.steps();
    let rest = all.split_off(1);
    all.extend(checks(workspace));
    all.extend(rest);
    Ok(steps::run(&all))
}

fn checks(workspace: &Workspace) -> Vec<Step<'_>> {
    let cargo = |args: &'static [&'static str]| move || holds(program::check(&mut workspace.cargo(args)));
    vec![
        step("fmt", "rustfmt has nothing to change", cargo(&["fmt", "--all", "--check"])),
        step(
            "clippy",
            "no warning in any target",
            cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
        ),
        step("tidy", "house rules", move || holds(tidy::check(workspace))),
        step("floors", "imports go down", move || holds(floors::check(workspace))),
        step("gen", "generated documents are fresh", move || holds(gen_docs::check_fresh(workspace))),
        step("fuzz", "fuzz targets compile", move || holds(fuzz::compile(workspace))),
        step("deny", "licences, sources and banned crates", move || deny(workspace)),
    ]
}

fn step<'a>(name: &'static str, title: &'static str, work: impl Fn() -> Result<Verdict> + 'a) -> Step<'a> {
    Step { name, title, needs: &[], work: Box::new(work) }
}

fn holds(result: Result<()>) -> Result<Verdict> {
    result.map(|()| Verdict::Holds)
}

/// Advisories are left out: their database is a git repository that a closed network does not reach.
fn deny(workspace: &Workspace) -> Result<Verdict> {
    if program::find("cargo-deny").is_none() {
        return Ok(Verdict::NotRun(
            "cargo-deny is not installed (`cargo install --locked cargo-deny`)".into(),
        ));
    }
    holds(program::check(&mut workspace.cargo(&[
        "deny",
        "--all-features",
        "check",
        "bans",
        "licenses",
        "sources",
    ])))
}

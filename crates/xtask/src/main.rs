//! The one developer command: `cargo xtask run | test | ci | tidy | floors | gen | release | bench | drill | fuzz`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its user")]

mod bench;
mod ci;
mod drill;
mod floors;
mod fuzz;
mod gen_docs;
mod program;
mod release;
mod run;
mod steps;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

const EXAMPLES: &str = "\
Examples:
  cargo xtask run                          build in release, start the gateway on 127.0.0.1:8080
  cargo xtask run -- --config my.yaml      … with a config file
  cargo xtask test                         install what the tests need, run everything, clean up
  cargo xtask test rust                    only the Rust tests
  cargo xtask test python -- -k streamed   only some tests of the Python SDKs
  cargo xtask ci                           exactly what CI runs
  cargo xtask release                      build as releases are, with a profile taken under load
  cargo xtask bench edge                   measure as an edge proxy beside nginx
  cargo xtask drill rush                   play the night of the outage, judge how the gateway did
  cargo xtask gen                          write the generated documents anew
  cargo xtask fuzz sse 60                  fuzz one target for a minute";

/// The developer command of Tidegate.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build in release and start the gateway
    Run {
        /// Arguments for `tidegate run`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Install what the tests need, run them all, clean up
    Test(test::Arguments),
    /// Run exactly what CI runs: formatting, lints, house rules, fresh documents, then every test
    Ci,
    /// Check the house rules that no compiler knows: sizes, first lines, links, lock files
    Tidy,
    /// Check that crates import downwards only
    Floors,
    /// Write the generated documents anew
    Gen {
        /// Write nothing; fail if a document is not fresh
        #[arg(long)]
        check: bool,
    },
    /// Build the program as it is given out, with a profile taken under load, into `dist/` of the target folder
    Release,
    /// Measure the gateway beside nginx
    Bench {
        /// What to measure: `edge`, `profile --work chat`, …
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Play a bad night: `cargo xtask drill rush`
    Drill {
        /// Which one, and arguments for it
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Fuzz one target with libFuzzer, or compile them all
    Fuzz(fuzz::Arguments),
}

fn main() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match command {
        Command::Run { args } => run::run(&workspace, &args),
        Command::Test(arguments) => test::run(&workspace, &arguments),
        Command::Ci => ci::run(&workspace),
        Command::Tidy => tidy::run(&workspace),
        Command::Floors => floors::run(&workspace),
        Command::Gen { check } => gen_docs::run(&workspace, check),
        Command::Release => release::run(&workspace),
        Command::Bench { args } => bench::run(&workspace, &args),
        Command::Drill { args } => drill::run(&workspace, &args),
        Command::Fuzz(arguments) => fuzz::run(&workspace, &arguments),
    }
}

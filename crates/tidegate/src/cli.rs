//! The command line.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tracing_subscriber::EnvFilter;

use crate::command::{self, Document, keys, store, usage};
use crate::report;
use crate::run::{RunOptions, run};

/// One base URL for every model: an AI API gateway
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the gateway
    Run(Run),
    /// Show every problem of a config file
    Check(Check),
    /// Hand over to a new process, started from the binary as it is now
    Upgrade(Upgrade),
    /// Say what happens to a request for a model
    Explain(Explain),
    /// List every model that can be asked for
    Models(Models),
    /// Callers' keys: make, list, change, take back
    Keys(keys::KeysCommand),
    /// Teams of keys
    Teams(keys::TeamsCommand),
    /// What has been used, and what it cost
    Usage(usage::UsageCommand),
    /// Hold the ledger against a provider's own count
    Reconcile(usage::ReconcileCommand),
    /// What is kept: move it to another database
    Store(store::StoreCommand),
    /// Print the version
    Version,
    /// Print completions for a shell
    Completions(Completions),
    /// Print a generated document
    #[command(hide = true)]
    Docs {
        /// Which one
        document: Document,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate run                              ./tidegate.yaml if it is there, else embedded defaults
  tidegate run --config /etc/tidegate.yaml
  tidegate run --listen 127.0.0.1:9000      instead of what the config says
  OPENAI_API_KEY=… tidegate run             every provider is there whose key is in the environment or in .env

Signals: SIGHUP reads the config again, SIGTERM drains, a second one ends at once,
SIGUSR1 opens the access log anew, SIGUSR2 starts a new binary that takes over the doors.
TIDEGATE_LOG=debug shows more on stderr; stdout has the access log.")]
struct Run {
    /// Config file [default: ./tidegate.yaml if it is there]
    #[arg(long, short, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    config: Option<PathBuf>,
    /// Address for callers instead of the config's `listen`; may be given several times
    #[arg(long, value_name = "ADDR")]
    listen: Vec<SocketAddr>,
    /// Address for operators instead of the config's `admin.address`
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate check                  ./tidegate.yaml
  tidegate check new.yaml && mv new.yaml tidegate.yaml
  tidegate check --config new.yaml

Ends with 0 when the file is good (warnings are no failure), with 2 when it is not.")]
struct Check {
    /// Config file [default: ./tidegate.yaml]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same, as other commands have it
    #[arg(long, short, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate upgrade                              the process of `pid_file` in ./tidegate.yaml
  tidegate upgrade --config /etc/tidegate.yaml
  tidegate upgrade --pid-file /run/tidegate/tidegate.pid

The new process takes the listening sockets over, and the old one finishes what is open. Ends with 0 when the new one serves, with 1 when it
does not: then the old one goes on.")]
struct Upgrade {
    /// Config file [default: ./tidegate.yaml if it is there]
    #[arg(long, short, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    config: Option<PathBuf>,
    /// Where the process has written its id, instead of the config's `pid_file`
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate explain --model smart
  tidegate explain --model openai/gpt-4.1 --json
  tidegate explain --url https://app.example.com/api/users --method POST")]
struct Explain {
    /// The name that a request would have in `model`
    #[arg(long, short, value_name = "NAME", required_unless_present = "url", conflicts_with = "url")]
    model: Option<String>,
    /// A URL, or a path: which route takes it
    #[arg(long, short, value_name = "URL")]
    url: Option<String>,
    /// With `--url`: the request's method
    #[arg(long, value_name = "METHOD", default_value = "GET", requires = "url")]
    method: String,
    /// Config file [default: ./tidegate.yaml if it is there]
    #[arg(long, short, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    config: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate models
  tidegate models --json | jq -r '.[].name'")]
struct Models {
    /// Config file [default: ./tidegate.yaml if it is there]
    #[arg(long, short, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    config: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate completions bash > ~/.local/share/bash-completion/completions/tidegate
  tidegate completions zsh > ~/.zfunc/_tidegate
  tidegate completions fish > ~/.config/fish/completions/tidegate.fish")]
struct Completions {
    /// The shell
    shell: Shell,
}

/// Reads the command line and does what it says.
///
/// # Errors
/// What kept the command from being done, for people.
pub fn main() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Run(Run { config, listen, admin }) => {
            log_to_stderr();
            return run(RunOptions { config, listen, admin });
        }
        Command::Check(Check { file, config }) => return Ok(command::check(file.or(config))),
        Command::Upgrade(Upgrade { config, pid_file }) => {
            report::to_stdout(&command::upgrade(config, pid_file)?);
        }
        Command::Explain(Explain { url: Some(url), method, config, json, .. }) => {
            return command::explain_url(&url, &method, config, json);
        }
        Command::Explain(Explain { model, config, json, .. }) => {
            return command::explain(&model.unwrap_or_default(), config, json);
        }
        Command::Models(Models { config, json }) => return command::models(config, json),
        Command::Keys(command) => return keys::keys(command),
        Command::Teams(command) => return keys::teams(command),
        Command::Usage(command) => return usage::usage(command),
        Command::Reconcile(command) => return usage::reconcile(command),
        Command::Store(command) => return store::store(command),
        Command::Version => report::to_stdout(&format!("tidegate {}\n", env!("CARGO_PKG_VERSION"))),
        Command::Completions(Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tidegate", &mut script);
            report::to_stdout(&String::from_utf8_lossy(&script));
        }
        Command::Docs { document } => report::to_stdout(&command::document(document)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The gateway's own diagnostics; stdout belongs to the access log.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("TIDEGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_that_takes_something_shows_examples() {
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let takes = command.get_arguments().next().is_some();
            assert!(!takes || command.get_after_help().is_some(), "{}", command.get_name());
        }
    }
}

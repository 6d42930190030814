//! The command line.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::run::{RunOptions, run};

/// One base URL for every model: an AI API gateway.
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
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate run                              ./tidegate.yaml if it is there, else embedded defaults
  tidegate run --config /etc/tidegate.yaml
  tidegate run --listen 127.0.0.1:9000      instead of what the config says
  OPENAI_API_KEY=… tidegate run             every provider whose key is in the environment or in .env is there")]
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

/// Reads the command line and does what it says.
///
/// # Errors
/// What kept the command from being done, for people.
pub fn main() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Run(Run { config, listen, admin }) => {
            log_to_stderr();
            run(RunOptions { config, listen, admin })
        }
    }
}

/// The gateway's own diagnostics; stdout belongs to the access log.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("TIDEGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).init();
}

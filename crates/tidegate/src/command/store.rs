//! `tidegate store migrate`: from one database to another.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use tidegate_core::Secret;
use tidegate_store::Database;
use tidegate_store::database::Place;
use tidegate_store::transfer::migrate;

use super::load;
use crate::report;
use crate::run::books::data_folder;

/// What is kept
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate store migrate --to postgres://tidegate@db/tidegate                  from the SQLite file of the config
  tidegate store migrate --from ./tidegate.db --to postgres://tidegate@db/tidegate

Stop the gateway first: what it writes meanwhile would be missing.")]
pub(crate) struct StoreCommand {
    #[command(subcommand)]
    action: StoreAction,
}

#[derive(Debug, Subcommand)]
enum StoreAction {
    /// Copy everything into an empty database
    Migrate {
        /// Config file [default: ./tidegate.yaml if it is there]
        #[arg(long, short, value_name = "FILE", env = "TIDEGATE_CONFIG")]
        config: Option<PathBuf>,
        /// A file, or `postgres://…` [default: the SQLite file of the config]
        #[arg(long, value_name = "DATABASE")]
        from: Option<String>,
        /// A file, or `postgres://…`; must be empty
        #[arg(long, value_name = "DATABASE")]
        to: String,
    },
}

/// Does what `tidegate store` says.
pub(crate) fn store(command: StoreCommand) -> Result<ExitCode> {
    let StoreAction::Migrate { config, from, to } = command.action;
    let (loaded, environment) = load(config)?;
    let usual = || Place::Sqlite(data_folder(&loaded, &environment).join("tidegate.db"));
    let from = from.map_or_else(usual, |text| place(&text));
    if let Place::Sqlite(file) = &from
        && !file.is_file()
    {
        bail!("there is no database {}; name it with `--from`", file.display());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (from, to) = (Database::open(&from).await?, Database::open(&place(&to)).await?);
        let mut bar = Bar::default();
        let mut tables = tidegate_store::keys::tables();
        tables.extend(tidegate_store::ledger::tables(&from).await?);
        migrate(&from, &to, &tables, |step| bar.show(step.table, step.rows, step.of)).await?;
        bar.end();
        report::to_stdout(&format!("{} tables copied\n", tables.len()));
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn place(text: &str) -> Place {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        Place::Postgres(Secret::new(text))
    } else {
        Place::Sqlite(text.into())
    }
}

/// A bar on a terminal; nothing where nobody watches.
#[derive(Default)]
struct Bar {
    shown: bool,
}

impl Bar {
    fn show(&mut self, table: &str, done: i64, total: i64) {
        let mut err = std::io::stderr();
        if !err.is_terminal() {
            return;
        }
        let width = 30;
        let filled = (done * width).checked_div(total).unwrap_or(width).clamp(0, width) as usize;
        let bar = "#".repeat(filled) + &"-".repeat(width as usize - filled);
        // A closed terminal is no reason not to copy.
        let _ = write!(err, "\r{table:<20} [{bar}] {done}/{total}   ");
        let _ = err.flush();
        self.shown = true;
    }

    fn end(&self) {
        if self.shown {
            let _ = writeln!(std::io::stderr());
        }
    }
}

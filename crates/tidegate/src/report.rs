//! Writes to the terminal.

use std::io::{IsTerminal, Write};

use crate::config::Loaded;
use crate::config::problem::Problem;

/// Shows the problems of a config file on stderr, in colour if somebody looks.
pub(crate) fn to_stderr(loaded: &Loaded, problems: &[Problem]) {
    if problems.is_empty() {
        return;
    }
    let mut out = std::io::stderr().lock();
    let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // There is nowhere else to say it.
    let _ = out.write_all(loaded.source.render(problems, colour).as_bytes());
}

/// Says on stderr what kept a command from being done.
pub fn error(error: &anyhow::Error) {
    // There is nowhere else to say it.
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
}

/// Prints a result. A reader that has gone (`| head`) is no error.
pub(crate) fn to_stdout(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Rows as columns of equal width.
pub(crate) fn columns<R: AsRef<[String]>>(rows: &[R]) -> String {
    let cell = |row: &R, at: usize| row.as_ref().get(at).map_or(0, |cell| cell.chars().count());
    let count = rows.iter().map(|row| row.as_ref().len()).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..count).map(|at| rows.iter().map(|row| cell(row, at)).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.as_ref().iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out += cells.join("  ").trim_end();
        out += "\n";
    }
    out
}

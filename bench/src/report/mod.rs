//! What is told about the results: a table on the terminal, a document, a chart.

mod chart;
mod document;
mod edge;
mod goals;
pub(crate) mod table;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::results::Results;

/// The results as text for a terminal.
pub(crate) fn text(results: &Results) -> String {
    document::tables(results, table::Style::Terminal)
}

/// Which goals are met, a line each.
pub(crate) fn verdicts(results: &Results) -> String {
    let line = |goal: goals::Goal| {
        let verdict = if goal.met { "met   " } else { "MISSED" };
        format!("{verdict}  {}: {}\n", goal.says, goal.seen)
    };
    goals::judge(results).into_iter().map(line).collect()
}

/// Writes `docs/performance.md` and its pictures below `root`.
pub(crate) fn write(results: &Results, root: &Path) -> Result<()> {
    let docs = root.join("docs");
    fs::create_dir_all(&docs)?;
    for (name, text) in [
        ("performance.md", document::markdown(results)),
        ("performance.svg", chart::load(results)),
        ("performance-edge.svg", chart::edge(results)),
    ] {
        let file = docs.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("wrote docs/{name}");
    }
    Ok(())
}

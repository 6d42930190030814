//! `cargo xtask tidy`: the house rules that no compiler knows.

mod links;
mod manifests;
mod rust_files;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// A file of the repository, read once for all rules.
struct File {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
}

/// What is wrong in one place.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    place: String,
    what: String,
}

impl Problem {
    fn at(file: &File, line: usize, what: impl Into<String>) -> Self {
        Self { place: format!("{}:{line}", file.path), what: what.into() }
    }

    fn in_file(file: &File, what: impl Into<String>) -> Self {
        Self { place: file.path.clone(), what: what.into() }
    }
}

/// Checks and says so.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    check(workspace)?;
    println!("tidy: the house rules hold");
    Ok(ExitCode::SUCCESS)
}

/// Fails with every breach of a rule, one line each.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let paths = workspace.files()?;
    let files = read(workspace, &paths)?;
    let exists = |path: &Path| workspace.root.join(path).exists();
    let mut problems: Vec<Problem> = Vec::new();
    for file in &files {
        problems.extend(rust_files::check(file));
        problems.extend(text::check(file));
        problems.extend(manifests::check(file));
        problems.extend(links::check(file, &exists));
    }
    if problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}", problem.place, problem.what)).collect();
    bail!("{} breaches of the house rules\n{}", lines.len(), lines.join("\n"));
}

/// All text files; what is not UTF-8 is data and has no rules.
fn read(workspace: &Workspace, paths: &[PathBuf]) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for path in paths {
        let full = workspace.root.join(path);
        let bytes = std::fs::read(&full).with_context(|| format!("cannot read {}", full.display()))?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path: path.to_string_lossy().into_owned(), text });
        }
    }
    Ok(files)
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File { path: path.into(), text: text.into() }
}

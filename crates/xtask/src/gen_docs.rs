//! `cargo xtask gen`: documents that come out of the code, and the check that they are fresh.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::program;
use crate::workspace::Workspace;

/// One generated document: a cargo command whose output it is.
struct Document {
    path: &'static str,
    cargo: &'static [&'static str],
}

const DOCUMENTS: &[Document] = &[
    Document {
        path: "docs/config.md",
        cargo: &["run", "--quiet", "--package", "tidegate", "--", "docs", "config"],
    },
    Document {
        path: "docs/tidegate.schema.json",
        cargo: &["run", "--quiet", "--package", "tidegate", "--", "docs", "schema"],
    },
    Document {
        path: "docs/errors.md",
        cargo: &["run", "--quiet", "--package", "tidegate", "--", "docs", "errors"],
    },
    Document {
        path: "docs/providers.md",
        cargo: &["run", "--quiet", "--package", "tidegate", "--", "docs", "providers"],
    },
    Document {
        path: "docs/translation.md",
        cargo: &["run", "--quiet", "--package", "tidegate-llm", "--example", "translation-doc"],
    },
    Document {
        path: "docs/admin-api.json",
        cargo: &["run", "--quiet", "--package", "tidegate-admin", "--example", "openapi"],
    },
];

/// Writes the documents, or with `check` only says which are not fresh.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<ExitCode> {
    if check {
        check_fresh(workspace)?;
        return Ok(ExitCode::SUCCESS);
    }
    for document in DOCUMENTS {
        let path = workspace.root.join(document.path);
        let text = generate(workspace, document)?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", document.path);
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails with the list of all documents that differ from what the code says.
pub(crate) fn check_fresh(workspace: &Workspace) -> Result<()> {
    let mut stale = Vec::new();
    for document in DOCUMENTS {
        let text = generate(workspace, document)?;
        let written = std::fs::read_to_string(workspace.root.join(document.path)).unwrap_or_default();
        if let Some(line) = first_difference(&written, &text) {
            stale.push(format!("{}:{line}", document.path));
        }
    }
    if !stale.is_empty() {
        bail!("not fresh, run `cargo xtask gen`: {}", stale.join(", "));
    }
    Ok(())
}

fn generate(workspace: &Workspace, document: &Document) -> Result<String> {
    let text = program::output(&mut workspace.cargo(document.cargo))
        .with_context(|| format!("cannot generate {}", document.path))?;
    if text.trim().is_empty() {
        bail!("`cargo {}` printed nothing for {}", document.cargo.join(" "), document.path);
    }
    Ok(text)
}

/// The number of the first line that differs.
fn first_difference(written: &str, fresh: &str) -> Option<usize> {
    if written == fresh {
        return None;
    }
    let same = written.lines().zip(fresh.lines()).take_while(|(one, other)| one == other).count();
    Some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_line_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("", "a\n"), Some(1));
    }
}

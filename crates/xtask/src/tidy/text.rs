//! Rules for every text file: no tabs, no trailing blanks, one newline at the end, nobody's home folder.

use super::{File, Problem};

/// Endings of files that people write by hand.
const WRITTEN: &[&str] =
    &[".rs", ".toml", ".md", ".yaml", ".yml", ".py", ".js", ".mjs", ".ts", ".html", ".css", ".sh"];

/// Folders whose files are data: what a provider sent, byte for byte.
const DATA: &[&str] = &["golden", "fixtures", "corpus", "seeds", "snapshots"];

/// Starts of paths that exist on one person's machine only; in halves so that this file passes.
const HOMES: &[&str] = &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Use", "rs/")];

/// Checks one file; data has no breaches.
pub(super) fn check(file: &File) -> Vec<Problem> {
    let written = WRITTEN.iter().any(|ending| file.path.ends_with(ending)) || file.path.starts_with(".ci/");
    let is_data = file.path.split('/').any(|part| DATA.contains(&part));
    if !written || is_data {
        return Vec::new();
    }
    let mut problems: Vec<Problem> = file
        .text
        .split('\n')
        .enumerate()
        .filter_map(|(at, line)| Some(Problem::at(file, at + 1, wrong(line)?)))
        .collect();
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        problems.push(Problem::in_file(file, "ends without exactly one newline"));
    }
    problems
}

fn wrong(line: &str) -> Option<&'static str> {
    if line.contains('\t') {
        return Some("a tab");
    }
    if line.ends_with([' ', '\r']) {
        return Some("blanks at the end of the line");
    }
    HOMES.iter().any(|home| line.contains(home)).then_some("a path below somebody's home folder")
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&file(path, text)).len()
    }

    #[test]
    fn blanks_and_tabs() {
        assert_eq!(count("a.md", "fine\n"), 0);
        assert_eq!(count("a.md", "a\tb\n"), 1);
        assert_eq!(count("a.md", "a \n"), 1);
        assert_eq!(count("a.md", "a\r\n"), 1);
        assert_eq!(count("a.md", "a"), 1);
        assert_eq!(count("a.md", "a\n\n"), 1);
        assert_eq!(count(".ci/run", "a \n"), 1);
    }

    #[test]
    fn data_is_left_alone() {
        assert_eq!(count("crates/llm/tests/golden/a.md", "a\t \n"), 0);
        assert_eq!(count("crates/llm/a.sse", "a\t \n"), 0);
    }

    #[test]
    fn homes() {
        assert_eq!(count("a.toml", &format!("path = \"{}ada\"\n", HOMES[0])), 1);
    }
}

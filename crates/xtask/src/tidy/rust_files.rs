//! Rules for Rust files: first line, length, names, no way to panic on purpose.

use super::{File, Problem};

/// Lines of one file, its unit tests aside.
const MAX_LINES: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager", "misc"];

/// Code that must not ship; written in two halves so that this file passes.
const FORBIDDEN: &[&str] = &[concat!(".unw", "rap()"), concat!("to", "do!("), concat!("unimple", "mented!(")];

/// Checks one file; anything but `.rs` has no breaches.
pub(super) fn check(file: &File) -> Vec<Problem> {
    if !file.path.ends_with(".rs") {
        return Vec::new();
    }
    let mut problems = Vec::new();
    if !file.text.starts_with("//! ") {
        problems.push(Problem::at(file, 1, "opens without a `//!` line that says what the file is for"));
    }
    if let Some(name) = file.path.trim_end_matches(".rs").split('/').find(|part| EMPTY_NAMES.contains(part)) {
        problems.push(Problem::in_file(
            file,
            format!("a module called `{name}` says nothing; name what is in it"),
        ));
    }
    if is_test(&file.path) {
        return problems;
    }
    let shipped = shipped_lines(&file.text);
    if shipped > MAX_LINES {
        problems
            .push(Problem::in_file(file, format!("{shipped} lines without tests; the limit is {MAX_LINES}")));
    }
    problems.extend(panics(file, shipped));
    problems
}

/// Files that hold nothing but tests.
fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests") || path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// How many lines stand before the unit tests, which come last in a file.
fn shipped_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = |pair: &[&str]| pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod ");
    lines.windows(2).position(tests).unwrap_or(lines.len())
}

fn panics(file: &File, shipped: usize) -> Vec<Problem> {
    let code =
        file.text.lines().take(shipped).enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let found =
        code.filter_map(|(at, line)| Some((at, FORBIDDEN.iter().find(|word| line.contains(**word))?)));
    found.map(|(at, word)| Problem::at(file, at + 1, format!("`{word}` outside tests"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn wrong(path: &str, text: &str) -> Vec<String> {
        check(&file(path, text))
            .into_iter()
            .map(|problem| format!("{} {}", problem.place, problem.what))
            .collect()
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        assert!(wrong("crates/a/src/b.rs", "//! What b is for.\nfn b() {}\n").is_empty());
        assert_eq!(wrong("crates/a/src/b.rs", "fn b() {}\n").len(), 1);
        assert!(wrong("crates/a/src/b.toml", "x = 1\n").is_empty());
    }

    #[test]
    fn tests_do_not_count_as_length() {
        let code = "//! A.\n".to_owned() + &"fn a() {}\n".repeat(MAX_LINES - 1);
        let tests = "#[cfg(test)]\nmod tests {\n".to_owned() + &"// x\n".repeat(300) + "}\n";
        assert!(wrong("a.rs", &(code.clone() + &tests)).is_empty());
        assert_eq!(wrong("a.rs", &(code.clone() + "fn b() {}\n" + &tests)).len(), 1);
        assert!(wrong("crates/a/tests/b.rs", &(code + "fn b() {}\n")).is_empty());
    }

    #[test]
    fn empty_names_are_refused() {
        assert_eq!(wrong("crates/a/src/utils.rs", "//! A.\n").len(), 1);
        assert_eq!(wrong("crates/a/src/common/mod.rs", "//! A.\n").len(), 1);
        assert!(wrong("crates/a/src/uncommon.rs", "//! A.\n").is_empty());
    }

    #[test]
    fn unwrap_is_for_tests() {
        let line = "fn a() { b().unwrap(); }\n";
        assert_eq!(wrong("a.rs", &format!("//! A.\n{line}")), ["a.rs:2 `.unwrap()` outside tests"]);
        assert!(wrong("a.rs", &format!("//! A.\n#[cfg(test)]\nmod tests {{\n{line}}}\n")).is_empty());
        assert!(wrong("a.rs", &format!("//! A.\n/// {line}")).is_empty());
    }
}

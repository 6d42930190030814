//! Rules for manifests and lock files: shared lints everywhere, and nobody's registry mirror.

use super::{File, Problem};

/// The one source that a `Cargo.lock` may name.
const CRATES_IO: &str = r#"source = "registry+https://github.com/rust-lang/crates.io-index""#;

/// Checks one file; what is neither manifest nor lock file has no breaches.
pub(super) fn check(file: &File) -> Vec<Problem> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    match name {
        "Cargo.toml" if file.path.starts_with("crates/") => lints(file),
        "Cargo.lock" => hosts(file, |line| line.starts_with("source = ") && line != CRATES_IO),
        "package-lock.json" => hosts(file, |line| line.contains("\"resolved\"") && line.contains("://")),
        ".npmrc" | "pip.conf" => hosts(file, |line| line.contains("://")),
        _ if name.starts_with("requirements") || name.starts_with("constraints") => {
            hosts(file, |line| line.contains("://") && !line.trim_start().starts_with('#'))
        }
        _ => Vec::new(),
    }
}

fn lints(file: &File) -> Vec<Problem> {
    let mut in_lints = false;
    for line in file.text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_lints = line == "[lints]";
        } else if in_lints && line == "workspace = true" {
            return Vec::new();
        }
    }
    vec![Problem::in_file(file, "has no `[lints] workspace = true`")]
}

fn hosts(file: &File, names_a_host: impl Fn(&str) -> bool) -> Vec<Problem> {
    let lines = file.text.lines().enumerate().filter(|(_, line)| names_a_host(line.trim()));
    lines
        .map(|(at, _)| Problem::at(file, at + 1, "names a registry host; packages are found by name"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&file(path, text)).len()
    }

    #[test]
    fn crates_share_the_lints() {
        assert_eq!(count("crates/a/Cargo.toml", "[package]\n[lints]\nworkspace = true\n"), 0);
        assert_eq!(count("crates/a/Cargo.toml", "[package]\n[lints]\n[dependencies]\nworkspace = true\n"), 1);
        assert_eq!(count("Cargo.toml", "[workspace]\n"), 0);
    }

    #[test]
    fn lock_files_name_no_mirror() {
        assert_eq!(count("Cargo.lock", &format!("{CRATES_IO}\n")), 0);
        assert_eq!(count("Cargo.lock", "source = \"sparse+https://mirror.example/index\"\n"), 1);
        assert_eq!(count("a/package-lock.json", "\"resolved\": \"https://mirror.example/a.tgz\",\n"), 1);
        assert_eq!(count("a/package-lock.json", "\"integrity\": \"sha512-a\",\n"), 0);
        assert_eq!(count("a/requirements.txt", "--index-url https://mirror.example\n"), 1);
    }
}

//! Links in Markdown: what they point at inside the repository exists.

use std::path::{Component, Path, PathBuf};

use super::{File, Problem};

/// Checks the links of one file; anything but `.md` has no breaches.
pub(super) fn check(file: &File, exists: &dyn Fn(&Path) -> bool) -> Vec<Problem> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    let mut problems = Vec::new();
    for (at, target) in targets(&file.text) {
        match inside(folder, target) {
            None => problems.push(Problem::at(file, at, format!("the link {target} leaves the repository"))),
            Some(path) if !exists(&path) => {
                problems.push(Problem::at(file, at, format!("the link {target} leads nowhere")));
            }
            Some(_) => {}
        }
    }
    problems
}

/// The links to files, each with its line number: no web addresses, no anchors, nothing in code.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            found.extend(line_targets(line).map(|target| (at + 1, target)));
        }
    }
    found
}

fn line_targets(line: &str) -> impl Iterator<Item = &str> {
    // Every second piece between backticks is code.
    let prose = line.split('`').step_by(2);
    let inline =
        prose.flat_map(|piece| piece.split("](").skip(1)).filter_map(|rest| rest.split([')', ' ']).next());
    // `[label](` with code in the label is cut by the backticks; its target follows `](` all the same.
    let local = |target: &&str| !target.is_empty() && !target.contains(':') && !target.starts_with('#');
    inline.map(|target| target.split('#').next().unwrap_or_default()).filter(local)
}

/// The path from the root, without dots; `None` if it climbs out.
fn inside(folder: &Path, target: &str) -> Option<PathBuf> {
    let mut path = if target.starts_with('/') { PathBuf::new() } else { folder.to_path_buf() };
    for part in Path::new(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => path.pop().then_some(())?,
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn wrong(text: &str) -> Vec<String> {
        let exists = |path: &Path| path == Path::new("docs/a.md") || path == Path::new("README.md");
        check(&file("docs/b.md", text), &exists).into_iter().map(|problem| problem.what).collect()
    }

    #[test]
    fn links_lead_somewhere() {
        assert!(wrong("[a](a.md) [a](a.md#part) [r](../README.md) [`code`](a.md \"title\")\n").is_empty());
        assert_eq!(wrong("[a](c.md)\n"), ["the link c.md leads nowhere"]);
        assert_eq!(wrong("[`a`](c.md)\n"), ["the link c.md leads nowhere"]);
        assert_eq!(wrong("[a](../../c.md)\n"), ["the link ../../c.md leaves the repository"]);
    }

    #[test]
    fn the_web_and_code_are_not_ours() {
        assert!(wrong("[a](https://a.example/b) [b](#part) [c](mailto:a@b.example)\n").is_empty());
        assert!(wrong("```\n[a](c.md)\n```\n`[a](c.md)`\n").is_empty());
    }
}

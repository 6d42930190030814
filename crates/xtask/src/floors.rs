//! `cargo xtask floors`: crates import from lower floors only, and the pure ones stay pure.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::program;
use crate::workspace::Workspace;

/// The house, as drawn in ARCHITECTURE.md. An import goes to a lower number, never up, never sideways.
const FLOORS: &[(&str, u8)] = &[
    ("tidegate-core", 0),
    ("tidegate-llm", 1),
    ("tidegate-policy", 1),
    ("tidegate-net", 2),
    ("tidegate-store", 2),
    ("tidegate-proxy", 3),
    ("tidegate-admin", 4),
    ("tidegate-tasks", 4),
    ("tidegate", 5),
];

/// Crates for development: they may import anything, nothing that ships may import them.
const DEVELOPMENT: &[&str] = &["tidegate-testkit", "tidegate-xtask", "tidegate-bench", "tidegate-fuzz"];

/// Crates that do no I/O and read no clock.
const PURE: &[&str] = &["tidegate-core", "tidegate-llm", "tidegate-policy"];

/// What a pure crate must not pull in, directly or through another crate.
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "hyper-util",
    "mio",
    "socket2",
    "rustls",
    "tokio-rustls",
    "axum",
    "tower",
    "reqwest",
    "async-std",
    "smol",
    "ureq",
    "native-tls",
    "openssl",
    "notify",
    "rusqlite",
    "sqlx",
    "redis",
];

/// A crate of the workspace and the workspace crates that it ships with.
struct Crate {
    name: String,
    imports: Vec<String>,
}

/// Checks and says so.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    check(workspace)?;
    println!("floors: imports go down");
    Ok(ExitCode::SUCCESS)
}

/// Fails with every arrow that points the wrong way.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let crates = read(workspace);
    let mut wrong = arrows(&crates);
    for name in PURE.iter().filter(|name| crates.iter().any(|one| one.name == **name)) {
        let args = ["tree", "--quiet", "--package", name, "--edges", "normal,build", "--prefix", "none"];
        let tree = program::output(&mut workspace.cargo(&args))?;
        wrong.extend(impure(name, tree.lines().filter_map(|line| line.split(' ').next())));
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

fn read(workspace: &Workspace) -> Vec<Crate> {
    let packages = workspace.metadata["packages"].as_array().into_iter().flatten();
    let imports = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().into_iter().flatten();
        let shipped = all.filter(|dependency| dependency["kind"] != "dev" && dependency["path"].is_string());
        shipped.filter_map(|dependency| dependency["name"].as_str()).map(str::to_owned).collect()
    };
    let read = |package: &serde_json::Value| {
        Some(Crate { name: package["name"].as_str()?.to_owned(), imports: imports(package) })
    };
    packages.filter_map(read).collect()
}

/// The rule: what is wrong with these imports, one sentence each.
fn arrows(crates: &[Crate]) -> Vec<String> {
    crates
        .iter()
        .flat_map(|one| one.imports.iter().filter_map(|import| arrow(&one.name, import)))
        .chain(homeless(crates))
        .collect()
}

fn arrow(from: &str, to: &str) -> Option<String> {
    if DEVELOPMENT.contains(&from) {
        return None;
    }
    if DEVELOPMENT.contains(&to) {
        return Some(format!("{from} ships with {to}, which is for development only"));
    }
    let (upper, lower) = (floor(from)?, floor(to)?);
    let way = match lower.cmp(&upper) {
        std::cmp::Ordering::Less => return None,
        std::cmp::Ordering::Equal => "sideways",
        std::cmp::Ordering::Greater => "up",
    };
    Some(format!("{from} (floor {upper}) imports {way} from {to} (floor {lower})"))
}

/// Crates that the plan does not know.
fn homeless(crates: &[Crate]) -> impl Iterator<Item = String> {
    let known = |name: &str| DEVELOPMENT.contains(&name) || floor(name).is_some();
    let unknown = crates.iter().filter(move |one| !known(&one.name));
    unknown.map(|one| format!("{} has no floor; give it one in crates/xtask/src/floors.rs", one.name))
}

fn impure<'a>(name: &str, tree: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<&str> = tree.filter(|package| IMPURE.contains(package)).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|package| format!("{name} is pure, but pulls in {package}")).collect()
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(name: &str, imports: &[&str]) -> Vec<String> {
        let imports = imports.iter().map(|import| (*import).to_owned()).collect();
        arrows(&[Crate { name: name.into(), imports }])
    }

    #[test]
    fn down_is_fine() {
        assert!(wrong("tidegate-proxy", &["tidegate-core", "tidegate-llm", "tidegate-net"]).is_empty());
        assert!(wrong("tidegate", &["tidegate-admin", "tidegate-proxy"]).is_empty());
        assert!(wrong("tidegate-bench", &["tidegate", "tidegate-testkit"]).is_empty());
    }

    #[test]
    fn up_and_sideways_are_not() {
        assert_eq!(
            wrong("tidegate-net", &["tidegate-proxy"]),
            ["tidegate-net (floor 2) imports up from tidegate-proxy (floor 3)"]
        );
        assert_eq!(
            wrong("tidegate-llm", &["tidegate-core", "tidegate-policy"]),
            ["tidegate-llm (floor 1) imports sideways from tidegate-policy (floor 1)"]
        );
    }

    #[test]
    fn nothing_ships_with_development_crates() {
        assert_eq!(
            wrong("tidegate", &["tidegate-testkit"]),
            ["tidegate ships with tidegate-testkit, which is for development only"]
        );
    }

    #[test]
    fn a_new_crate_needs_a_floor() {
        assert_eq!(wrong("tidegate-attic", &[]).len(), 1);
    }

    #[test]
    fn pure_crates_do_no_io() {
        let tree = ["tidegate-llm", "bytes", "tokio", "tokio"];
        assert_eq!(impure("tidegate-llm", tree.into_iter()), ["tidegate-llm is pure, but pulls in tokio"]);
        assert!(impure("tidegate-llm", ["bytes", "http"].into_iter()).is_empty());
    }
}

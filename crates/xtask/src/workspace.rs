//! Where things are: the repository, cargo's target folder, the folder for what tests install.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::program;

/// The repository this command works on.
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// What `cargo metadata --no-deps` says.
    pub(crate) metadata: Value,
}

impl Workspace {
    /// Asks cargo, so that it works from any folder inside the repository.
    pub(crate) fn find() -> Result<Self> {
        let mut command = Command::new("cargo");
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        let text = program::output(&mut command)?;
        let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
        let root = metadata["workspace_root"].as_str().context("cargo metadata names no workspace root")?;
        Ok(Self { root: PathBuf::from(root), metadata })
    }

    /// A cargo command that runs in the repository's root.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = self.command("cargo");
        command.args(args);
        command
    }

    /// Any program, run in the repository's root.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// A program that cargo built, e.g. `debug/tidegate`; obeys `CARGO_TARGET_DIR`.
    pub(crate) fn built(&self, profile: &str, name: &str) -> Result<PathBuf> {
        let target =
            self.metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
        Ok(Path::new(target).join(profile).join(name))
    }

    /// What the tests install and write: under `target/`, so `cargo clean` and git leave nothing of it.
    pub(crate) fn test_env(&self) -> PathBuf {
        self.root.join("target/test-env")
    }

    /// The files that git knows or would add, relative to the root, sorted.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let mut command = self.command("git");
        command.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
        let text = program::output(&mut command)?;
        let mut files: Vec<PathBuf> =
            text.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
        files.retain(|file| self.root.join(file).is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }
}

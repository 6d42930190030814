//! The last step of a release: the code that requests pass through is put together, block by block, behind the rest.
//!
//! The compiler puts what is seldom needed at the end of each function; BOLT (<https://github.com/llvm/llvm-project/tree/main/bolt>)
//! moves it out of them, and the functions that are left next to whom they call: fewer lines and pages of code for the same way.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::program;

/// What BOLT needs of the linker: where addresses stand in the code.
pub(super) const LINKER: &str = "-Clink-arg=-Wl,--emit-relocs";

/// Whose way is counted, and so which functions are moved: ours, the libraries' in Rust, SQLite's and the allocator's. What the TLS
/// library has in assembly stays as it was written.
const FUNCTIONS: &str = "-funcs=_ZN.*,_R.*,sqlite3.*,_?mi_.*";

/// The programs of one version of BOLT.
pub(super) struct Bolt {
    bolt: PathBuf,
    merge: PathBuf,
}

impl Bolt {
    /// The newest that is there.
    pub(super) fn find() -> Option<Self> {
        let endings = (19..40).rev().map(|version| format!("-{version}")).chain([String::new()]);
        let mut found = endings.filter_map(|ending| {
            // What it links into a program that counts, it looks for beside itself.
            let find = |name: &str| program::find(&format!("{name}{ending}"))?.canonicalize().ok();
            Some(Self { bolt: find("llvm-bolt")?, merge: find("merge-fdata")? })
        });
        found.next()
    }

    /// Makes a program of `program` that counts which way it goes, each of its processes into a file in `counts`.
    pub(super) fn counting(&self, program: &Path, counts: &Path, counting: &Path) -> Result<()> {
        let mut command = Command::new(&self.bolt);
        command.arg(program).arg("-o").arg(counting).args(["-instrument", FUNCTIONS]);
        command.arg(format!("-instrumentation-file={}", counts.join("way").display()));
        program::check(command.arg("-instrumentation-file-append-pid"))
    }

    /// Puts the counts of all processes into one file.
    pub(super) fn merge(&self, counts: &[PathBuf], merged: &Path) -> Result<()> {
        program::check(Command::new(&self.merge).args(counts).arg("-o").arg(merged))
    }

    /// Makes a program of `program` that has together what was used together. Only functions that were counted are moved (`-lite`).
    pub(super) fn arrange(&self, program: &Path, counts: &Path, arranged: &Path) -> Result<()> {
        let mut command = Command::new(&self.bolt);
        command.arg(program).arg("-o").arg(arranged).arg("-data").arg(counts);
        command.args(["-lite", "-no-huge-pages", "-reorder-blocks=ext-tsp", "-reorder-functions=cdsort"]);
        program::check(command.args(["-split-functions", "-split-all-cold", "-split-eh"]))
    }
}

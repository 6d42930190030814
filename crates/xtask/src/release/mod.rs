//! `cargo xtask release`: the program as it is given out, built with a profile of itself under load.
//!
//! A request passes through some hundred functions once each, so that the processor waits for code more than for anything else. The
//! profile lets the compiler put together what is used together (<https://doc.rust-lang.org/rustc/profile-guided-optimization.html>).

mod layout;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::program;
use crate::workspace::Workspace;
use layout::Bolt;

/// A load under which the profile is taken.
struct Lesson {
    name: &'static str,
    works: &'static str,
    seconds: &'static str,
    gateways: &'static str,
    /// How much it counts. A stream or a long prompt has loops that run so often that a plain request beside them would seem to be
    /// hardly used at all, and would be made small instead of fast.
    weight: u32,
}

const LESSONS: [Lesson; 4] = [
    Lesson {
        name: "chat",
        works: "chat,cross-chat",
        seconds: "5",
        gateways: "tidegate,tidegate-open",
        weight: 30,
    },
    Lesson {
        name: "stream",
        works: "stream,paced,cross-stream",
        seconds: "1",
        gateways: "tidegate",
        weight: 2,
    },
    Lesson { name: "prompt", works: "prompt", seconds: "0.3", gateways: "tidegate", weight: 1 },
    Lesson {
        name: "edge",
        works: "proxy-1k,static-1k,tls-1k,handshake,websocket",
        seconds: "3",
        gateways: "tidegate",
        weight: 15,
    },
];

/// Builds twice with a load in between, lays the code out after the same load once more, and puts the program into `dist/` of cargo's
/// target folder.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let (merge, bolt) = (merger()?, Bolt::find());
    let builder = Builder { workspace, folder: workspace.built("dist", "profile")?, host: host(workspace)? };
    eprintln!("1/4  building a program that counts");
    let counting = builder.build(&format!("-Cprofile-generate={}", builder.folder.join("raw").display()))?;
    program::check(workspace.cargo(&["build", "--release", "--package", "tidegate-bench"]).arg("--bins"))?;
    eprintln!("2/4  counting under load");
    let profile = builder.learn(&counting, &merge)?;
    eprintln!("3/4  building with what was counted");
    let built = builder.build(&format!("-Cprofile-use={} {}", profile.display(), layout::LINKER))?;
    let program = workspace.built("dist", "tidegate")?;
    match bolt {
        Some(bolt) => {
            eprintln!("4/4  counting once more, and putting together what is used together");
            builder.lay_out(&built, &bolt, &program)?;
        }
        None => {
            eprintln!(
                "4/4  left out: there is no llvm-bolt, which would lay the code out (apt-get install bolt-19)"
            );
            fs::copy(&built, &program).with_context(|| format!("cannot write {}", program.display()))?;
        }
    }
    let size = fs::metadata(&program)?.len() as f64 / f64::from(1 << 20);
    println!("{} ({size:.1} MiB)", program.display());
    Ok(ExitCode::SUCCESS)
}

struct Builder<'a> {
    workspace: &'a Workspace,
    /// For everything that is made on the way.
    folder: PathBuf,
    host: String,
}

impl Builder<'_> {
    /// Builds with these flags of the compiler, all else equal, as names of functions depend on it. The target is named, so that they concern neither macros nor build scripts.
    fn build(&self, flags: &str) -> Result<PathBuf> {
        let target = self.folder.join("build");
        let mut command = self.workspace.cargo(&["build", "--release", "--package", "tidegate", "--bins"]);
        command.args(["--target", &self.host]).env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", flags);
        program::check(&mut command)?;
        Ok(target.join(&self.host).join("release/tidegate"))
    }

    /// Puts the program under the load of all lessons; gives the file with the profile.
    fn learn(&self, counting: &Path, merge: &Path) -> Result<PathBuf> {
        let mut merged = Command::new(merge);
        merged.arg("merge");
        for lesson in &LESSONS {
            let raw = self.folder.join(lesson.name);
            emptied(&raw)?;
            self.load(lesson, counting, Some(("LLVM_PROFILE_FILE", &raw.join("%p.profraw"))))?;
            for counted in files(&raw)? {
                merged.arg(format!("-weighted-input={},{}", lesson.weight, counted.display()));
            }
        }
        // Named after the sources, as cargo looks only at the name.
        let profile = self.folder.join(format!("{}.profdata", self.revision()?));
        program::check(merged.arg("-o").arg(&profile))?;
        Ok(profile)
    }

    /// Puts a program of `built` with another layout to `program`.
    fn lay_out(&self, built: &Path, bolt: &Bolt, program: &Path) -> Result<()> {
        let (ways, counting) = (self.folder.join("ways"), self.folder.join("tidegate-counting-ways"));
        emptied(&ways)?;
        bolt.counting(built, &ways, &counting)?;
        for lesson in &LESSONS {
            self.load(lesson, &counting, None)?;
        }
        let merged = self.folder.join("ways.fdata");
        bolt.merge(&files(&ways)?, &merged)?;
        bolt.arrange(built, &merged, program)
    }

    /// Puts a program under the load of a lesson, which writes its counts where the variable says, if not where it was built to.
    fn load(&self, lesson: &Lesson, program: &Path, counts: Option<(&str, &Path)>) -> Result<()> {
        let mut load = self.workspace.command(self.workspace.built("release", "tidegate-bench")?);
        load.args(["train", "--works", lesson.works, "--seconds", lesson.seconds, "--rounds", "1"])
            .args(["--gateways", lesson.gateways, "--tidegate"])
            .arg(program);
        program::check(load.envs(counts))
    }

    /// Which state of the sources it is.
    fn revision(&self) -> Result<String> {
        let text = program::output(self.workspace.command("git").args(["rev-parse", "--short", "HEAD"]))?;
        Ok(text.trim().to_owned())
    }
}

/// An empty folder: what an earlier run has left would be counted too.
fn emptied(folder: &Path) -> Result<()> {
    fs::remove_dir_all(folder).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

/// What a folder has.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).context("the program has counted nothing")?;
    Ok(entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?)
}

/// The platform that is built on, such as `x86_64-unknown-linux-gnu`.
fn host(workspace: &Workspace) -> Result<String> {
    let said = program::output(workspace.command("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

/// `llvm-profdata` of a version that reads what the compiler's runtime writes: LLVM 19 does, LLVM 14 does not.
fn merger() -> Result<PathBuf> {
    let numbered = (19..40).rev().map(|version| format!("llvm-profdata-{version}"));
    let mut found = numbered.chain(["llvm-profdata".to_owned()]).filter_map(|name| program::find(&name));
    found.next().context(
        "there is no llvm-profdata, which puts the profile together; please install it (apt-get install llvm-19)",
    )
}

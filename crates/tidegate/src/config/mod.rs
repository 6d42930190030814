//! The config file: text → tree with places → written shape. What the values mean together is checked where they are used,
//! in [`crate::provision`].

mod fill_in;
mod mask;
pub mod problem;
pub mod reference;
mod shape;
pub mod tree;
pub mod written;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use problem::{Problem, Source};
use tree::{Node, Value};
use written::{Address, Config, DoorAddress, Listen};

use crate::environment::Environment;

/// A config as far as it could be read.
#[derive(Debug)]
pub struct Loaded {
    /// The text, to show problems in.
    pub source: Source,
    /// The folder at which relative paths start.
    pub folder: PathBuf,
    /// The settings. What could not be read has its default here, and a problem in `problems`.
    pub config: Config,
    /// The places.
    pub tree: Node,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
    /// Whether there is a file at all.
    pub from_file: bool,
    /// Whether the doors are those of the command line, so that the file has no place for them.
    pub doors_overridden: bool,
}

impl Loaded {
    /// The embedded defaults, for a start without a file.
    pub fn defaults() -> Self {
        let source = Source { name: "(no config file)".to_owned(), text: String::new() };
        Self { from_file: false, ..read(source, Path::new("."), &Environment::default()) }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When there is no such file, or it is no text.
    pub fn from_path(path: &Path, environment: &Environment) -> std::io::Result<Self> {
        let text = read_text(path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(read(Source::new(path, text), folder, environment))
    }

    /// Whether a mapping of the top level has that name, be its entry good, bad or empty.
    pub fn is_listed(&self, mapping: &str, name: &str) -> bool {
        self.tree.get(&[mapping, name]).is_some()
    }

    /// Takes the doors of the command line in place of the file's.
    pub fn override_doors(&mut self, listen: &[SocketAddr], admin: Option<SocketAddr>) {
        if !listen.is_empty() {
            let terms = self.config.listen.first().cloned().unwrap_or_default();
            let door = |address: &SocketAddr| Listen { address: DoorAddress::Tcp(*address), ..terms.clone() };
            self.config.listen = listen.iter().map(door).collect();
            self.doors_overridden = true;
        }
        if let Some(address) = admin {
            self.config.admin.address = Address(address);
            self.doors_overridden = true;
        }
    }

    /// Whether something stands at that path, be it good or not.
    pub fn is_written(&self, path: &[&str]) -> bool {
        self.tree.get(path).is_some_and(|node| !matches!(node.value, Value::Null))
    }
}

/// The text of a file, without a byte-order mark.
pub(crate) fn read_text(path: &Path) -> std::io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

/// Reads a config's text.
pub fn read(source: Source, folder: &Path, environment: &Environment) -> Loaded {
    let mut problems = Vec::new();
    let mut tree = tree::parse(&source.text).unwrap_or_else(|problem| {
        problems.push(problem);
        Node { value: Value::Unknown, place: 0..0, filled_in: false }
    });
    let sources = fill_in::Sources { text: &source.text, environment, folder };
    fill_in::fill_in(&mut tree, &sources, &mut problems);
    let json = shape::read(&tree, reference::schema(), "the file", &mut problems);
    let config = json.map(serde_json::from_value).transpose().unwrap_or_else(|error| {
        problems.push(Problem::of_file(format!("the file cannot be used: {error}")));
        None
    });
    let (config, folder) = (config.unwrap_or_default(), folder.to_owned());
    Loaded { source, folder, config, tree, problems, from_file: true, doors_overridden: false }
}

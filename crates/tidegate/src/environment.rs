//! The environment: variables of the process, and those of `.env` in the current directory.

use std::collections::BTreeMap;
use std::path::Path;

/// Variables by name. What the process was given goes before `.env`; an empty variable counts as none.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// What the process has, and `.env` of that folder if there is one.
    pub fn of_process(folder: &Path) -> Self {
        let mut environment = match std::fs::read_to_string(folder.join(".env")) {
            Ok(text) => Self::parse(&text),
            Err(_) => Self::default(),
        };
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                environment.variables.insert(name, value);
            }
        }
        environment
    }

    /// Reads `.env`: lines of `NAME=value`, with `export` in front and quotes around the value if need be, and comments.
    pub fn parse(text: &str) -> Self {
        Self { variables: text.lines().filter_map(parse_line).collect() }
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The names of all variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: values are keys more often than not.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

fn parse_line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    let value = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or_default(),
        _ => value.split(" #").next().unwrap_or_default().trim_end(),
    };
    Some((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_env_is_read_as_people_write_it() {
        let environment = Environment::parse(
            "# keys\nA=1\nexport B = \"two # words\"\nC='3' # three\nD=4 # four\nE=\nnot a line\n1 F=x\n",
        );
        let value = |name| environment.get(name);
        assert_eq!(value("A"), Some("1"));
        assert_eq!(value("B"), Some("two # words"));
        assert_eq!(value("C"), Some("3"));
        assert_eq!(value("D"), Some("4"));
        assert_eq!(value("E"), None, "an empty variable is none");
        assert_eq!(environment.names().count(), 5);
    }

    #[test]
    fn fault_80_debug_shows_names_only() {
        assert_eq!(format!("{:?}", Environment::parse("KEY=sk-canary")), "{\"KEY\"}");
    }

    #[test]
    fn the_process_goes_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), "PATH=mine\nTIDEGATE_TEST_ONLY_HERE=1").unwrap();
        let environment = Environment::of_process(folder.path());
        assert_ne!(environment.get("PATH"), Some("mine"));
        assert_eq!(environment.get("TIDEGATE_TEST_ONLY_HERE"), Some("1"));
    }
}

//! Files of a folder: found safely, told with validators, ranges and compressed twins, read in bounded pieces.

mod find;
mod parts;
mod read;
mod recent;
mod told;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tidegate_policy::edge::route::PathMatch;

pub use find::{File, find};
pub use parts::parts;
pub use read::{FileBody, Part};
pub use recent::{Recent, Wanted};
pub use told::answer;

use super::EdgeError;

/// A route's files.
#[derive(Clone, Debug)]
pub struct Files {
    /// A folder, or a single file.
    pub root: PathBuf,
    /// What stands for a folder.
    pub index: String,
    /// What is told in place of what is not there: the page of a single-page application, below the root.
    pub fallback: Option<String>,
    /// How long copies may be used without asking.
    pub expires: Option<Duration>,
    /// Whether files never change under their names.
    pub is_immutable: bool,
    /// Whether `NAME.br`, `NAME.zst` and `NAME.gz` stand for `NAME`.
    pub precompressed: bool,
    /// What was found a moment ago.
    pub recent: Arc<Recent>,
}

/// The names below the root that a path stands for, decoded; nothing in them climbs or hides (fault 77).
pub fn names(path: &str, fitted: PathMatch) -> Result<Vec<String>, EdgeError> {
    let below = match fitted {
        PathMatch::Exact => "",
        PathMatch::Prefix(length) => path.get(length..).unwrap_or_default(),
        PathMatch::Regex | PathMatch::Any => path,
    };
    below.split('/').filter(|name| !name.is_empty()).map(name).collect()
}

fn name(escaped: &str) -> Result<String, EdgeError> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next()), digit(rest.next()));
        let (Some(high), Some(low)) = (high, low) else { return Err(EdgeError::NotFound) };
        bytes.push((high * 16 + low) as u8);
    }
    let name = String::from_utf8(bytes).map_err(|_| EdgeError::NotFound)?;
    let is_hidden = name.starts_with('.') && name != ".well-known";
    let is_strange = name.chars().any(|c| matches!(c, '/' | '\\') || c.is_control());
    if is_hidden || is_strange { Err(EdgeError::NotFound) } else { Ok(name) }
}

/// Files are only read.
pub fn expect_reading(method: &Method) -> Result<(), EdgeError> {
    if matches!(*method, Method::GET | Method::HEAD) {
        Ok(())
    } else {
        Err(EdgeError::Method(vec![Method::GET, Method::HEAD]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_77_names_neither_climb_nor_hide() {
        let names = |path| names(path, PathMatch::Prefix("/a".len()));
        assert_eq!(names("/a/b%20c/d.txt").unwrap(), ["b c", "d.txt"]);
        assert_eq!(names("/a/").unwrap(), Vec::<String>::new());
        assert_eq!(names("/a/.well-known/x").unwrap(), [".well-known", "x"]);
        for path in [
            "/a/.git/config",
            "/a/b/.env",
            "/a/..",
            "/a/%2e%2e/x",
            "/a/b%2fc",
            "/a/b%5cc",
            "/a/b%00",
            "/a/%ff",
        ] {
            assert!(names(path).is_err(), "{path}");
        }
    }
}

//! Small files that were found a moment ago: told again without asking the file system, which takes longer than all the rest.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tidegate_policy::edge::negotiate::Coding;

use super::File;

/// How long what was found is believed; a change is seen after that.
const BELIEVED: Duration = Duration::from_secs(1);
/// Most files; each is small, and holds an open file.
const MOST: usize = 256;

/// What is asked for, as far as it decides which file it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// In its one spelling.
    pub path: String,
    /// Of which twins are welcome, best first.
    pub codings: Vec<Coding>,
    /// Whether an application's page may stand for what is not there.
    pub wants_page: bool,
}

/// Small files that were found in the last second.
#[derive(Debug, Default)]
pub struct Recent(Mutex<HashMap<Wanted, (Instant, File)>>);

impl Recent {
    /// The file, if it was found a moment ago.
    pub fn get(&self, wanted: &Wanted, now: Instant) -> Option<File> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, file) = found.get(wanted)?;
        (now.saturating_duration_since(*at) < BELIEVED).then(|| file.clone())
    }

    /// Keeps a small file. Larger ones are not kept, nor what is not there: anybody can ask for that in many ways.
    pub fn keep(&self, wanted: Wanted, file: &File, now: Instant) {
        if file.bytes.is_none() {
            return;
        }
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.retain(|_, (at, _)| now.saturating_duration_since(*at) < BELIEVED);
        if found.len() < MOST {
            found.insert(wanted, (now, file.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use bytes::Bytes;

    fn file(bytes: Option<&'static str>) -> File {
        File {
            handle: Arc::new(std::fs::File::open("/dev/null").unwrap()),
            length: 1,
            modified: None,
            name: "a".to_owned(),
            coding: Coding::Identity,
            is_fallback: false,
            bytes: bytes.map(|text| Bytes::from_static(text.as_bytes())),
        }
    }

    fn wanted(path: &str) -> Wanted {
        Wanted { path: path.to_owned(), codings: Vec::new(), wants_page: true }
    }

    #[test]
    fn small_files_are_believed_for_a_second_and_no_longer_kept() {
        let (recent, start) = (Recent::default(), Instant::now());
        recent.keep(wanted("/a"), &file(Some("x")), start);
        recent.keep(wanted("/large"), &file(None), start);
        assert!(recent.get(&wanted("/a"), start + Duration::from_millis(999)).is_some());
        assert!(recent.get(&wanted("/a"), start + BELIEVED).is_none());
        assert!(recent.get(&wanted("/large"), start).is_none());
        let other = Wanted { codings: vec![Coding::Gzip], ..wanted("/a") };
        assert!(recent.get(&other, start).is_none(), "another twin may be meant");
        recent.keep(wanted("/b"), &file(Some("y")), start + BELIEVED);
        assert_eq!(recent.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn no_more_files_are_kept_than_there_is_room_for() {
        let (recent, now) = (Recent::default(), Instant::now());
        for number in 0..MOST + 10 {
            recent.keep(wanted(&number.to_string()), &file(Some("x")), now);
        }
        assert_eq!(recent.0.lock().unwrap().len(), MOST);
    }
}

//! The folder of one process's journal: its lock, its segments, and the folders that others left.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{Position, Span};

const LOCK: &str = "lock";

/// One folder, locked by this process for as long as this lives.
#[derive(Debug)]
pub(super) struct Home {
    /// Unique among all journals of a database: 16 hex digits of chance.
    pub(super) id: String,
    folder: PathBuf,
    /// Number and length of the segments that were there when it was taken over, in order; empty for the own.
    pub(super) segments: Vec<(u64, u64)>,
    folded: Mutex<Position>,
    _lock: File,
}

/// Guards the making and removing of folders. Held for moments only, so waiting is fine.
pub(super) fn lock_root(root: &Path) -> io::Result<File> {
    let file = lock_file(root)?;
    file.lock()?;
    Ok(file)
}

fn lock_file(folder: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK))
}

/// Locks the folders whose processes are gone. The root must be locked.
pub(super) fn take_over(root: &Path) -> io::Result<Vec<Home>> {
    let mut homes = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(id) = name.to_str().filter(|name| is_id(name)) else { continue };
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let lock = lock_file(&entry.path())?;
        match lock.try_lock() {
            Ok(()) => homes.push(Home::found(id.to_owned(), entry.path(), lock)?),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    homes.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(homes)
}

fn is_id(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Home {
    /// Makes a new one. The root must be locked.
    pub(super) fn create(root: &Path) -> io::Result<Self> {
        let mut chance = [0; 8];
        aws_lc_rs::rand::fill(&mut chance).map_err(|_| io::Error::other("no random numbers"))?;
        let id = format!("{:016x}", u64::from_le_bytes(chance));
        let folder = root.join(&id);
        fs::create_dir(&folder)?;
        let lock = lock_file(&folder)?;
        lock.lock()?;
        Ok(Self { id, folder, segments: Vec::new(), folded: Mutex::default(), _lock: lock })
    }

    fn found(id: String, folder: PathBuf, lock: File) -> io::Result<Self> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_suffix(".jsonl"))
                .and_then(|number| number.parse().ok());
            if let Some(number) = number {
                segments.push((number, entry.metadata()?.len()));
            }
        }
        segments.sort_unstable();
        Ok(Self { id, folder, segments, folded: Mutex::default(), _lock: lock })
    }

    fn file(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:010}.jsonl"))
    }

    /// Begins a segment. The number must be new.
    pub(super) fn begin(&self, number: u64) -> io::Result<File> {
        OpenOptions::new().create_new(true).append(true).open(self.file(number))
    }

    /// Deletes a segment that has been folded. If it cannot be, the next process finds it folded already.
    pub(super) fn delete(&self, number: u64) {
        if let Err(error) = fs::remove_file(self.file(number)) {
            tracing::warn!(segment = number, %error, "a folded segment of the ledger's journal cannot be deleted");
        }
    }

    /// Removes the folder with all that is in it. The root must be locked.
    pub(super) fn remove(&self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(journal = self.id, %error, "a folded journal of the ledger cannot be removed");
        }
    }

    /// The first of these segments that has something behind the position.
    pub(super) fn span(
        &self,
        segments: impl Iterator<Item = (u64, u64)>,
        position: Position,
    ) -> Option<Span> {
        segments.filter(|(number, _)| *number >= position.segment).find_map(|(number, end)| {
            let offset = if number == position.segment { position.offset } else { 0 };
            let start = Position { segment: number, offset };
            (offset < end).then(|| Span { file: self.file(number), start, end })
        })
    }

    /// Remembers how far a leftover is folded.
    pub(super) fn fold_to(&self, position: Position) {
        *self.folded.lock().unwrap_or_else(PoisonError::into_inner) = position;
    }

    /// Bytes, and about how many rows, of a leftover wait for the database.
    pub(super) fn left(&self) -> (u64, u64) {
        /// About the length of a row.
        const ROW: u64 = 500;
        let folded = *self.folded.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |(number, length): &(u64, u64)| match number.cmp(&folded.segment) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => length.saturating_sub(folded.offset),
            std::cmp::Ordering::Greater => *length,
        };
        let bytes: u64 = self.segments.iter().map(left).sum();
        (bytes, bytes.div_ceil(ROW))
    }
}

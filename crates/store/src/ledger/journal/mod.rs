//! The journal: rows in append-only files until the database has them.
//!
//! A row is in the file (the system's page cache) when [`Journal::append`] or [`Journal::flush`] returns, so a process that is killed
//! loses none of an exchange that has ended. The files are synced to the disk once a second by the [`Folder`](super::Folder), not row
//! by row: a *machine* that loses power can lose the rows of its last second.
//!
//! Each process has a folder of its own under the journal's root, with a lock file that the system frees when the process ends. The
//! folders of processes that are gone are taken over by whoever opens the root next, and folded too. The locks need a local disk.

mod home;
mod medium;
mod read;
mod size;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Row;
use home::Home;
use medium::Segment;
use size::Size;

pub(crate) use read::{Found, Stretch};

/// A segment is closed, and a new one begun, when it is so long …
const SEGMENT_BYTES: u64 = 16 << 20;
/// … or so old.
const SEGMENT_AGE: Duration = Duration::from_secs(60);
/// Bytes of lines that are written together, usually.
const BATCH_ROOM: usize = 64 << 10;
/// So many unfolded rows wake the folder before its time.
pub(crate) const BATCH_ROWS: usize = 4_000;

/// Why a row could not be written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The journal holds as much as it may; the database has been away for too long. The row is not recorded.
    #[error("the ledger's journal is full")]
    Full,
    /// The disk refused the journal's folder or files.
    #[error("the ledger's journal cannot be opened: {0}")]
    Io(#[source] io::Error),
    /// The disk refused so many rows. They are kept in memory, up to 4 MiB of them, and written as soon as the disk takes them.
    #[error("the ledger's journal cannot be written: {error}")]
    Refused {
        /// How many.
        rows: u64,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

impl JournalError {
    /// How many rows are not in the file for it.
    pub fn rows(&self) -> u64 {
        match self {
            Self::Full => 1,
            Self::Io(_) => 0,
            Self::Refused { rows, .. } => *rows,
        }
    }
}

/// Where the reader stands in one process's journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The segment's number, from 1; 0: before the first.
    pub(crate) segment: u64,
    /// Bytes of it that have been folded.
    pub(crate) offset: u64,
}

/// A stretch of a segment that is there to be read.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) file: PathBuf,
    pub(crate) start: Position,
    /// Where the whole lines end.
    pub(crate) end: u64,
}

/// The journal of this process, and what earlier ones left. Share it in an `Arc`.
#[derive(Debug)]
pub struct Journal {
    root: PathBuf,
    own: Home,
    /// Locked after `active` where both are needed.
    waiting: Mutex<Lines>,
    active: Mutex<Active>,
    leftovers: Mutex<Vec<Arc<Home>>>,
    size: Size,
    wake: Notify,
}

/// The segment that is written to, and the closed ones before it.
#[derive(Debug)]
struct Active {
    segment: Segment<File>,
    number: u64,
    born: Instant,
    /// Bytes of the segment that are known to be on the disk.
    synced: u64,
    /// Number and length, oldest first.
    closed: VecDeque<(u64, u64)>,
    /// Room for the lines of one write.
    batch: Lines,
}

/// Rows that are to be written together.
#[derive(Debug, Default)]
struct Lines {
    /// Each ends in LF.
    bytes: Vec<u8>,
    count: u64,
}

thread_local! {
    /// Where a row becomes a line, before the lock is taken.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Journal {
    /// Opens the journal under a root folder (made if it is not there), takes over what processes that are gone have left, and begins
    /// a folder of its own. `limit` is the number of bytes that may wait for the database.
    pub fn open(root: &Path, limit: u64) -> Result<Self, JournalError> {
        std::fs::create_dir_all(root).map_err(JournalError::Io)?;
        let _guard = home::lock_root(root).map_err(JournalError::Io)?;
        let leftovers = home::take_over(root).map_err(JournalError::Io)?;
        let own = Home::create(root).map_err(JournalError::Io)?;
        let segment = Segment::new(own.begin(1).map_err(JournalError::Io)?);
        let active = Active {
            segment,
            number: 1,
            born: Instant::now(),
            synced: 0,
            closed: VecDeque::new(),
            batch: Lines::default(),
        };
        let size = Size::new(limit);
        size.set_leftovers(&leftovers);
        Ok(Self {
            root: root.to_owned(),
            own,
            waiting: Mutex::default(),
            active: Mutex::new(active),
            leftovers: Mutex::new(leftovers.into_iter().map(Arc::new).collect()),
            size,
            wake: Notify::new(),
        })
    }

    /// Writes the row down, and those that wait: one `write(2)` to the page cache under a short lock. Call it before the exchange ends.
    pub fn append(&self, row: &Row<'_>) -> Result<(), JournalError> {
        self.put(row)?;
        self.flush()
    }

    /// Puts the row to those that wait for a [`Journal::flush`], which must come before the exchange ends: when many exchanges end at
    /// once, a write for each costs more than all else about a row.
    pub fn put(&self, row: &Row<'_>) -> Result<(), JournalError> {
        LINE.with_borrow_mut(|line| {
            line.clear();
            row.write(line);
            line.push(b'\n');
            if !self.size.takes(line.len() as u64) {
                return Err(JournalError::Full);
            }
            let mut waiting = lock(&self.waiting);
            waiting.bytes.extend_from_slice(line);
            waiting.count += 1;
            Ok(())
        })
    }

    /// Whether rows wait for a flush.
    pub fn has_waiting(&self) -> bool {
        lock(&self.waiting).count > 0
    }

    /// Writes all rows that wait. When it returns they are in the file, whoever wrote them.
    pub fn flush(&self) -> Result<(), JournalError> {
        let mut active = self.lock();
        let active = &mut *active;
        std::mem::swap(&mut *lock(&self.waiting), &mut active.batch);
        if active.batch.count == 0 {
            return Ok(());
        }
        active.roll(&self.own);
        let rows = active.batch.count;
        let written = active.segment.write(&active.batch.bytes, rows);
        active.batch.clear();
        self.size.set_broken(written.is_err());
        let (bytes, lines) = written.map_err(|error| JournalError::Refused { rows, error })?;
        if self.size.grow(bytes, lines) >= BATCH_ROWS as u64 {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Whether new requests must be refused: so much waits for the database that little more than the requests under way can be
    /// recorded (an eighth of the limit, at most 4 MiB, is left for those), or the disk refuses rows. Costs a few atomic loads.
    pub fn is_full(&self) -> bool {
        self.size.is_full()
    }

    /// Bytes that wait for the database.
    pub fn behind_bytes(&self) -> u64 {
        self.size.bytes()
    }

    /// Rows that wait for the database.
    pub fn behind_rows(&self) -> u64 {
        self.size.rows()
    }

    /// Rows that were refused because the journal was full.
    pub fn refused_rows(&self) -> u64 {
        self.size.refused()
    }

    /// Brings what is new of the active segment to the disk, and writes what an earlier failure held back. Blocks for as long as the disk needs.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut active = self.lock();
        if active.segment.is_behind() {
            let written = active.segment.write(b"", 0);
            self.size.set_broken(written.is_err());
            let (bytes, lines) = written?;
            self.size.grow(bytes, lines);
        }
        let (number, whole) = (active.number, active.segment.whole());
        if active.synced == whole {
            return Ok(());
        }
        let file = active.segment.medium().try_clone()?;
        drop(active);
        file.sync_data()?;
        let mut active = self.lock();
        if active.number == number {
            active.synced = whole;
        }
        Ok(())
    }

    /// Completes when a batch of rows waits.
    pub(crate) async fn batch_waits(&self) {
        self.wake.notified().await;
    }

    /// The own journal's id, then those of the leftovers.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids = vec![self.own.id.clone()];
        ids.extend(lock(&self.leftovers).iter().map(|home| home.id.clone()));
        ids
    }

    /// What is there to be read behind a position; `None` if all has been read.
    pub(crate) fn next(&self, id: &str, position: Position) -> Option<Span> {
        if id == self.own.id {
            let active = self.lock();
            let all = active.closed.iter().copied().chain([(active.number, active.segment.whole())]);
            return self.own.span(all, position);
        }
        let home = lock(&self.leftovers).iter().find(|home| home.id == id).cloned()?;
        home.span(home.segments.iter().copied(), position)
    }

    /// Says that rows up to a position are in the database; segments that are done with are deleted.
    pub(crate) fn folded(&self, id: &str, to: Position, bytes: u64, rows: u64) {
        if id == self.own.id {
            self.size.shrink(bytes, rows);
            let mut active = self.lock();
            while active.closed.front().is_some_and(|closed| closed.0 < to.segment) {
                if let Some((number, _)) = active.closed.pop_front() {
                    self.own.delete(number);
                }
            }
            return;
        }
        let mut leftovers = lock(&self.leftovers);
        let Some(place) = leftovers.iter().position(|home| home.id == id) else { return };
        let home = &leftovers[place];
        home.fold_to(to);
        if home.span(home.segments.iter().copied(), to).is_none() {
            let _guard = home::lock_root(&self.root);
            home.remove();
            leftovers.remove(place);
        }
        self.size.set_leftovers(leftovers.iter().map(Arc::as_ref));
    }

    /// Whether a journal is this process's own.
    pub(crate) fn is_own(&self, id: &str) -> bool {
        id == self.own.id
    }

    /// Where the own journal ends now.
    pub(crate) fn end(&self) -> Position {
        let active = self.lock();
        Position { segment: active.number, offset: active.segment.whole() }
    }

    /// Takes over what processes have left that ended since [`Journal::open`].
    pub(crate) fn take_over(&self) -> io::Result<()> {
        let _guard = home::lock_root(&self.root)?;
        let found = home::take_over(&self.root)?;
        let mut leftovers = lock(&self.leftovers);
        leftovers.extend(found.into_iter().map(Arc::new));
        self.size.set_leftovers(leftovers.iter().map(Arc::as_ref));
        Ok(())
    }

    /// Where rows go that the database refuses for what they are.
    pub(crate) fn refused_file(&self) -> PathBuf {
        self.root.join("refused.jsonl")
    }

    fn lock(&self) -> MutexGuard<'_, Active> {
        lock(&self.active)
    }
}

impl Active {
    /// Begins a new segment when this one is long or old. If that fails, the old one goes on.
    fn roll(&mut self, home: &Home) {
        let whole = self.segment.whole();
        let is_due = whole >= SEGMENT_BYTES || (whole > 0 && self.born.elapsed() >= SEGMENT_AGE);
        if !is_due || self.segment.is_behind() {
            return;
        }
        if let Ok(file) = home.begin(self.number + 1) {
            self.closed.push_back((self.number, whole));
            *self = Self {
                segment: Segment::new(file),
                number: self.number + 1,
                born: Instant::now(),
                synced: 0,
                closed: std::mem::take(&mut self.closed),
                batch: std::mem::take(&mut self.batch),
            };
        }
    }
}

impl Lines {
    /// The room of a usual batch stays.
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(BATCH_ROOM);
        self.count = 0;
    }
}

/// A panic elsewhere leaves whole values behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

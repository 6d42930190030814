//! The disk behind the memory: answers as files in one folder, which survive a restart. Written by a thread of its own; what goes wrong there costs
//! kept answers, never a request.

pub mod file;
pub mod index;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;

use self::index::Index;
use super::key::Key;
use super::stored::Stored;

/// Most bytes of answers that wait to be written.
const WAITING: u64 = 64 << 20;
/// How many folders the files are spread over.
const FOLDERS: u64 = 256;

/// A folder with answers.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    budget: AtomicU64,
    index: Mutex<Index>,
    /// The next file's number.
    next: AtomicU64,
    /// Bytes that wait to be written.
    waiting: AtomicU64,
    errors: AtomicU64,
    work: Sender<Work>,
}

#[derive(Debug)]
enum Work {
    Write(Key, Arc<Stored>),
    /// Everything for the key that was to be written before has been.
    Forget(Key, Vec<u64>),
    Remove(Vec<u64>),
}

impl Disk {
    /// Opens a folder, which is made if there is none. What is in it is read in the thread that writes; until then it is not found.
    pub fn open(folder: &Path, budget: u64) -> io::Result<Arc<Self>> {
        std::fs::create_dir_all(folder)?;
        let (work, all) = channel();
        // Numbers of another process that may still write here lie elsewhere.
        let next = crate::clock::micros().unsigned_abs() << 8;
        let disk = Arc::new(Self {
            folder: folder.to_owned(),
            budget: AtomicU64::new(budget),
            index: Mutex::default(),
            next: AtomicU64::new(next),
            waiting: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            work,
        });
        let worker = Arc::downgrade(&disk);
        std::thread::Builder::new().name("http-cache".into()).spawn(move || run(&worker, &all))?;
        Ok(disk)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Changes its size; what is too much goes.
    pub fn set_budget(&self, bytes: u64) {
        self.budget.store(bytes, Ordering::Relaxed);
        let gone = self.index().make_room(bytes);
        self.remove(gone);
    }

    /// Bytes, answers, and what went wrong so far.
    pub fn used(&self) -> (u64, usize, u64) {
        let index = self.index();
        (index.bytes, index.files, self.errors.load(Ordering::Relaxed))
    }

    /// Hands an answer to the writer, unless too much waits there.
    pub fn put(&self, key: &Key, stored: &Arc<Stored>) {
        let size = stored.size();
        if self.waiting.fetch_add(size, Ordering::Relaxed) + size > WAITING {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            return;
        }
        // Without a writer nothing is kept.
        let _ = self.work.send(Work::Write(key.clone(), stored.clone()));
    }

    /// Whether there is an answer that fits, and in which file.
    pub fn find(&self, key: &str, outward: impl Fn() -> HeaderMap) -> Option<u64> {
        self.index().find(key, outward)
    }

    /// Reads an answer. Blocking. One that cannot be read is forgotten.
    pub fn read(&self, key: &str, file: u64) -> Option<Stored> {
        match file::read(&self.path(file)) {
            Ok((its, stored)) if *its == *key => Some(stored),
            read => {
                if let Err(error) = read {
                    self.failed(&error);
                }
                self.index().drop_file(key, file);
                None
            }
        }
    }

    /// Forgets a key's answers, and those that wait to be written.
    pub fn forget(&self, key: &Key) {
        let gone = self.index().begin_forgetting(key);
        let _ = self.work.send(Work::Forget(key.clone(), gone));
    }

    fn remove(&self, files: Vec<u64>) {
        if !files.is_empty() {
            let _ = self.work.send(Work::Remove(files));
        }
    }

    fn failed(&self, error: &io::Error) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%error, "a file of the cache");
    }

    fn path(&self, file: u64) -> PathBuf {
        self.folder.join(format!("{:02x}", file % FOLDERS)).join(format!("{file:016x}"))
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &Key, stored: &Stored) {
        self.waiting.fetch_sub(stored.size(), Ordering::Relaxed);
        // Numbers go up one by one, and so over the folders.
        let file = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.path(file);
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        match folder.and_then(|()| file::write(&path, key, stored)) {
            Ok(bytes) => {
                let mut index = self.index();
                let mut gone = index.enter(key, stored, (file, bytes));
                gone.extend(index.make_room(self.budget.load(Ordering::Relaxed)));
                drop(index);
                self.unlink(&gone);
            }
            Err(error) => self.failed(&error),
        }
    }

    fn unlink(&self, files: &[u64]) {
        for file in files {
            if let Err(error) = std::fs::remove_file(self.path(*file))
                && error.kind() != io::ErrorKind::NotFound
            {
                self.failed(&error);
            }
        }
    }

    /// Enters what an earlier process has left; what it has not finished, and what cannot be read, goes.
    fn take_stock(&self) {
        let within = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
        let folders = within(&self.folder).map(|found| found.path()).filter(|path| path.is_dir());
        let mut files: Vec<PathBuf> = folders
            .flat_map(|folder| within(&folder).map(|found| found.path()).collect::<Vec<_>>())
            .collect();
        // The newest last: of two for the same variant it is the one that holds.
        files.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
        for path in &files {
            self.take_in(path);
        }
        let gone = self.index().make_room(self.budget.load(Ordering::Relaxed));
        self.unlink(&gone);
    }

    fn take_in(&self, path: &Path) {
        let number = |name: &str| u64::from_str_radix(name, 16).ok();
        let file = path.file_name().and_then(|name| name.to_str()).and_then(number);
        let entered = file.filter(|file| self.path(*file) == path).zip(file::read_head(path).ok());
        match entered {
            Some((file, (key, stored, bytes))) => {
                let gone = self.index().enter(&key, &stored, (file, bytes));
                self.unlink(&gone);
            }
            None if is_ours(path) => drop(std::fs::remove_file(path)),
            None => {}
        }
    }
}

/// Whether a file has a name as this module gives them: whatever else lies in the folder is left alone.
fn is_ours(path: &Path) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let is_number = name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number && path.extension().is_none_or(|extension| extension == "part")
}

/// The writer: ends with the last one who holds the disk.
fn run(disk: &std::sync::Weak<Disk>, all: &Receiver<Work>) {
    if let Some(disk) = disk.upgrade() {
        disk.take_stock();
    }
    while let Ok(work) = all.recv() {
        let Some(disk) = disk.upgrade() else { return };
        match work {
            Work::Write(key, stored) => disk.write(&key, &stored),
            Work::Remove(files) => disk.unlink(&files),
            Work::Forget(key, files) => {
                disk.unlink(&files);
                disk.index().end_forgetting(&key);
            }
        }
    }
}

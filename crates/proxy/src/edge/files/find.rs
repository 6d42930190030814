//! From names to an open file that is below the root for sure.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tidegate_policy::edge::negotiate::Coding;

use super::Files;

/// Files up to this are read together with their opening.
const SMALL: u64 = 64 * 1024;

/// An open file.
#[derive(Clone, Debug)]
pub struct File {
    /// The file.
    pub handle: Arc<fs::File>,
    /// Its length.
    pub length: u64,
    /// Its last change, in seconds since 1970-01-01 UTC.
    pub modified: Option<i64>,
    /// Its name without a twin's suffix, for its type.
    pub name: String,
    /// How it is compressed; a twin stands for the file itself.
    pub coding: Coding,
    /// Whether it is the fallback.
    pub is_fallback: bool,
    /// Its bytes, of a small one.
    pub bytes: Option<Bytes>,
}

/// What stands at some names.
#[derive(Debug)]
pub enum Found {
    /// A file.
    File(File),
    /// A folder, asked for without its last slash.
    Folder,
    /// Nothing that may be told.
    Nothing,
}

/// Looks for a file. Blocking. `codings`: of which twins are welcome, best first. Everything that is opened lies below the root when
/// all links have been followed.
pub fn find(files: &Files, names: &[String], has_slash: bool, codings: &[Coding], wants_page: bool) -> Found {
    let Ok(root) = files.root.canonicalize() else { return Found::Nothing };
    if root.is_file() {
        return opened(files, &root, &root, codings).map_or(Found::Nothing, Found::File);
    }
    let wanted: PathBuf = root.join(names.iter().collect::<PathBuf>());
    let index = || wanted.join(&files.index);
    let found = match fs::metadata(&wanted) {
        Ok(meta) if meta.is_dir() && (has_slash || names.is_empty()) => {
            opened(files, &root, &index(), codings)
        }
        // That there is a folder is told only where it has something to show.
        Ok(meta) if meta.is_dir() => match opened(files, &root, &index(), &[]) {
            Some(_) => return Found::Folder,
            None => None,
        },
        Ok(_) if !has_slash => opened(files, &root, &wanted, codings),
        _ => None,
    };
    let fallback = || {
        let page = files.fallback.as_ref().filter(|_| wants_page)?;
        let file = opened(files, &root, &root.join(page.trim_start_matches('/')), codings)?;
        Some(File { is_fallback: true, ..file })
    };
    found.or_else(fallback).map_or(Found::Nothing, Found::File)
}

/// Opens a file below the root, or the best of its welcome twins.
fn opened(files: &Files, root: &Path, path: &Path, codings: &[Coding]) -> Option<File> {
    let plain = open(root, path).ok()?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let twins = if files.precompressed { codings } else { &[] };
    for coding in twins.iter().take_while(|coding| **coding != Coding::Identity) {
        let twin = path.with_file_name(format!("{name}{}", coding.suffix()));
        if let Ok(twin) = open(root, &twin) {
            return described(twin, name, *coding).ok();
        }
    }
    described(plain, name, Coding::Identity).ok()
}

/// Opens a plain file and looks where it really is: a link that is changed in between helps nobody.
fn open(root: &Path, path: &Path) -> io::Result<fs::File> {
    let place = path.canonicalize()?;
    let is_below = place.starts_with(root) || place == root;
    if !is_below || !fs::metadata(&place)?.is_file() || is_hidden(root, &place) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = fs::File::open(&place)?;
    match really_at(&file) {
        Some(really) if !really.starts_with(root) => Err(io::ErrorKind::NotFound.into()),
        _ => Ok(file),
    }
}

/// A link may lead to a name that is hidden.
fn is_hidden(root: &Path, place: &Path) -> bool {
    let below = place.strip_prefix(root).unwrap_or(place);
    below.components().any(|part| {
        let name = part.as_os_str().as_encoded_bytes();
        name.starts_with(b".") && name != b".well-known"
    })
}

/// Where an open file is; none where the system does not tell.
fn really_at(file: &fs::File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
}

fn described(file: fs::File, name: &str, coding: Coding) -> io::Result<File> {
    let meta = file.metadata()?;
    let length = meta.len();
    let since = meta.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let bytes = if length <= SMALL { Some(read_small(&file, length)?) } else { None };
    Ok(File {
        handle: Arc::new(file),
        length: bytes.as_ref().map_or(length, |bytes| bytes.len() as u64),
        modified: since.and_then(|since| i64::try_from(since.as_secs()).ok()),
        name: name.to_owned(),
        coding,
        is_fallback: false,
        bytes,
    })
}

fn read_small(file: &fs::File, length: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; length as usize];
    let mut at = 0;
    while at < bytes.len() {
        match file.read_at(&mut bytes[at..], at as u64)? {
            0 => break,
            count => at += count,
        }
    }
    bytes.truncate(at);
    Ok(bytes.into())
}

//! Answers on disk.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, StatusCode};
use tempfile::TempDir;
use tidegate_policy::edge::caching::CacheRules;

use super::*;
use crate::edge::cache::stored::Head;

fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
    let value = |value: &str| http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
    lines.iter().map(|(name, its)| (HeaderName::from_static(name), value(its))).collect()
}

fn stored(body: &str, variant: &str) -> Arc<Stored> {
    let headers = map(&[("cache-control", "max-age=60"), ("vary", "x-v"), ("x-name", "é")]);
    let head = Head { status: StatusCode::OK, headers, times: (1_800_000_000, 1_800_000_001) };
    let asked = map(&[("x-v", variant)]);
    Arc::new(head.with_body(Bytes::copy_from_slice(body.as_bytes()), &asked, &CacheRules::default()))
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn found(disk: &Disk, key: &str, variant: &str) -> Option<Stored> {
    let file = disk.find(key, || map(&[("x-v", variant)]))?;
    disk.read(key, file)
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let within = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|found| found.unwrap().path());
    within(folder.path())
        .filter(|path| path.is_dir())
        .flat_map(|path| within(&path).collect::<Vec<_>>())
        .collect()
}

fn full(folder: &TempDir) -> Arc<Disk> {
    let disk = Disk::open(folder.path(), 1 << 20).unwrap();
    for (key, body, variant) in [("a", "one", "1"), ("a", "two", "2"), ("b", "three", "1")] {
        disk.put(&key.into(), &stored(body, variant));
    }
    until("three files", || disk.used().1 == 3);
    disk
}

#[test]
fn what_was_kept_survives_a_restart() {
    let folder = TempDir::new().unwrap();
    drop(full(&folder));
    let disk = Disk::open(folder.path(), 1 << 20).unwrap();
    until("stock is taken", || disk.used().1 == 3);
    let again = found(&disk, "a", "2").unwrap();
    let first = stored("two", "2");
    assert_eq!((&again.headers, &again.body), (&first.headers, &first.body));
    assert_eq!((again.freshness, again.status), (first.freshness, first.status));
    assert_eq!((&again.names, &again.variant), (&first.names, &first.variant));
    assert!(found(&disk, "a", "3").is_none());
    assert!(found(&disk, "c", "1").is_none());
}

#[test]
fn files_that_are_cut_or_changed_are_no_answers() {
    let folder = TempDir::new().unwrap();
    let disk = full(&folder);
    for path in files(&folder) {
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(found(&disk, "a", "1").is_none());
    assert_eq!((disk.used().1, disk.used().2), (2, 1));
    drop(disk);
    for path in files(&folder) {
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    }
    let other = folder.path().join("00").join("not-ours");
    std::fs::create_dir_all(other.parent().unwrap()).unwrap();
    std::fs::write(&other, "x").unwrap();
    let _disk = Disk::open(folder.path(), 1 << 20).unwrap();
    until("only what is not ours is left", || files(&folder) == [other.clone()]);
}

#[test]
fn the_bound_holds_and_what_was_used_stays() {
    let folder = TempDir::new().unwrap();
    let disk = full(&folder);
    assert!(found(&disk, "a", "1").is_some());
    let bytes = disk.used().0;
    disk.set_budget(bytes - 1);
    until("a file goes", || files(&folder).len() == 2);
    assert!(found(&disk, "a", "1").is_some());
    assert!(found(&disk, "a", "2").is_none());
}

#[test]
fn what_was_to_be_written_before_a_key_was_forgotten_is_not_found_after_it() {
    let folder = TempDir::new().unwrap();
    let disk = full(&folder);
    let key: Key = "a".into();
    disk.put(&key, &stored("void", "1"));
    disk.forget(&key);
    assert!(found(&disk, "a", "1").is_none());
    disk.put(&key, &stored("new", "1"));
    until("the new one", || found(&disk, "a", "1").is_some_and(|stored| stored.body == "new"));
    assert!(found(&disk, "a", "2").is_none());
    until("the void files go", || files(&folder).len() == 2);
}

#[test]
fn a_folder_that_cannot_be_written_costs_answers_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let disk = Disk::open(folder.path(), 1 << 20).unwrap();
    // A file where a folder is wanted.
    for number in 0..FOLDERS {
        std::fs::write(folder.path().join(format!("{number:02x}")), "x").unwrap();
    }
    disk.put(&"a".into(), &stored("one", "1"));
    until("an error", || disk.used().2 == 1);
    assert!(found(&disk, "a", "1").is_none());
}

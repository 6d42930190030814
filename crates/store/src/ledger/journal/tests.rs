//! Tests of the journal on a real disk.

use super::*;

fn row(id: usize) -> Row<'static> {
    Row { request_id: format!("{id:032x}").into(), attempt: 1, last: true, ..Row::default() }
}

/// All rows that are there to be read, of the own journal and the leftovers.
fn rows(journal: &Journal) -> Vec<String> {
    let mut rows = Vec::new();
    for id in journal.ids() {
        let mut position = Position::default();
        while let Some(span) = journal.next(&id, position) {
            let stretch = Stretch::read(&span).unwrap();
            let found = stretch.rows(1_000, |_, row| rows.push(row.request_id.clone().into_owned()));
            assert_ne!(found.end, span.start);
            position = found.end;
        }
    }
    rows
}

#[test]
fn a_second_process_has_a_folder_of_its_own_and_the_next_takes_over_what_is_left() {
    let root = tempfile::tempdir().unwrap();
    let first = Journal::open(root.path(), 1 << 20).unwrap();
    let second = Journal::open(root.path(), 1 << 20).unwrap();
    first.append(&row(1)).unwrap();
    second.append(&row(2)).unwrap();
    assert_eq!(rows(&first), [row(1).request_id]);
    assert_eq!(rows(&second), [row(2).request_id]);
    assert_eq!(second.ids().len(), 1);
    drop(first);
    second.take_over().unwrap();
    assert_eq!(second.ids().len(), 2);
    assert_eq!(rows(&second), [row(2).request_id, row(1).request_id]);
    let waiting = second.behind_bytes();
    drop(second);
    let third = Journal::open(root.path(), 1 << 20).unwrap();
    assert_eq!(third.ids().len(), 3);
    assert_eq!(third.behind_bytes(), waiting);
    assert_eq!(rows(&third).len(), 2);
}

#[test]
fn leftovers_that_are_folded_are_removed() {
    let root = tempfile::tempdir().unwrap();
    let first = Journal::open(root.path(), 1 << 20).unwrap();
    first.append(&row(1)).unwrap();
    drop(first);
    let second = Journal::open(root.path(), 1 << 20).unwrap();
    let id = second.ids().pop().unwrap();
    let span = second.next(&id, Position::default()).unwrap();
    second.folded(&id, Position { segment: span.start.segment, offset: span.end }, span.end, 1);
    assert_eq!((second.ids().len(), second.behind_bytes()), (1, 0));
    assert!(!root.path().join(id).exists());
}

#[test]
fn each_row_of_a_write_that_the_disk_refuses_is_counted() {
    let root = tempfile::tempdir().unwrap();
    let journal = Journal::open(root.path(), 1 << 20).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    journal.lock().segment = Segment::new(full);
    for id in 0..3 {
        journal.put(&row(id)).unwrap();
    }
    let refused = journal.flush().unwrap_err();
    assert!(matches!(refused, JournalError::Refused { rows: 3, .. }), "{refused}");
    assert_eq!(refused.rows(), 3);
    assert!(journal.is_full());
}

#[test]
fn fault_91_a_full_journal_says_so_before_rows_are_lost() {
    let root = tempfile::tempdir().unwrap();
    let journal = Journal::open(root.path(), 8_000).unwrap();
    let mut written = 0;
    while !journal.is_full() {
        journal.append(&row(written)).unwrap();
        written += 1;
    }
    // Requests under way are still recorded.
    journal.append(&row(written)).unwrap();
    assert!(journal.behind_bytes() >= 7_000);
    while journal.append(&row(written)).is_ok() {}
    assert!(matches!(journal.append(&row(written)), Err(JournalError::Full)));
    assert!(journal.behind_bytes() <= 8_000);
    assert_eq!(journal.refused_rows(), 2);
    // What is folded makes room.
    let id = journal.ids().pop().unwrap();
    let span = journal.next(&id, Position::default()).unwrap();
    journal.folded(&id, Position { segment: 1, offset: span.end }, span.end, journal.behind_rows());
    assert!(!journal.is_full());
    journal.append(&row(written)).unwrap();
}

#[test]
fn long_segments_are_closed_and_deleted_when_they_are_folded() {
    let root = tempfile::tempdir().unwrap();
    let journal = Journal::open(root.path(), 100 << 20).unwrap();
    let long = Row { user: "u".repeat(1 << 20).into(), ..row(1) };
    for _ in 0..40 {
        journal.append(&long).unwrap();
    }
    let id = journal.ids().pop().unwrap();
    let files = || {
        let mut names: Vec<_> = std::fs::read_dir(root.path().join(&id))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "lock")
            .collect();
        names.sort();
        names
    };
    assert_eq!(files(), ["0000000001.jsonl", "0000000002.jsonl", "0000000003.jsonl"]);
    assert_eq!(rows(&journal).len(), 40);
    journal.folded(&id, Position { segment: 3, offset: 0 }, 32 << 20, 32);
    assert_eq!(files(), ["0000000003.jsonl"]);
    assert_eq!(rows(&journal).len(), 8);
}

#[test]
fn threads_append_whole_lines() {
    let root = tempfile::tempdir().unwrap();
    let journal = Journal::open(root.path(), 100 << 20).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..1_000 {
                    journal.append(&row(thread * 1_000 + number)).unwrap();
                }
            });
        }
    });
    let mut found = rows(&journal);
    found.sort();
    assert_eq!(found, (0..8_000).map(|id| row(id).request_id).collect::<Vec<_>>());
    assert_eq!(journal.behind_rows(), 8_000);
}

#[test]
fn rows_that_wait_are_written_together_and_before_any_flush_returns() {
    let root = tempfile::tempdir().unwrap();
    let journal = Journal::open(root.path(), 100 << 20).unwrap();
    for id in 0..3 {
        journal.put(&row(id)).unwrap();
    }
    assert!(journal.has_waiting());
    assert_eq!((rows(&journal).len(), journal.behind_rows()), (0, 0));
    journal.append(&row(3)).unwrap();
    assert!(!journal.has_waiting());
    assert_eq!(rows(&journal), (0..4).map(|id| row(id).request_id).collect::<Vec<_>>());
    assert_eq!(journal.behind_rows(), 4);
    std::thread::scope(|scope| {
        for thread in 1..8 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..200 {
                    let mine = row(thread * 1_000 + number);
                    journal.put(&mine).unwrap();
                    journal.flush().unwrap();
                    let end = journal.end();
                    let written = std::fs::read_to_string(
                        journal.own.span([(1, end.offset)].into_iter(), Position::default()).unwrap().file,
                    );
                    assert!(written.unwrap().contains(&*mine.request_id));
                }
            });
        }
    });
    assert_eq!(journal.behind_rows(), 4 + 7 * 200);
}

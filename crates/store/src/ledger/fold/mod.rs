//! The folder: brings rows from the journal into the database, each exactly once.

mod batch;
mod clean;
mod gather;
mod health;
mod insert;
mod refused;
mod retention;
mod run;
mod summed;
mod used;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;

use super::Journal;
use super::journal::{BATCH_ROWS, Position, Span, Stretch};
use crate::{Database, StoreError};
use batch::{Batch, Known, Written};
use gather::Gathered;
use health::Watch;

pub use health::LedgerHealth;
pub use retention::Retention;
pub use used::UsedRow;

/// Longest time that one batch may take; then the database counts as away.
const PATIENCE: Duration = Duration::from_secs(30);

/// Folds one journal into one database. Share it in an `Arc`; [`Folder::run`] is its task.
#[derive(Debug)]
pub struct Folder {
    database: Database,
    journal: Arc<Journal>,
    retention: Retention,
    work: Mutex<Work>,
    watch: Watch,
}

/// What folding knows from one batch to the next. Whatever it says of the database is forgotten when a write fails.
#[derive(Debug)]
struct Work {
    known: Known,
    /// Where the database stands, by journal.
    positions: HashMap<String, Position>,
    /// The batch that is being written, until it is known to have been.
    pending: Option<Pending>,
    /// Rows of a batch; fewer while rows are looked for that the database refuses.
    most: usize,
}

#[derive(Debug)]
struct Pending {
    journal: String,
    to: Position,
    bytes: u64,
    rows: u64,
}

/// What came of one batch.
#[derive(Debug, Default)]
struct Folded {
    rows: u64,
    /// How far the journal is folded now; `None` if the batch was not written and must be tried again.
    to: Option<Position>,
}

impl Folder {
    /// A folder of this journal into this database.
    pub fn new(database: Database, journal: Arc<Journal>, retention: Retention) -> Self {
        let work =
            Work { known: Known::default(), positions: HashMap::new(), pending: None, most: BATCH_ROWS };
        Self { database, journal, retention, work: Mutex::new(work), watch: Watch::default() }
    }

    /// How it fares.
    pub fn health(&self) -> LedgerHealth {
        LedgerHealth {
            behind_bytes: self.journal.behind_bytes(),
            behind_rows: self.journal.behind_rows(),
            lost: self.journal.refused_rows(),
            ..self.watch.read()
        }
    }

    /// Folds all that there is when it begins; tells how many rows that were. Rows that come meanwhile wait for the next time, so that
    /// under load it does not go on for ever with batches of a few rows. May be dropped at any point.
    pub async fn fold(&self) -> Result<u64, StoreError> {
        let mut work = self.work.lock().await;
        let end = self.journal.end();
        let mut rows = 0;
        loop {
            let mut more = false;
            for id in self.journal.ids() {
                let folded = tokio::time::timeout(PATIENCE, self.fold_some(&mut work, &id)).await;
                let folded = folded.unwrap_or_else(|_| Err(io_error(io::ErrorKind::TimedOut.into())));
                match folded.inspect_err(|error| self.failed(&mut work, error))? {
                    Some(folded) => {
                        rows += folded.rows;
                        more |= folded.to.is_none_or(|to| to < end || !self.journal.is_own(&id));
                    }
                    None => self.watch.succeeded(now()),
                }
            }
            if !more {
                return Ok(rows);
            }
        }
    }

    fn failed(&self, work: &mut Work, error: &StoreError) {
        work.positions.clear();
        work.known = Known::default();
        self.watch.failed(error);
    }

    /// Folds one batch of one journal; `None` if nothing waits.
    async fn fold_some(&self, work: &mut Work, id: &str) -> Result<Option<Folded>, StoreError> {
        let position = match work.positions.get(id) {
            Some(position) => *position,
            None => self.find_position(work, id).await?,
        };
        let Some(span) = self.journal.next(id, position) else {
            if !self.journal.is_own(id) {
                self.journal.folded(id, position, 0, 0);
                batch::forget(&self.database, id).await?;
                work.positions.remove(id);
            }
            return Ok(None);
        };
        let start = span.start;
        let most = work.most;
        let rows = read(span, move |stretch| gather::gather(&stretch, most)).await?;
        // From here on nobody knows where the database stands, until the write has succeeded.
        work.positions.remove(id);
        let batch = Batch { journal: id, from: position, start, to: rows.found.end, rows: &rows };
        match self.write(work, &batch).await {
            Ok(true) => {
                self.watch.succeeded(now());
                let to = rows.found.end;
                Ok(Some(Folded { rows: self.settle(work, id, to), to: Some(to) }))
            }
            Ok(false) => Ok(Some(Folded::default())),
            Err(error) if refused::is_for_the_rows(&error) => {
                self.narrow(work, batch).await?;
                Ok(Some(Folded::default()))
            }
            Err(error) => Err(error),
        }
    }

    /// Asks the database where it stands. If that is where the last batch ends, that batch was written.
    async fn find_position(&self, work: &mut Work, id: &str) -> Result<Position, StoreError> {
        let position = batch::position(&self.database, id).await?;
        let was_written =
            work.pending.as_ref().is_some_and(|pending| pending.journal == id && pending.to == position);
        if was_written || !self.journal.is_own(id) {
            self.settle(work, id, position);
        }
        work.positions.insert(id.to_owned(), position);
        Ok(position)
    }

    /// Tells the journal that it has been folded up to here.
    fn settle(&self, work: &mut Work, id: &str, to: Position) -> u64 {
        let pending = work.pending.take_if(|pending| pending.journal == id && pending.to == to);
        let (bytes, rows) = pending.map_or((0, 0), |pending| (pending.bytes, pending.rows));
        work.positions.insert(id.to_owned(), to);
        self.journal.folded(id, to, bytes, rows);
        rows
    }

    /// Writes a batch; `false` if the database stood elsewhere.
    async fn write(&self, work: &mut Work, batch: &Batch<'_>) -> Result<bool, StoreError> {
        let found = &batch.rows.found;
        work.pending = Some(Pending {
            journal: batch.journal.to_owned(),
            to: batch.to,
            bytes: batch.to.offset - batch.start.offset,
            rows: found.rows + found.torn,
        });
        let written = batch::write(&self.database, batch, &mut work.known, now()).await?;
        if written == Written::Done {
            self.watch.count(found.torn, 0);
            work.most = BATCH_ROWS.min(work.most * 2);
        }
        Ok(written == Written::Done)
    }

    /// The database refuses a row of this batch: smaller batches find it, then it is set aside so that the others go on.
    async fn narrow(&self, work: &mut Work, batch: Batch<'_>) -> Result<(), StoreError> {
        work.known = Known::default();
        let found = batch.rows.found;
        if found.rows > 1 {
            work.most = usize::try_from(found.rows / 2).unwrap_or(1);
            return Ok(());
        }
        refused::set_aside(&self.journal.refused_file(), &batch.rows.blocks).map_err(io_error)?;
        self.watch.count(0, found.rows);
        let nothing = Gathered { found, ..Gathered::default() };
        if self.write(work, &Batch { rows: &nothing, ..batch }).await? {
            self.settle(work, batch.journal, batch.to);
        }
        Ok(())
    }
}

/// Reads, and takes apart, where it may block.
async fn read<T: Send + 'static>(
    span: Span,
    take: impl FnOnce(Stretch) -> T + Send + 'static,
) -> Result<T, StoreError> {
    let read = tokio::task::spawn_blocking(move || Stretch::read(&span).map(take)).await;
    read.map_err(io::Error::other).and_then(|taken| taken).map_err(io_error)
}

fn io_error(error: io::Error) -> StoreError {
    StoreError::Query(sqlx::Error::Io(error))
}

/// Unix microseconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

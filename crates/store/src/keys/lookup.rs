//! Keys that have been asked for, and the questions for those that have not: each is asked once, however many wait for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use moka::sync::Cache;
use sqlx::Row;
use tidegate_policy::access::Key;
use tokio::sync::OnceCell;

use super::forgotten::{Changed, Forgotten};
use super::hasher::{Hash, Taken};
use super::record::read_json;
use super::{FieldError, KeySpec, TeamSpec, moment};
use crate::{Database, StoreError};

/// Keys that are kept, each some hundred bytes.
const KEPT: u64 = 250_000;
/// Wrong keys that are kept, so that a caller who repeats one costs nothing.
const WRONG_KEPT: u64 = 10_000;
/// How long a wrong key is kept. A key that comes to be later is not among them, because nobody could guess it.
const WRONG_FOR: Duration = Duration::from_secs(30);

/// A key that works, perhaps for a time only.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Arc<Key>,
    /// For a secret that was rotated out: until when it works.
    until: Option<i64>,
    /// From when the answer is; see [`Forgotten`].
    stamp: u64,
}

/// What the database says.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Known(Entry),
    Wrong,
    Failed,
}

/// The questions that are open.
type Open = Mutex<HashMap<Hash, Arc<OnceCell<Answer>>>>;

/// Keys by their hash.
#[derive(Debug)]
pub(super) struct Lookup {
    database: Database,
    kept: Cache<Hash, Entry, Taken>,
    wrong: Cache<Hash, (), Taken>,
    open: Open,
    forgotten: ArcSwap<Forgotten>,
    questions: AtomicU64,
}

impl Lookup {
    pub(super) fn new(database: Database) -> Self {
        Self {
            database,
            kept: Cache::builder().max_capacity(KEPT).build_with_hasher(Taken::default()),
            wrong: Cache::builder()
                .max_capacity(WRONG_KEPT)
                .time_to_live(WRONG_FOR)
                .build_with_hasher(Taken::default()),
            open: Open::default(),
            forgotten: ArcSwap::default(),
            questions: AtomicU64::new(0),
        }
    }

    /// What is known without asking.
    pub(super) fn kept(&self, hash: Hash) -> Option<Answer> {
        match self.kept.get(&hash) {
            Some(entry) if self.forgotten.load().holds(&entry.key, entry.stamp) => Some(entry.answer()),
            _ => self.wrong.contains_key(&hash).then_some(Answer::Wrong),
        }
    }

    /// Asks the database, or waits for the answer to one who asks already; whether it was this call that asked.
    pub(super) async fn ask(&self, hash: Hash) -> (Answer, bool) {
        let turn = Turn::take(&self.open, hash);
        let mut asked = false;
        let answer = turn.cell.get_or_init(|| {
            asked = true;
            self.question(hash)
        });
        (answer.await.clone(), asked)
    }

    async fn question(&self, hash: Hash) -> Answer {
        let stamp = self.forgotten.load().stamp();
        self.questions.fetch_add(1, Ordering::Relaxed);
        match find(&self.database, hash).await {
            Ok(Some((key, until))) => {
                let entry = Entry { key, until, stamp };
                self.kept.insert(hash, entry.clone());
                entry.answer()
            }
            Ok(None) => {
                self.kept.invalidate(&hash);
                self.wrong.insert(hash, ());
                Answer::Wrong
            }
            Err(error) => {
                tracing::debug!(%error, "a key could not be looked up");
                Answer::Failed
            }
        }
    }

    /// From now on, what has changed is asked for anew. Only one at a time may call it.
    pub(super) fn forget(&self, changed: &Changed) {
        if !changed.is_empty() {
            self.forgotten.store(Arc::new(self.forgotten.load().after(changed)));
        }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) fn questions(&self) -> u64 {
        self.questions.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self) -> u64 {
        self.kept.entry_count()
    }
}

impl Entry {
    fn answer(self) -> Answer {
        if self.until.is_some_and(|until| moment::now() >= until) {
            return Answer::Wrong;
        }
        Answer::Known(self)
    }
}

/// A place among those who wait for one answer. The last one who leaves, or the first one with an answer, closes the question.
struct Turn<'a> {
    open: &'a Open,
    hash: Hash,
    cell: Arc<OnceCell<Answer>>,
}

impl<'a> Turn<'a> {
    fn take(open: &'a Open, hash: Hash) -> Self {
        let cell = Arc::clone(lock(open).entry(hash).or_default());
        Self { open, hash, cell }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut open = lock(self.open);
        let is_mine = open.get(&self.hash).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
        // Two hold it: the list, and this one.
        if is_mine && (self.cell.initialized() || Arc::strong_count(&self.cell) <= 2) {
            open.remove(&self.hash);
        }
    }
}

fn lock(open: &Open) -> std::sync::MutexGuard<'_, HashMap<Hash, Arc<OnceCell<Answer>>>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The key with this hash, and for a secret that was rotated out, until when it works.
async fn find(database: &Database, hash: Hash) -> Result<Option<(Arc<Key>, Option<i64>)>, StoreError> {
    let hex = hash.hex();
    let row = sqlx::query(
        "SELECT keys.id, keys.hash, keys.old_until, keys.spec, teams.id, teams.spec \
         FROM keys LEFT JOIN teams ON teams.id = keys.team WHERE keys.hash = $1 OR keys.old_hash = $1",
    )
    .bind(hex.clone())
    .fetch_optional(database.readers())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let team = match (row.try_get::<Option<String>, _>(4)?, row.try_get::<Option<String>, _>(5)?) {
        (Some(id), Some(spec)) => Some(Arc::new(
            read_json::<TeamSpec>(&spec)?.to_team(&id).map_err(|errors| unreadable(&id, &errors))?,
        )),
        _ => None,
    };
    let id: String = row.try_get(0)?;
    let spec: KeySpec = read_json(&row.try_get::<String, _>(3)?)?;
    let key = Arc::new(spec.to_key(&id, team).map_err(|errors| unreadable(&id, &errors))?);
    let is_current = row.try_get::<String, _>(1)? == hex;
    let until = if is_current { None } else { Some(row.try_get::<Option<i64>, _>(2)?.unwrap_or(0)) };
    Ok(Some((key, until)))
}

/// A newer version may have written it.
fn unreadable(id: &str, errors: &[FieldError]) -> StoreError {
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    StoreError::Unreadable(format!("{id}: {}", fields.join(", ")))
}

//! What instances tell each other of targets whose breakers have opened. A hint, not an order: who hears it bears less of the
//! target himself. A hint that is lost costs nothing.

use std::collections::HashMap;
use std::time::Duration;

use redis::{RedisResult, cmd, pipe};

use super::link::{Connector, Link, connect_limit};
use super::rules::{PlaceError, RedisPlace};

/// Between an instance's name and a target's, in a field.
const BETWEEN: char = '\u{1f}';
/// Longest time that a hint is kept.
const LONGEST: Duration = Duration::from_secs(600);

/// A target whose breaker is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// `provider/model`.
    pub target: String,
    /// Until when, in Unix milliseconds.
    pub until: i64,
}

/// Tells and hears hints through Redis.
pub struct Hints {
    connector: Connector,
    link: Option<Link>,
    key: String,
    instance: String,
    time_limit: Duration,
}

impl Hints {
    /// Hints of an instance of that name. Nothing is connected yet.
    ///
    /// # Errors
    /// When the address makes no sense.
    pub fn new(place: &RedisPlace, time_limit: Duration, instance: &str) -> Result<Self, PlaceError> {
        Ok(Self {
            connector: Connector::new(place, time_limit)?,
            link: None,
            key: format!("tg:{{{}}}:open", place.prefix),
            instance: instance.to_owned(),
            time_limit,
        })
    }

    /// Tells what has opened here, and gives what is open elsewhere at `now` (Unix milliseconds). Redis slow or away: nothing is heard, and
    /// what was told is lost.
    pub async fn exchange(&mut self, opened: &[Open], now: i64) -> Vec<Open> {
        let limit = connect_limit(self.time_limit) + self.time_limit;
        match tokio::time::timeout(limit, self.ask(opened)).await {
            Ok(Ok(all)) => self.others(&all, now),
            Ok(Err(_)) | Err(_) => {
                self.link = None;
                Vec::new()
            }
        }
    }

    async fn ask(&mut self, opened: &[Open]) -> RedisResult<HashMap<String, i64>> {
        if self.link.is_none() {
            self.link = Some(self.connector.connect().await?);
        }
        let Some(link) = &mut self.link else { return Ok(HashMap::new()) };
        if !opened.is_empty() {
            let mut told = pipe();
            for open in opened {
                let field = format!("{}{BETWEEN}{}", self.instance, open.target);
                told.cmd("HSET").arg(&self.key).arg(field).arg(open.until).ignore();
            }
            told.cmd("PEXPIRE").arg(&self.key).arg(LONGEST.as_millis() as u64).ignore();
            link.ask_all::<()>(&told).await?;
        }
        link.ask(cmd("HGETALL").arg(&self.key)).await
    }

    fn others(&self, all: &HashMap<String, i64>, now: i64) -> Vec<Open> {
        let other = |(field, until): (&String, &i64)| {
            let (instance, target) = field.split_once(BETWEEN)?;
            let counts = instance != self.instance && *until > now;
            counts.then(|| Open { target: target.to_owned(), until: *until })
        };
        all.iter().filter_map(other).collect()
    }
}

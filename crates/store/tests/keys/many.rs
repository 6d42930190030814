//! 100,000 keys: a key that was asked for once is found in microseconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use sqlx::{Any, QueryBuilder};
use tidegate_store::keys::Found;

use crate::place::{HERE, Home, SECRET};

const KEYS: usize = 100_000;
/// Those that are asked for; a build without optimisation takes its time.
const ASKED: usize = if cfg!(debug_assertions) { KEYS / 10 } else { KEYS };

fn secret(number: usize) -> String {
    format!("tg-{number:0>43}")
}

/// Writes the keys as the gateway would, past it.
async fn fill(database: &tidegate_store::Database) {
    let hasher = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let mut change = database.begin().await.unwrap();
    let numbers: Vec<usize> = (0..KEYS).collect();
    for batch in numbers.chunks(1000) {
        let mut insert =
            QueryBuilder::<Any>::new("INSERT INTO keys (id, name, hash, hint, spec, created, changed) ");
        insert.push_values(batch, |mut row, number| {
            let hash = hmac::sign(&hasher, secret(*number).as_bytes());
            let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            let spec = r#"{"name":"one of many","limits":[{"of":"requests","limit":60,"per":"minute"}]}"#;
            row.push_bind(format!("key_{number:032x}")).push_bind("one of many").push_bind(hex);
            row.push_bind("tg-000…0000").push_bind(spec).push_bind(0_i64).push_bind(0_i64);
        });
        insert.build().execute(&mut *change).await.unwrap();
    }
    change.commit().await.unwrap();
}

/// Time of this thread on a processor, so that other programs on the machine do not count; by the clock where the kernel does not say.
struct Busy(Duration, Instant);

impl Busy {
    fn now() -> Self {
        Self(Self::so_far().unwrap_or_default(), Instant::now())
    }

    fn elapsed(&self) -> Duration {
        Self::so_far().map_or_else(|| self.1.elapsed(), |now| now - self.0)
    }

    fn so_far() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_key_among_100_000_is_found_in_under_5_microseconds() {
    let home = Home::sqlite();
    let here = Arc::new(home.instance().await);
    fill(&here.database).await;
    let cold = Instant::now();
    let asking: Vec<_> = (0..20)
        .map(|lane| {
            let here = here.clone();
            tokio::spawn(async move {
                for number in (lane..ASKED).step_by(20) {
                    // A busy machine may not answer in time.
                    while here.directory.find(&secret(number), HERE).await == Found::Unavailable {}
                    let found = here.directory.find_known(&secret(number));
                    assert!(matches!(found, Some(Found::Key(_))), "{number}: {found:?}");
                }
            })
        })
        .collect();
    for lane in asking {
        lane.await.unwrap();
    }
    let cold = cold.elapsed();
    let secrets: Vec<String> = (0..ASKED).map(|number| secret(number * 7919 % ASKED)).collect();
    let warm = Busy::now();
    for presented in &secrets {
        assert!(matches!(here.directory.find_known(presented), Some(Found::Key(_))));
    }
    let warm = warm.elapsed() / ASKED as u32;
    println!("cold: {:?} a key, warm: {warm:?} a key", cold / ASKED as u32);
    let most = Duration::from_micros(if cfg!(debug_assertions) { 100 } else { 5 });
    assert!(warm < most, "{warm:?}");
    let begin = Instant::now();
    here.keys.delete("key_00000000000000000000000000000001", "x").await.unwrap();
    here.directory.catch_up().await.unwrap();
    println!("one of them revoked and forgotten: {:?}", begin.elapsed());
    assert_eq!(here.directory.find(&secret(1), HERE).await, Found::Unknown);
    assert!(here.directory.find_known(&secret(2)).is_some());
}

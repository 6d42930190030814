//! Starts: all at once, with another secret, with a database that went away.

use std::time::{Duration, Instant};

use tidegate_core::Secret;
use tidegate_store::Database;
use tidegate_store::database::Place;
use tidegate_store::keys::{Found, Hasher, Keys, KeysError};
use tidegate_testkit::servers::Postgres;

use crate::place::{HERE, Home, hasher, named, on_both};

on_both!(
    ten_instances_that_start_at_once_share_one_new_database,
    a_database_with_keys_refuses_another_secret,
    an_empty_database_can_be_taken_over_with_a_given_secret,
);

async fn ten_instances_that_start_at_once_share_one_new_database(home: Home) {
    let place = home.place.clone();
    let opened: Vec<_> = (0..10)
        .map(|_| {
            let place = place.clone();
            tokio::spawn(async move {
                let database = Database::open(&place).await.unwrap();
                hasher().confirm(&database).await.unwrap();
                Keys::new(database, hasher()).create(&named("one of ten"), "x").await.unwrap();
            })
        })
        .collect();
    for one in opened {
        one.await.unwrap();
    }
    let all = home.instance().await.keys.list(&Default::default()).await.unwrap();
    assert_eq!(all.items.len(), 10);
}

async fn a_database_with_keys_refuses_another_secret(home: Home) {
    let here = home.instance().await;
    let (_, secret) = here.keys.create(&named("good"), "x").await.unwrap();
    let given = Hasher::given(&Secret::new("another secret altogether")).unwrap();
    let of_file = Hasher::in_folder(home.folder.path()).unwrap();
    for wrong in [given, of_file] {
        let refused = wrong.confirm(&home.open().await).await;
        assert!(matches!(refused, Err(KeysError::WrongSecret(_))), "{refused:?}");
        assert!(refused.unwrap_err().to_string().contains("TIDEGATE_KEY_SECRET"));
    }
    let again = home.instance().await;
    assert!(again.id_of(&secret).await.is_some());
}

async fn an_empty_database_can_be_taken_over_with_a_given_secret(home: Home) {
    let database = home.open().await;
    let of_file = Hasher::in_folder(home.folder.path()).unwrap();
    of_file.confirm(&database).await.unwrap();
    hasher().confirm(&database).await.unwrap();
    // The one before notices before it makes a key that nobody would know.
    let late = Keys::new(database.clone(), of_file.clone()).create(&named("late"), "x").await;
    assert!(matches!(late, Err(KeysError::WrongSecret(_))), "{late:?}");
    assert!(matches!(of_file.confirm(&database).await, Err(KeysError::WrongSecret(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_keys_work_while_the_database_is_away_and_changes_are_caught_up() {
    let mut server = Postgres::start().await.unwrap();
    let home =
        Home { place: Place::Postgres(Secret::new(server.url())), folder: tempfile::tempdir().unwrap() };
    let (here, other) = (home.instance().await, home.instance().await);
    let (key, known) = here.keys.create(&named("known"), "x").await.unwrap();
    let (_, cold) = here.keys.create(&named("cold"), "x").await.unwrap();
    assert!(here.id_of(&known).await.is_some());

    server.stop().await.unwrap();
    let begin = Instant::now();
    assert_eq!(here.find(cold.expose()).await, Found::Unavailable);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert!(matches!(here.directory.find_known(known.expose()), Some(Found::Key(_))));

    let server = server.start_again().await.unwrap();
    // Nobody is asked to come back: both go on by themselves.
    let begin = Instant::now();
    while !matches!(here.directory.find(cold.expose(), HERE).await, Found::Key(_)) {
        assert!(begin.elapsed() < Duration::from_secs(15), "the database is back and not asked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while let Err(error) = other.keys.delete(&key.id, "x").await {
        assert!(begin.elapsed() < Duration::from_secs(15), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begin = Instant::now();
    while here.find(known.expose()).await != Found::Unknown {
        assert!(begin.elapsed() < Duration::from_secs(10), "the revocation was never seen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(server);
}

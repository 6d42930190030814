//! A database moves, from either sort to either.

use std::time::Duration;

use sqlx::Row;
use tidegate_store::keys::{AuditFilter, KeyFilter, KeySpec, TeamSpec, tables};
use tidegate_store::transfer::{self, Kind, Table, TransferError};

use crate::place::{Home, named};

/// Makes something of everything, more keys than are written at once.
async fn move_all(from: Home, to: Home) {
    let old = from.instance().await;
    let team =
        old.keys.create_team(&TeamSpec { name: "blue".into(), ..TeamSpec::default() }, "x").await.unwrap();
    let spec = KeySpec { team: Some("blue".into()), tags: vec!["ключ".into()], ..named("hers") };
    let (first, secret) = old.keys.create(&spec, "x").await.unwrap();
    for number in 0..520 {
        old.keys.create(&named(&format!("key {number}")), "x").await.unwrap();
    }
    let (_, rotated) = old.keys.rotate(&first.id, Duration::from_secs(600), "x").await.unwrap();
    let target = to.open().await;
    let mut seen = Vec::new();
    let seeing = |at: transfer::Progress<'_>| seen.push((at.table.to_owned(), at.rows, at.of));
    transfer::migrate(&old.database, &target, &tables(), seeing).await.unwrap();
    assert_eq!(seen[0], ("teams".to_owned(), 1, 1));
    assert_eq!(seen[1..3], [("keys".to_owned(), 500, 521), ("keys".to_owned(), 521, 521)]);

    let new = to.instance().await;
    let all = KeyFilter { limit: Some(1000), ..KeyFilter::default() };
    assert_eq!(new.keys.list(&all).await.unwrap().items, old.keys.list(&all).await.unwrap().items);
    assert_eq!(new.keys.get_team(&team.id).await.unwrap(), team);
    for secret in [&secret, &rotated] {
        assert_eq!(new.id_of(secret).await, Some(first.id.clone()));
    }
    // The audit goes on where it was.
    let before = new.keys.audit(&AuditFilter { limit: Some(1), ..AuditFilter::default() }).await.unwrap();
    new.keys.create(&named("after"), "x").await.unwrap();
    let after = new.keys.audit(&AuditFilter { limit: Some(1), ..AuditFilter::default() }).await.unwrap();
    assert_eq!(after.items[0].seq, before.items[0].seq + 1);

    let again = transfer::migrate(&old.database, &target, &tables(), |_| {}).await;
    assert!(matches!(&again, Err(TransferError::NotEmpty(table)) if table == "teams"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_moves_to_postgres() {
    move_all(Home::sqlite(), Home::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_moves_to_sqlite() {
    move_all(Home::postgres().await, Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_fails_leaves_the_target_empty() {
    let home = Home::sqlite();
    let (from, to) = (home.instance().await, Home::postgres().await.open().await);
    from.keys.create(&named("one"), "x").await.unwrap();
    let mut with_a_hole = tables();
    with_a_hole
        .push(Table::new("nowhere", &[("id", Kind::Text)]).made_with("CREATE TABLE nowhere (id TEXT)"));
    assert!(transfer::migrate(&from.database, &to, &with_a_hole, |_| {}).await.is_err());
    let keys = sqlx::query("SELECT count(*) FROM keys").fetch_one(to.readers()).await.unwrap();
    assert_eq!(keys.get::<i64, _>(0), 0);
    let forged = [Table::new("keys; DROP TABLE keys", &[("id", Kind::Text)])];
    let refused = transfer::migrate(&from.database, &to, &forged, |_| {}).await;
    assert!(matches!(refused, Err(TransferError::BadName(_))));
    transfer::migrate(&from.database, &to, &tables(), |_| {}).await.unwrap();
}

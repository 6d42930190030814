//! Old days are dropped whole.

use tidegate_store::ledger::Row;

use crate::place::{NOON, Site, on_postgres, on_sqlite, row};

const DAY: i64 = 86_400_000_000;

async fn old_days_are_dropped(site: Site) {
    let (journal, folder) = site.process();
    let now = NOON * 1_000_000;
    let aged = |number, days| Row { ended: now - days * DAY, ..row(number) };
    for (number, days) in [0, 89, 90, 91, 399, 401].into_iter().enumerate() {
        journal.append(&aged(number, days)).unwrap();
    }
    folder.fold().await.unwrap();
    assert_eq!(site.total().await.requests, 6);
    assert_eq!(folder.drop_old(now).await.unwrap(), 3);
    assert_eq!(folder.drop_old(now).await.unwrap(), 0);
    assert_eq!(site.rows().await.len(), 3);
    assert_eq!((site.total().await.requests, site.total_of_keys().await.requests), (5, 5));
    // A row that comes late for a day that is gone makes the day again; nothing stops.
    journal.append(&aged(10, 91)).unwrap();
    let folded = match folder.fold().await {
        Ok(rows) => rows,
        Err(_) => folder.fold().await.unwrap(),
    };
    assert_eq!(folded, 1);
    assert_eq!(site.rows().await.len(), 4);
}

#[tokio::test]
async fn old_days_are_dropped_from_sqlite() {
    on_sqlite(old_days_are_dropped).await;
}

#[tokio::test]
async fn old_days_are_dropped_from_postgres() {
    on_postgres(old_days_are_dropped).await;
}

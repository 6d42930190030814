//! Whatever callers and providers write into a row's texts comes back as text.

use tidegate_store::ledger::Row;

use crate::place::{Site, on_postgres, on_sqlite, row};

async fn nasty_texts(site: Site) {
    let (journal, folder) = site.process();
    let texts = [
        "a\0b",
        "line\r\nline",
        "\u{1b}[31mred",
        "{\"json\":1}",
        "'; DROP TABLE keys; --",
        "\u{202e}",
        "=1+1",
    ];
    for (number, text) in texts.iter().enumerate() {
        let tags = vec![(*text).to_owned()].into();
        let text = || (*text).into();
        journal
            .append(&Row {
                user: text(),
                model: text(),
                error: text(),
                upstream_id: text(),
                tags,
                ..row(number)
            })
            .unwrap();
    }
    let long = Row {
        user: "ä".repeat(100_000).into(),
        model: "m".repeat(100_000).into(),
        key: "k".repeat(9_999).into(),
        ..row(100)
    };
    journal.append(&long).unwrap();
    folder.fold().await.unwrap();
    assert_eq!(folder.health().set_aside, 0);
    let mut rows = site.rows().await;
    rows.reverse();
    assert_eq!(rows.len(), texts.len() + 1);
    for (row, text) in rows.iter().zip(texts) {
        let text = text.replace('\0', "\u{fffd}");
        assert_eq!(row.tags[0], text);
        assert_eq!([&row.user, &row.model, &row.error, &row.upstream_id], [&text; 4]);
    }
    assert!(rows.last().unwrap().user.ends_with('…'));
    assert_eq!(site.total().await.requests, 8);
}

#[tokio::test]
async fn fault_79_control_characters_and_sql_in_texts_are_only_text_on_sqlite() {
    on_sqlite(nasty_texts).await;
}

#[tokio::test]
async fn fault_79_control_characters_and_sql_in_texts_are_only_text_on_postgres() {
    on_postgres(nasty_texts).await;
}

//! Keys and teams are made, listed, changed, deleted; every change is written down.

use std::time::Duration;

use tidegate_store::StoreError;
use tidegate_store::keys::{AuditFilter, KeyFilter, KeySpec, KeysError, TeamSpec};

use crate::place::{Home, named, on_both};

on_both!(
    a_key_is_made_read_changed_and_deleted,
    a_team_with_keys_stays,
    names_full_of_sql_are_only_names,
    listings_come_in_pages_and_find_text,
    wrong_fields_are_refused_and_nothing_is_written,
);

async fn a_key_is_made_read_changed_and_deleted(home: Home) {
    let here = home.instance().await;
    let (made, secret) = here.keys.create(&named("first"), "anna").await.unwrap();
    assert!(secret.expose().starts_with("tg-") && secret.expose().len() == 46);
    assert_eq!(here.keys.get(&made.id).await.unwrap(), made);
    assert_eq!(here.id_of(&secret).await.as_deref(), Some(&*made.id));

    let wider = KeySpec { tags: vec!["blue".into()], ..named("second") };
    let changed = here.keys.update(&made.id, &wider, "ben").await.unwrap();
    assert_eq!((&changed.spec, changed.created), (&wider, made.created));
    assert_eq!(here.keys.get(&made.id).await.unwrap(), changed);

    here.keys.delete(&made.id, "carl").await.unwrap();
    assert!(matches!(here.keys.get(&made.id).await, Err(KeysError::Missing { kind: "key", .. })));
    assert!(matches!(here.keys.delete(&made.id, "carl").await, Err(KeysError::Missing { .. })));

    let filter = AuditFilter { id: Some(made.id.clone()), ..AuditFilter::default() };
    let rows = here.keys.audit(&filter).await.unwrap().items;
    let deeds: Vec<_> = rows.iter().map(|row| (row.actor.as_str(), row.action.as_str())).collect();
    assert_eq!(deeds, [("carl", "delete"), ("ben", "update"), ("anna", "create")]);
    assert_eq!(rows[1].detail["before"]["name"], "first");
    assert_eq!(rows[1].detail["after"]["tags"][0], "blue");
    assert!(!serde_json::to_string(&rows).unwrap().contains(secret.expose()));
}

async fn a_team_with_keys_stays(home: Home) {
    let here = home.instance().await;
    let written = TeamSpec { name: "blue".into(), models: vec!["openai/*".into()], ..TeamSpec::default() };
    let team = here.keys.create_team(&written, "anna").await.unwrap();
    let taken = here.keys.create_team(&written, "anna").await;
    assert!(matches!(taken, Err(KeysError::Store(StoreError::Taken(_)))), "{taken:?}");

    let by_name = KeySpec { team: Some("blue".into()), ..named("hers") };
    let (key, secret) = here.keys.create(&by_name, "anna").await.unwrap();
    assert_eq!(key.spec.team.as_deref(), Some(&*team.id));
    let found = here.find(secret.expose()).await;
    let tidegate_store::keys::Found::Key(found) = found else { panic!("{found:?}") };
    assert_eq!(found.team.as_ref().unwrap().name, "blue");
    assert!(!found.allows_model(&["anthropic/opus"]));

    assert!(matches!(here.keys.delete_team(&team.id, "anna").await, Err(KeysError::TeamInUse(1))));
    here.keys.delete(&key.id, "anna").await.unwrap();
    here.keys.delete_team(&team.id, "anna").await.unwrap();
    assert!(matches!(here.keys.get_team(&team.id).await, Err(KeysError::Missing { kind: "team", .. })));
    let orphan = here.keys.create(&by_name, "anna").await;
    assert!(matches!(&orphan, Err(KeysError::Wrong(errors)) if errors[0].field == "team"), "{orphan:?}");
}

async fn names_full_of_sql_are_only_names(home: Home) {
    let here = home.instance().await;
    for name in ["'; DROP TABLE keys; --", "\" OR \"\"=\"", "$1 $2 ? :a @b", "100 % _ \\", "ключ 🔑"] {
        let spec = KeySpec { tags: vec![name.to_owned()], ..named(name) };
        let (made, _) = here.keys.create(&spec, name).await.unwrap();
        assert_eq!(here.keys.get(&made.id).await.unwrap().spec, spec);
        let filter = KeyFilter { text: Some(name.to_owned()), ..KeyFilter::default() };
        let found = here.keys.list(&filter).await.unwrap().items;
        assert_eq!(found.iter().map(|key| &key.id).collect::<Vec<_>>(), [&made.id], "{name}");
        let team = TeamSpec { name: name.to_owned(), ..TeamSpec::default() };
        assert_eq!(here.keys.create_team(&team, name).await.unwrap().spec.name, name);
    }
    for text in ["' OR '1'='1", "\0", "key_\0"] {
        let everywhere =
            KeyFilter { team: Some(text.into()), text: Some(text.into()), ..KeyFilter::default() };
        assert!(here.keys.list(&everywhere).await.unwrap().items.is_empty(), "{text:?}");
        assert!(here.keys.list_teams(&everywhere).await.unwrap().items.is_empty(), "{text:?}");
        assert!(matches!(here.keys.get(text).await, Err(KeysError::Missing { .. })));
        assert!(matches!(here.keys.delete(text, "x").await, Err(KeysError::Missing { .. })));
        let audit = AuditFilter { id: Some(text.into()), ..AuditFilter::default() };
        assert!(here.keys.audit(&audit).await.unwrap().items.is_empty(), "{text:?}");
    }
}

async fn listings_come_in_pages_and_find_text(home: Home) {
    let here = home.instance().await;
    let team = here.keys.create_team(&TeamSpec { name: "blue".into(), ..TeamSpec::default() }, "x").await;
    let team = team.unwrap().id;
    for number in 0..7 {
        let of_team = (number % 2 == 0).then(|| team.clone());
        let spec = KeySpec { team: of_team, ..named(&format!("Key-{number}")) };
        here.keys.create(&spec, "x").await.unwrap();
    }
    let mut filter = KeyFilter { limit: Some(3), ..KeyFilter::default() };
    let mut lengths = Vec::new();
    let mut seen = std::collections::HashSet::new();
    loop {
        let page = here.keys.list(&filter).await.unwrap();
        lengths.push(page.items.len());
        seen.extend(page.items.into_iter().map(|key| key.id));
        match page.next {
            Some(next) => filter.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!((lengths, seen.len()), (vec![3, 3, 1], 7));

    let of_team = KeyFilter { team: Some(team), ..KeyFilter::default() };
    assert_eq!(here.keys.list(&of_team).await.unwrap().items.len(), 4);
    let by_text = KeyFilter { text: Some("kEY-3".into()), ..KeyFilter::default() };
    assert_eq!(here.keys.list(&by_text).await.unwrap().items.len(), 1);
    for cursor in ["x", "a2V5", "' OR 1=1", "AAAA"] {
        let forged = KeyFilter { cursor: Some(cursor.into()), ..KeyFilter::default() };
        assert!(matches!(here.keys.list(&forged).await, Err(KeysError::BadCursor)), "{cursor}");
        let forged = AuditFilter { cursor: Some(cursor.into()), ..AuditFilter::default() };
        assert!(matches!(here.keys.audit(&forged).await, Err(KeysError::BadCursor)), "{cursor}");
    }
    let first = here.keys.audit(&AuditFilter { limit: Some(5), ..AuditFilter::default() }).await.unwrap();
    let rest = here.keys.audit(&AuditFilter { cursor: first.next, ..AuditFilter::default() }).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (5, 3, None));
    assert!(first.items[4].seq > rest.items[0].seq);
}

async fn wrong_fields_are_refused_and_nothing_is_written(home: Home) {
    let here = home.instance().await;
    let (key, _) = here.keys.create(&named("good"), "x").await.unwrap();
    for bad in [named(""), named("a\0b"), KeySpec { networks: vec!["x".into()], ..named("n") }] {
        assert!(matches!(here.keys.create(&bad, "x").await, Err(KeysError::Wrong(_))));
        assert!(matches!(here.keys.update(&key.id, &bad, "x").await, Err(KeysError::Wrong(_))));
    }
    let eternal = Duration::from_secs(u64::MAX);
    assert!(matches!(here.keys.rotate(&key.id, eternal, "x").await, Err(KeysError::Wrong(_))));
    assert_eq!(here.keys.list(&KeyFilter::default()).await.unwrap().items, [key]);
    assert_eq!(here.keys.audit(&AuditFilter::default()).await.unwrap().items.len(), 1);
}

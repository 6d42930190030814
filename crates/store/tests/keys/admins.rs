//! The admin key is made once, shown once, and told from all others.

use tidegate_core::Secret;
use tidegate_store::keys::AdminKey;

use crate::place::{Home, hasher, named, on_both};

on_both!(the_first_start_makes_an_admin_key_and_only_one_shows_it, a_given_admin_key_overrides);

async fn the_first_start_makes_an_admin_key_and_only_one_shows_it(home: Home) {
    let here = home.instance().await;
    let starts: Vec<_> = (0..10)
        .map(|_| {
            let database = here.database.clone();
            tokio::spawn(async move { AdminKey::first(&database, &hasher()).await.unwrap() })
        })
        .collect();
    let mut admins = Vec::new();
    let mut shown = Vec::new();
    for start in starts {
        let (admin, key) = start.await.unwrap();
        admins.push(admin);
        shown.extend(key);
    }
    assert_eq!(shown.len(), 1);
    let key = shown[0].expose();
    assert!(key.starts_with("tga-") && key.len() == 47);
    let (_, caller) = here.keys.create(&named("caller"), "x").await.unwrap();
    for admin in &admins {
        assert!(admin.is_admin(key));
        for wrong in ["", "tga-", &key[..46], caller.expose(), &"x".repeat(1 << 20), "' OR '1'='1"] {
            assert!(!admin.is_admin(wrong), "{wrong:.60}");
        }
    }
    let renewed = AdminKey::renew(&here.database, &hasher()).await.unwrap();
    let (admin, none) = AdminKey::first(&here.database, &hasher()).await.unwrap();
    assert!(none.is_none() && admin.is_admin(renewed.expose()) && !admin.is_admin(key));
    // An admin key is no caller's key.
    assert_eq!(here.find(renewed.expose()).await, tidegate_store::keys::Found::Unknown);
}

async fn a_given_admin_key_overrides(home: Home) {
    let here = home.instance().await;
    let (_, shown) = AdminKey::first(&here.database, &hasher()).await.unwrap();
    let given = AdminKey::given(&hasher(), &Secret::new("my own admin key".replace(' ', "-")));
    assert!(given.is_admin("my-own-admin-key"));
    assert!(!given.is_admin(shown.unwrap().expose()));
}

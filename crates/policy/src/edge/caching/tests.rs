//! RFC 9111 by its sections.

use http::{HeaderMap, HeaderName, Method, StatusCode};
use proptest::prelude::*;

use super::status::{Done, Forwarded, cache_status};
use super::*;
use crate::edge::http_date;

const NOW: i64 = 1_800_000_000;

fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn store(
    request: &[(&'static str, &str)],
    status: u16,
    answer: &[(&'static str, &str)],
) -> Result<(), NotStored> {
    let status = StatusCode::from_u16(status).unwrap();
    may_store(&CacheRules::default(), (&Method::GET, &map(request)), status, &map(answer), NOW)
}

fn fresh(answer: &[(&'static str, &str)]) -> Freshness {
    Freshness::of(&CacheRules::default(), StatusCode::OK, &map(answer), NOW, NOW)
}

fn ask(request: &[(&'static str, &str)], stored: &Freshness, after: i64) -> Decision {
    decide(&CacheRules::default(), &Method::GET, &map(request), Some(stored), NOW + after)
}

fn is_fresh(control: &str) -> bool {
    matches!(ask(&[], &fresh(&[("cache-control", control)]), 1), Decision::Fresh { .. })
}

#[test]
fn rfc_9111_3_what_may_be_stored() {
    let fresh = ("cache-control", "max-age=60");
    assert_eq!(store(&[], 200, &[fresh]), Ok(()));
    assert_eq!(store(&[], 599, &[fresh]), Ok(()));
    assert_eq!(store(&[], 200, &[("etag", "\"a\"")]), Ok(()));
    assert_eq!(store(&[], 201, &[("etag", "\"a\"")]), Err(NotStored::Status));
    assert_eq!(store(&[], 599, &[("cache-control", "max-age=60, must-understand")]), Err(NotStored::Status));
    assert_eq!(store(&[], 200, &[("cache-control", "no-store, must-understand, max-age=9")]), Ok(()));
    assert_eq!(store(&[], 206, &[fresh]), Err(NotStored::Status));
    assert_eq!(store(&[], 200, &[]), Err(NotStored::Useless));
    assert_eq!(store(&[], 200, &[("cache-control", "max-age=60, nO-StOrE")]), Err(NotStored::NoStore));
    assert_eq!(store(&[("cache-control", "no-store")], 200, &[fresh]), Err(NotStored::NoStore));
    assert_eq!(store(&[], 200, &[fresh, ("cache-control", "Private")]), Err(NotStored::Private));
    assert_eq!(store(&[], 200, &[fresh, ("set-cookie", "a=b")]), Err(NotStored::Cookie));
    assert_eq!(
        store(&[], 200, &[("cache-control", "max-age=9, no-cache=\"Set-Cookie\""), ("set-cookie", "a=b")]),
        Ok(())
    );
    for vary in ["*", "Foo, *", ", *"] {
        assert_eq!(store(&[], 200, &[fresh, ("vary", vary)]), Err(NotStored::Vary));
    }
    let post =
        may_store(&CacheRules::default(), (&Method::POST, &map(&[])), StatusCode::OK, &map(&[fresh]), NOW);
    assert_eq!(post, Err(NotStored::Method));
}

#[test]
fn rfc_9111_3_5_answers_to_requests_with_credentials() {
    let authorized = [("authorization", "Bearer x")];
    assert_eq!(store(&authorized, 200, &[("cache-control", "max-age=60")]), Err(NotStored::Authorization));
    for said in ["max-age=60, public", "max-age=60, must-revalidate", "s-maxage=60"] {
        assert_eq!(store(&authorized, 200, &[("cache-control", said)]), Ok(()), "{said}");
    }
}

#[test]
fn rfc_9111_4_2_1_lifetimes() {
    let date = http_date::format(NOW);
    let (soon, past) = (http_date::format(NOW + 60), http_date::format(NOW - 60));
    let lifetime = |answer: &[(&'static str, &str)]| fresh(answer).lifetime;
    assert_eq!(lifetime(&[("cache-control", "max-age=5, s-maxage=9"), ("expires", &soon)]), 9);
    assert_eq!(lifetime(&[("cache-control", "max-age=5"), ("expires", &past)]), 5);
    assert_eq!(lifetime(&[("expires", &soon), ("date", &date)]), 60);
    assert_eq!(lifetime(&[("expires", &past), ("date", &date)]), 0);
    assert_eq!(lifetime(&[("expires", "0"), ("last-modified", &past)]), 0);
    assert_eq!(lifetime(&[("expires", &soon), ("expires", &past)]), 0);
    assert_eq!(lifetime(&[("last-modified", &past), ("date", &date)]), 6);
    assert_eq!(lifetime(&[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")]), 86_400);
    assert_eq!(lifetime(&[("cache-control", "max-age=99999999999999999999")]), 1 << 31);
    let strange = StatusCode::from_u16(599).unwrap();
    let rules = CacheRules::default();
    let modified = [("last-modified", &*past)];
    assert_eq!(Freshness::of(&rules, strange, &map(&modified), NOW, NOW).lifetime, 0);
    let public = map(&[modified[0], ("cache-control", "public")]);
    assert_eq!(Freshness::of(&rules, strange, &public, NOW, NOW).lifetime, 6);
}

#[test]
fn a_lifetime_by_default_is_for_successes_that_say_nothing() {
    let rules = CacheRules { default_lifetime: 60, ..CacheRules::default() };
    let lifetime = |status: u16, answer: &[(&'static str, &str)]| {
        let status = StatusCode::from_u16(status).unwrap();
        Freshness::of(&rules, status, &map(answer), NOW, NOW).lifetime
    };
    let modified = http_date::format(NOW - 10);
    assert_eq!(lifetime(200, &[]), 60);
    assert_eq!(lifetime(301, &[("last-modified", &modified)]), 60);
    assert_eq!(lifetime(200, &[("cache-control", "max-age=5")]), 5);
    assert_eq!(lifetime(200, &[("expires", "0")]), 0);
    assert_eq!(lifetime(404, &[]), 0);
    assert_eq!(lifetime(500, &[("cache-control", "public")]), 0);
    let may = |status| may_store(&rules, (&Method::GET, &map(&[])), status, &map(&[]), NOW);
    assert_eq!(may(StatusCode::OK), Ok(()));
    assert_eq!(may(StatusCode::NOT_FOUND), Err(NotStored::Useless));
}

#[test]
fn rfc_9111_4_2_directives_that_cannot_be_read_keep_nothing_fresh() {
    for good in [
        "max-age=60",
        "MaX-AgE=60",
        "max-age=\"60\"",
        "max-age=0060",
        "a=\"max-age=0\", max-age=60",
        "x, max-age=60",
    ] {
        assert!(is_fresh(good), "{good}");
    }
    for bad in [
        "max-age=0",
        "max-age=-60",
        "max-age='60'",
        "max-age=60.0",
        "max-age=a60",
        "max-age=60a",
        "max-age",
        "max-age =60",
        "a=\"max-age=60\", max-age=0",
        "max-age=0, a=\"max-age=60\"",
        "max-age=60, max-age=0",
        "no-cache, max-age=60",
        "No-CaChE",
    ] {
        assert!(!is_fresh(bad), "{bad}");
    }
}

#[test]
fn rfc_9111_4_2_3_ages() {
    let control = ("cache-control", "max-age=100");
    assert_eq!(fresh(&[control, ("age", "30")]).age(NOW + 5), 35);
    assert_eq!(fresh(&[control, ("age", "0, 7200")]).age(NOW), 0);
    let old = http_date::format(NOW - 40);
    assert_eq!(fresh(&[control, ("date", &old), ("age", "30")]).age(NOW), 40);
    let slow = Freshness::of(&CacheRules::default(), StatusCode::OK, &map(&[("age", "3")]), NOW - 7, NOW);
    assert_eq!(slow.age(NOW), 10);
    for bad in ["abc", "-1", "7200.0", "7200;foo=bar", "\"1\""] {
        assert!(fresh(&[control, ("age", bad)]).left(NOW) < 0, "{bad}");
    }
    assert!(fresh(&[control, ("age", "0"), ("age", "0")]).left(NOW) < 0);
}

#[test]
fn rfc_9111_5_2_1_what_clients_ask_for() {
    use Decision::{Bypass as Passed, Fresh, OnlyIfCached};
    let stored = fresh(&[("cache-control", "max-age=100"), ("age", "10")]);
    let says = |control: &str, after| ask(&[("cache-control", control)], &stored, after);
    let stale = |age, as_it_is| Decision::Stale { age, may: StaleUse { as_it_is, ..StaleUse::default() } };
    assert_eq!(says("max-age=20", 5), Fresh { age: 15 });
    assert_eq!(says("max-age=12", 5), stale(15, false));
    assert_eq!(says("max-age=0", 0), stale(10, false));
    assert_eq!(says("no-cache", 5), stale(15, false));
    assert_eq!(ask(&[("pragma", "no-cache")], &stored, 5), stale(15, false));
    assert_eq!(says("min-fresh=80", 5), Fresh { age: 15 });
    assert_eq!(says("min-fresh=90", 5), stale(15, false));
    assert_eq!(says("max-stale=30", 110), stale(120, true));
    assert_eq!(says("max-stale=10", 110), stale(120, false));
    assert_eq!(says("max-stale", 9_999), stale(10_009, true));
    assert_eq!(says("no-store", 5), Passed(Bypass::NoStore));
    assert_eq!(says("only-if-cached", 5), Fresh { age: 15 });
    assert_eq!(says("only-if-cached", 500), OnlyIfCached);
    assert_eq!(says("only-if-cached, max-stale", 500), stale(510, true));
    let deaf = CacheRules { obeys_clients: false, ..CacheRules::default() };
    let request = map(&[("cache-control", "no-cache")]);
    assert_eq!(decide(&deaf, &Method::GET, &request, Some(&stored), NOW), Fresh { age: 10 });
    assert_eq!(decide(&deaf, &Method::POST, &request, Some(&stored), NOW), Passed(Bypass::Method));
    assert_eq!(decide(&deaf, &Method::HEAD, &request, None, NOW), Decision::Miss);
}

#[test]
fn rfc_5861_stale_answers_are_used_only_where_they_may_be() {
    let may = |control: &str, after| match ask(&[], &fresh(&[("cache-control", control)]), after) {
        Decision::Stale { may, .. } => (may.while_revalidating, may.on_error),
        other => panic!("{other:?}"),
    };
    assert_eq!(may("max-age=5, stale-while-revalidate=10", 10), (true, false));
    assert_eq!(may("max-age=5, stale-while-revalidate=10", 15), (false, false));
    assert_eq!(may("max-age=5, stale-if-error=10", 10), (false, true));
    assert_eq!(may("max-age=5", 6), (false, false));
    for forbidding in ["must-revalidate", "proxy-revalidate", "s-maxage=5", "no-cache"] {
        let control = format!("max-age=5, stale-while-revalidate=60, stale-if-error=60, {forbidding}");
        assert_eq!(may(&control, 10), (false, false), "{forbidding}");
    }
    assert!(may_serve_on_error(StatusCode::BAD_GATEWAY));
    assert!(!may_serve_on_error(StatusCode::NOT_FOUND));
}

#[test]
fn rfc_9213_the_targeted_header_goes_first_when_it_can_be_read() {
    let lifetime = |cdn: &str| fresh(&[("cache-control", "max-age=5"), ("cdn-cache-control", cdn)]).lifetime;
    assert_eq!(lifetime("max-age=60"), 60);
    assert_eq!(lifetime("MAX-AGE=60"), 5);
    assert_eq!(lifetime("max-age='60'"), 5);
    assert_eq!(
        store(&[], 200, &[("cache-control", "no-store"), ("cdn-cache-control", "max-age=60")]),
        Ok(())
    );
    let private = [("cache-control", "max-age=60"), ("cdn-cache-control", "private")];
    assert_eq!(store(&[], 200, &private), Err(NotStored::Private));
}

#[test]
fn rfc_9111_4_1_variants_are_told_apart() {
    let names = vary::names(&map(&[("vary", "Foo, bar"), ("vary", "foo")])).unwrap();
    assert_eq!(names, ["bar", "foo"]);
    let key = |lines: &[(&'static str, &str)]| vary::key(&names, &map(lines));
    assert_eq!(key(&[("foo", "1, 2"), ("baz", "x")]), key(&[("foo", "1"), ("foo", "2")]));
    assert_ne!(key(&[("foo", "1")]), key(&[("foo", "2")]));
    assert_ne!(key(&[("foo", "1")]), key(&[("bar", "1")]));
    assert_ne!(key(&[("foo", "")]), key(&[]));
    assert_eq!(vary::names(&map(&[("vary", "a, *")])), None);
    let codings = vary::names(&map(&[("vary", "accept-encoding")])).unwrap();
    let key = |written: &str| vary::key(&codings, &map(&[("accept-encoding", written)]));
    assert_eq!(key("gzip, BR;q=0.5"), key("br; q=0.5,gzip"));
    assert_ne!(key("gzip"), key("gzip, br"));
    assert_ne!(key(""), vary::key(&codings, &map(&[])));
}

#[test]
fn rfc_9111_4_3_what_is_stored_is_asked_about_and_renewed() {
    let mut stored = map(&[
        ("etag", "\"a\""),
        ("last-modified", "x"),
        ("content-length", "5"),
        ("x-old", "1"),
        ("x-kept", "1"),
        ("age", "9"),
    ]);
    let mut request = map(&[("if-none-match", "\"client\""), ("range", "bytes=0-1"), ("accept", "*/*")]);
    validate::make_conditional(&mut request, Some(&stored));
    assert_eq!(request, map(&[("if-none-match", "\"a\""), ("if-modified-since", "x"), ("accept", "*/*")]));
    let told = [
        ("etag", "\"a\""),
        ("content-length", "0"),
        ("x-old", "2"),
        ("x-old", "3"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
    ];
    assert!(validate::concerns(&stored, &map(&told)));
    assert!(!validate::concerns(&stored, &map(&[("etag", "\"b\"")])));
    validate::renew(&mut stored, &map(&told));
    for (name, value) in [("etag", "\"a\""), ("last-modified", "x"), ("content-length", "5"), ("x-kept", "1")]
    {
        assert_eq!(stored[name], value);
    }
    assert_eq!(stored.get_all("x-old").iter().collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(stored.len(), 6, "neither `age` nor `x-hop`: {stored:?}");
}

#[test]
fn rfc_9111_3_1_what_is_withheld_is_not_stored() {
    let mut answer = map(&[
        ("cache-control", "no-cache=\"x-a, x-b\", max-age=5"),
        ("x-a", "1"),
        ("x-b", "1"),
        ("x-c", "1"),
        ("keep-alive", "1"),
    ]);
    strip(&mut answer, &CacheRules::default());
    let mut names: Vec<_> = answer.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["cache-control", "x-c"]);
}

#[test]
fn rfc_9111_4_4_writes_make_void_what_they_name() {
    let answer = map(&[("location", "/b?x=1#y"), ("content-location", "http://a.test/c")]);
    let void = |method: &Method, status: u16| {
        invalidated(method, StatusCode::from_u16(status).unwrap(), &answer, "/d/e?q", ("http", "a.test"))
    };
    assert_eq!(void(&Method::POST, 201), ["/d/e?q", "/b?x=1", "/c"]);
    assert_eq!(void(&Method::from_bytes(b"M-SEARCH").unwrap(), 303).len(), 3);
    assert!(void(&Method::GET, 200).is_empty());
    assert!(void(&Method::DELETE, 500).is_empty());
    let foreign = map(&[("location", "http://b.test/x"), ("content-location", "f")]);
    let void = invalidated(&Method::PUT, StatusCode::OK, &foreign, "/d/e?q", ("http", "a.test"));
    assert_eq!(void, ["/d/e?q", "/d/f"]);
}

#[test]
fn rfc_9211_what_was_done_is_said() {
    let hit = Done { ttl: Some(30), ..Done::default() };
    assert_eq!(cache_status("tidegate", hit), "tidegate; hit; ttl=30");
    let renewed = Done {
        forwarded: Some(Forwarded::Stale),
        forwarded_status: Some(StatusCode::NOT_MODIFIED),
        ttl: Some(-5),
        is_stored: true,
        is_collapsed: true,
    };
    let expected = "tidegate; fwd=stale; fwd-status=304; ttl=-5; stored; collapsed";
    assert_eq!(cache_status("tidegate", renewed), expected);
}

proptest! {
    #[test]
    fn nothing_older_than_its_lifetime_is_fresh(max_age in 0i64..100, age in 0i64..100, after in 0i64..200) {
        let (control, told) = (format!("max-age={max_age}"), age.to_string());
        let stored = fresh(&[("cache-control", &control), ("age", &told)]);
        let is_fresh = matches!(ask(&[], &stored, after), Decision::Fresh { .. });
        prop_assert_eq!(is_fresh, age + after < max_age);
    }

    #[test]
    fn no_text_makes_it_panic(control in "[ -~]{0,60}", age in "[ -~]{0,20}", now in 0i64..i64::from(u32::MAX)) {
        let answer = map(&[("cache-control", &control), ("cdn-cache-control", &control), ("age", &age), ("expires", &age)]);
        let rules = CacheRules::default();
        let _ = may_store(&rules, (&Method::GET, &answer), StatusCode::OK, &answer, now);
        let stored = Freshness::of(&rules, StatusCode::OK, &answer, NOW, now);
        let _ = decide(&rules, &Method::GET, &answer, Some(&stored), now);
    }
}

//! What routes keep of answers, against servers that count how often they are asked.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use tidegate_policy::edge::caching::CacheRules;
use tidegate_policy::edge::compression::CompressionRules;
use tidegate_policy::edge::route::{Condition, RouteRule, Test};
use tidegate_proxy::edge::Action;
use tidegate_proxy::edge::cache::{CacheBounds, CacheMeters, CacheStore, KeyParts, RouteCache};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::edge_house::{
    Heard, below, body, get, header, next_message, open, proxy, route, say, site, status, upstream,
};
use crate::house::{House, PATIENCE};

fn cache() -> RouteCache {
    RouteCache {
        store: CacheStore::new(1 << 20),
        rules: CacheRules::default(),
        scope: "route".into(),
        key: KeyParts::default(),
        max_object: 1 << 16,
        wait: Duration::from_secs(5),
        bypass: Vec::new(),
        tells_status: true,
        meters: CacheMeters::default(),
    }
}

/// A gateway that keeps what these servers say.
async fn keeping(server: &str, cache: RouteCache) -> House {
    let mut proxy = proxy(&[server]);
    proxy.cache = Some(cache);
    let mut site = site(vec![(below("/"), route(Action::Proxy(Box::new(proxy))))]);
    site.cache.memory = 1 << 20;
    open(site).await
}

/// A whole answer with these headers (each with its line end).
fn ok(headers: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// An upstream that gives these answers, one after the other, and the last one again and again; each waits for a permit. An answer that is shorter
/// than it says ends with its connection.
async fn telling(answers: &[String], permits: Arc<Semaphore>) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = Heard::default();
    let (answers, told): (Arc<[String]>, _) = (answers.into(), heard.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(tell_all(stream, answers.clone(), told.clone(), permits.clone()));
        }
    });
    (url, heard)
}

async fn tell_all(mut stream: TcpStream, answers: Arc<[String]>, heard: Heard, permits: Arc<Semaphore>) {
    let mut read = Vec::new();
    while let Some(request) = next_message(&mut stream, &mut read).await {
        let number = {
            let mut heard = heard.lock().unwrap();
            heard.push(request);
            heard.len() - 1
        };
        permits.acquire().await.unwrap().forget();
        let answer = &answers[number.min(answers.len() - 1)];
        let length = header(answer, "content-length").map(|length| length.parse::<usize>().unwrap());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        let is_cut = length.is_some_and(|length| body(answer).len() < length) && status(answer) == "200";
        if is_cut {
            return;
        }
    }
}

async fn origin(answers: &[String]) -> (String, Heard) {
    telling(answers, Arc::new(Semaphore::new(1_000))).await
}

fn asked(heard: &Heard) -> usize {
    heard.lock().unwrap().len()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn rfc_9111_4_what_is_fresh_is_given_again_without_asking() {
    let (url, heard) = upstream(&ok("cache-control: max-age=60\r\nx-app: 1\r\nage: 7\r\n", "hello")).await;
    let house = keeping(&url, cache()).await;
    let first = get(house.address, "/a?b", "").await;
    assert_eq!(header(&first, "cache-status"), Some("tidegate; fwd=uri-miss; stored"));
    let second = get(house.address, "/a?b", "").await;
    assert_eq!((status(&second), body(&second), header(&second, "x-app")), ("200", "hello", Some("1")));
    assert!(["7", "8"].contains(&header(&second, "age").unwrap()), "{second}");
    assert!(header(&second, "cache-status").unwrap().starts_with("tidegate; hit; ttl=5"), "{second}");
    assert_eq!(header(&second, "content-length"), Some("5"));
    assert_ne!(header(&first, "x-request-id"), header(&second, "x-request-id"));
    let head = say(house.address, "HEAD /a?b HTTP/1.1\r\nhost: app.test\r\nconnection: close\r\n\r\n").await;
    assert_eq!((status(&head), body(&head), header(&head, "content-length")), ("200", "", Some("5")));
    assert_eq!(asked(&heard), 1);
    get(house.address, "/a?c", "").await;
    let other = "GET /a?b HTTP/1.1\r\nhost: other.test\r\nconnection: close\r\n\r\n";
    say(house.address, other).await;
    assert_eq!(asked(&heard), 3, "another query and another host are other answers");
    let lines = house.log_lines();
    let words: Vec<_> = lines.iter().map(|line| line["cache"].as_str().unwrap_or("-")).collect();
    assert_eq!(words, ["miss", "hit", "hit", "miss", "miss"]);
}

#[tokio::test]
async fn rfc_9111_3_what_is_not_for_all_is_not_kept() {
    for headers in [
        "cache-control: private, max-age=60\r\n",
        "cache-control: no-store\r\n",
        "cache-control: max-age=60\r\nset-cookie: a=b\r\n",
        "cache-control: max-age=60\r\nvary: *\r\n",
        "",
    ] {
        let (url, heard) = upstream(&ok(headers, "x")).await;
        let house = keeping(&url, cache()).await;
        for _ in 0..2 {
            assert_eq!(status(&get(house.address, "/", "").await), "200");
        }
        assert_eq!(asked(&heard), 2, "{headers}");
    }
}

#[tokio::test]
async fn rfc_9111_3_5_answers_to_one_clients_credentials_are_not_given_to_others() {
    let (url, heard) = upstream(&ok("cache-control: max-age=60\r\n", "mine")).await;
    let house = keeping(&url, cache()).await;
    for authorization in ["Bearer a", "Bearer b"] {
        get(house.address, "/", &format!("authorization: {authorization}\r\n")).await;
    }
    assert_eq!(asked(&heard), 2);
}

#[tokio::test]
async fn rfc_9111_3_3_a_cut_answer_is_never_kept() {
    let cut = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 10\r\n\r\nhello".to_owned();
    let endless = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n\r\nhello".to_owned();
    let (url, heard) = origin(&[cut, ok("cache-control: max-age=60\r\n", "whole")]).await;
    let house = keeping(&url, cache()).await;
    get(house.address, "/", "").await;
    let second = get(house.address, "/", "").await;
    assert_eq!((body(&second), asked(&heard)), ("whole", 2));
    // The end of its connection is no proof that an answer is whole.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Semaphore::new(0));
    let counted = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut read = [0; 4096];
            let _ = stream.read(&mut read).await;
            counted.add_permits(1);
            let _ = stream.write_all(endless.as_bytes()).await;
        }
    });
    let house = keeping(&url, cache()).await;
    for _ in 0..2 {
        assert!(body(&get(house.address, "/", "").await).contains("hello"));
    }
    assert_eq!(asked.available_permits(), 2);
}

#[tokio::test]
async fn rfc_9111_4_3_4_what_still_holds_is_renewed_with_the_headers_of_a_304() {
    let first = ok("cache-control: max-age=0\r\netag: \"a\"\r\nx-kept: 1\r\nx-new: 1\r\n", "hello");
    let holds = "HTTP/1.1 304 Not Modified\r\ncache-control: max-age=60\r\netag: \"a\"\r\nx-new: 2\r\n\r\n";
    let (url, heard) = origin(&[first, holds.to_owned()]).await;
    let house = keeping(&url, cache()).await;
    get(house.address, "/", "").await;
    let second = get(house.address, "/", "").await;
    assert_eq!((status(&second), body(&second)), ("200", "hello"));
    assert_eq!((header(&second, "x-kept"), header(&second, "x-new")), (Some("1"), Some("2")));
    assert_eq!(
        header(&second, "cache-status"),
        Some("tidegate; fwd=stale; fwd-status=304; ttl=60; stored"),
        "{second}"
    );
    assert_eq!(header(&heard.lock().unwrap()[1], "if-none-match"), Some("\"a\""));
    let third = get(house.address, "/", "").await;
    assert_eq!((body(&third), header(&third, "x-new"), asked(&heard)), ("hello", Some("2"), 2));
}

#[tokio::test]
async fn rfc_9111_4_3_4_a_304_about_another_answer_is_followed_by_a_question_for_that_one() {
    let first = ok("cache-control: max-age=0\r\netag: \"a\"\r\n", "old");
    let other = "HTTP/1.1 304 Not Modified\r\netag: \"b\"\r\n\r\n".to_owned();
    let (url, heard) =
        origin(&[first, other, ok("cache-control: max-age=60\r\netag: \"b\"\r\n", "new")]).await;
    let house = keeping(&url, cache()).await;
    get(house.address, "/", "").await;
    assert_eq!(body(&get(house.address, "/", "").await), "new");
    assert_eq!(header(&heard.lock().unwrap()[2], "if-none-match"), None);
    assert_eq!((body(&get(house.address, "/", "").await), asked(&heard)), ("new", 3));
}

#[tokio::test]
async fn rfc_9111_4_1_variants_are_kept_side_by_side() {
    let vary = "cache-control: max-age=60\r\nvary: accept-language\r\n";
    let (url, heard) = origin(&[ok(vary, "hallo"), ok(vary, "hello"), ok(vary, "never")]).await;
    let house = keeping(&url, cache()).await;
    for (language, expected) in [("de", "hallo"), ("en", "hello"), ("de", "hallo"), ("en", "hello")] {
        let answer = get(house.address, "/", &format!("accept-language: {language}\r\n")).await;
        assert_eq!(body(&answer), expected);
    }
    assert_eq!(asked(&heard), 2);
    let other = get(house.address, "/", "").await;
    assert!(header(&other, "cache-status").unwrap().contains("fwd=vary-miss"), "{other}");
}

#[tokio::test]
async fn rfc_9110_13_14_conditions_and_ranges_are_answered_from_what_is_kept() {
    let (url, heard) = upstream(&ok("cache-control: max-age=60\r\netag: \"a\"\r\n", "0123456789")).await;
    let house = keeping(&url, cache()).await;
    // Somebody who has it already fills the cache, too.
    let known = get(house.address, "/", "if-none-match: \"a\"\r\n").await;
    assert_eq!((status(&known), body(&known), header(&known, "etag")), ("304", "", Some("\"a\"")));
    assert_eq!(header(&heard.lock().unwrap()[0], "if-none-match"), None);
    let kept = || async { header(&get(house.address, "/", "").await, "age").is_some() };
    while !kept().await {}
    let before = asked(&heard);
    let part = get(house.address, "/", "range: bytes=2-4\r\n").await;
    assert_eq!((status(&part), body(&part)), ("206", "234"));
    assert_eq!(
        (header(&part, "content-range"), header(&part, "content-length")),
        (Some("bytes 2-4/10"), Some("3"))
    );
    let several = get(house.address, "/", "range: bytes=0-1, 8-\r\n").await;
    assert!(body(&several).contains("bytes 8-9/10\r\n\r\n89\r\n--"), "{several}");
    assert_eq!(status(&get(house.address, "/", "range: bytes=10-\r\n").await), "416");
    assert_eq!(status(&get(house.address, "/", "range: bytes=2-4\r\nif-range: \"b\"\r\n").await), "200");
    assert_eq!(status(&get(house.address, "/", "if-none-match: W/\"a\"\r\n").await), "304");
    assert_eq!(asked(&heard), before);
}

#[tokio::test]
async fn rfc_9110_14_a_part_of_what_is_not_kept_is_asked_for_as_a_part() {
    let part = "HTTP/1.1 206 Partial Content\r\ncache-control: max-age=60\r\ncontent-range: bytes 2-4/10\r\ncontent-length: 3\r\n\r\n234";
    let (url, heard) = upstream(part).await;
    let house = keeping(&url, cache()).await;
    for _ in 0..2 {
        assert_eq!(status(&get(house.address, "/", "range: bytes=2-4\r\n").await), "206");
    }
    assert_eq!(asked(&heard), 2, "parts are not kept");
    assert_eq!(header(&heard.lock().unwrap()[0], "range"), Some("bytes=2-4"));
}

#[tokio::test]
async fn many_who_miss_the_same_at_once_ask_once() {
    let permits = Arc::new(Semaphore::new(0));
    let answer = ok("cache-control: max-age=60\r\n", "hello");
    let (url, heard) = telling(&[answer], permits.clone()).await;
    let cache = cache();
    let house = keeping(&url, cache).await;
    let address = house.address;
    let all: Vec<_> = (0..8).map(|_| tokio::spawn(async move { get(address, "/slow", "").await })).collect();
    until("a question", || asked(&heard) > 0).await;
    permits.add_permits(1);
    let mut collapsed = 0;
    for answer in all {
        let answer = answer.await.unwrap();
        assert_eq!(body(&answer), "hello");
        let told = header(&answer, "cache-status").unwrap();
        collapsed += usize::from(told.ends_with("; collapsed") || told.contains("; hit"));
    }
    assert_eq!((asked(&heard), collapsed), (1, 7));
}

#[tokio::test]
async fn nobody_waits_for_an_answer_that_is_not_kept() {
    let permits = Arc::new(Semaphore::new(0));
    let (url, heard) = telling(&[ok("cache-control: private\r\n", "mine")], permits.clone()).await;
    let house = keeping(&url, cache()).await;
    let address = house.address;
    let all: Vec<_> = (0..4).map(|_| tokio::spawn(async move { get(address, "/", "").await })).collect();
    until("a question", || asked(&heard) > 0).await;
    permits.add_permits(1);
    // The first answer's head says that there is nothing to wait for.
    until("all ask", || asked(&heard) == 4).await;
    permits.add_permits(3);
    for answer in all {
        assert_eq!(body(&answer.await.unwrap()), "mine");
    }
}

#[tokio::test]
async fn whoever_has_waited_long_enough_asks_by_himself() {
    let permits = Arc::new(Semaphore::new(0));
    let (url, heard) = telling(&[ok("cache-control: max-age=60\r\n", "hello")], permits.clone()).await;
    let house = keeping(&url, RouteCache { wait: Duration::from_millis(50), ..cache() }).await;
    let address = house.address;
    let all: Vec<_> = (0..2).map(|_| tokio::spawn(async move { get(address, "/", "").await })).collect();
    until("both ask", || asked(&heard) == 2).await;
    permits.add_permits(2);
    for answer in all {
        assert_eq!(body(&answer.await.unwrap()), "hello");
    }
}

#[tokio::test]
async fn rfc_5861_3_a_stale_answer_is_given_while_it_is_renewed() {
    let permits = Arc::new(Semaphore::new(1));
    let stale = "cache-control: max-age=0, stale-while-revalidate=60\r\n";
    let (url, heard) =
        telling(&[ok(stale, "old"), ok("cache-control: max-age=60\r\n", "new")], permits.clone()).await;
    let house = keeping(&url, cache()).await;
    assert_eq!(body(&get(house.address, "/", "").await), "old");
    // The renewal waits for its permit; nobody waits for the renewal.
    for _ in 0..3 {
        let answer = get(house.address, "/", "if-none-match: \"x\"\r\n").await;
        assert_eq!((body(&answer), header(&answer, "age").is_some()), ("old", true));
    }
    until("a renewal", || asked(&heard) == 2).await;
    permits.add_permits(1);
    while body(&get(house.address, "/", "").await) == "old" {}
    assert_eq!(asked(&heard), 2);
    assert!(house.log_lines().iter().all(|line| line["endpoint"] == "proxy"), "renewals are not in the log");
}

#[tokio::test]
async fn rfc_5861_4_a_stale_answer_is_given_when_the_server_fails() {
    let stale = ok("cache-control: max-age=0, stale-if-error=60\r\n", "old");
    let failed = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\ndown".to_owned();
    let broken = "rubbish\r\n\r\n".to_owned();
    let (url, heard) = origin(&[stale, failed, broken]).await;
    let house = keeping(&url, cache()).await;
    get(house.address, "/", "").await;
    let second = get(house.address, "/", "").await;
    assert_eq!((status(&second), body(&second)), ("200", "old"));
    assert!(header(&second, "cache-status").unwrap().contains("fwd=stale; fwd-status=503"), "{second}");
    assert_eq!(body(&get(house.address, "/", "").await), "old");
    assert_eq!(asked(&heard), 3);
    let strict = ok("cache-control: max-age=0, must-revalidate, stale-if-error=60\r\n", "old");
    let (url, _) = origin(&[strict, "rubbish\r\n\r\n".to_owned()]).await;
    let house = keeping(&url, cache()).await;
    get(house.address, "/", "").await;
    assert_eq!(status(&get(house.address, "/", "").await), "502");
}

#[tokio::test]
async fn rfc_9111_5_2_1_7_only_if_cached_asks_nobody() {
    let (url, heard) = upstream(&ok("cache-control: max-age=60\r\n", "hello")).await;
    let house = keeping(&url, cache()).await;
    let wish = "cache-control: only-if-cached\r\n";
    assert_eq!(status(&get(house.address, "/", wish).await), "504");
    assert_eq!(asked(&heard), 0);
    get(house.address, "/", "").await;
    assert_eq!(body(&get(house.address, "/", wish).await), "hello");
}

#[tokio::test]
async fn rfc_9111_4_4_a_write_makes_void_what_it_changes() {
    let kept = ok("cache-control: max-age=60\r\n", "old");
    let created = "HTTP/1.1 201 Created\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n".to_owned();
    let (url, heard) = origin(&[kept.clone(), kept.clone(), created, kept]).await;
    let house = keeping(&url, cache()).await;
    get(house.address, "/a", "").await;
    get(house.address, "/b", "").await;
    let post = "POST /a HTTP/1.1\r\nhost: app.test\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx";
    assert_eq!(status(&say(house.address, post).await), "201");
    for path in ["/a", "/b"] {
        assert_eq!(header(&get(house.address, path, "").await, "age"), None);
    }
    assert_eq!(asked(&heard), 5);
}

#[tokio::test]
async fn what_is_on_disk_is_given_after_a_restart_and_a_write_makes_it_void() {
    let kept = ok("cache-control: max-age=60\r\n", "hello");
    let (url, heard) = upstream(&kept).await;
    let folder = tempfile::tempdir().unwrap();
    let with_disk = || {
        let cache = cache();
        let disk = Some((folder.path().to_owned(), 1 << 20));
        cache.store.bound(&CacheBounds { memory: 1 << 20, disk });
        cache
    };
    let first = with_disk();
    let store = first.store.clone();
    let house = keeping(&url, first).await;
    get(house.address, "/", "").await;
    until("it is on disk", || store.disk().is_some_and(|disk| disk.used().1 == 1)).await;
    let second = with_disk();
    let store = second.store.clone();
    let house = keeping(&url, second).await;
    until("stock is taken", || store.disk().is_some_and(|disk| disk.used().1 == 1)).await;
    let answer = get(house.address, "/", "").await;
    assert_eq!((body(&answer), header(&answer, "age").is_some(), asked(&heard)), ("hello", true, 1));
    say(house.address, "DELETE / HTTP/1.1\r\nhost: app.test\r\nconnection: close\r\n\r\n").await;
    assert_eq!(header(&get(house.address, "/", "").await, "age"), None);
    assert_eq!(asked(&heard), 3);
}

#[tokio::test]
async fn fault_83_routes_that_lead_elsewhere_share_no_answers() {
    let (one, _) = upstream(&ok("cache-control: max-age=60\r\n", "one")).await;
    let (other, _) = upstream(&ok("cache-control: max-age=60\r\n", "other")).await;
    let store = CacheStore::new(1 << 20);
    let make = |server: &str, scope: &str| {
        let mut proxy = proxy(&[server]);
        proxy.cache = Some(RouteCache { store: store.clone(), scope: scope.into(), ..cache() });
        route(Action::Proxy(Box::new(proxy)))
    };
    let condition = Condition { name: HeaderName::from_static("x-beta"), test: Test::Present };
    let beta = RouteRule { headers: vec![condition], ..below("/") };
    let house = open(site(vec![(below("/"), make(&one, "a")), (beta, make(&other, "b"))])).await;
    for _ in 0..2 {
        assert_eq!(body(&get(house.address, "/", "").await), "one");
        assert_eq!(body(&get(house.address, "/", "x-beta: 1\r\n").await), "other");
    }
}

#[tokio::test]
async fn fault_09_a_request_with_a_body_goes_by_the_cache() {
    let (url, heard) = upstream(&ok("cache-control: max-age=60\r\n", "hello")).await;
    let house = keeping(&url, cache()).await;
    get(house.address, "/", "").await;
    let hidden = "GET /hidden HTTP/1.1\r\nhost: app.test\r\n\r\n";
    let request = format!(
        "GET / HTTP/1.1\r\nhost: app.test\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{hidden}",
        hidden.len()
    );
    let answer = say(house.address, &request).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    assert_eq!(header(&answer, "cache-status"), Some("tidegate; fwd=bypass"));
    assert_eq!(asked(&heard), 2);
    assert!(heard.lock().unwrap()[1].ends_with(hidden));
}

#[tokio::test]
async fn what_is_too_long_is_passed_on_and_not_kept() {
    let long = "x".repeat(5_000);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    for answer in [ok("cache-control: max-age=60\r\n", &long), chunked] {
        let (url, heard) = upstream(&answer).await;
        let cache = RouteCache { max_object: 4_999, ..cache() };
        let store = cache.store.clone();
        let house = keeping(&url, cache).await;
        for _ in 0..2 {
            assert!(get(house.address, "/", "").await.contains(&long));
        }
        assert_eq!(asked(&heard), 2);
        assert!(store.used().0 < 1_000, "{:?}", store.used());
    }
}

#[tokio::test]
async fn requests_that_the_route_lets_by_neither_look_nor_leave_anything() {
    let (url, heard) = upstream(&ok("cache-control: max-age=60\r\n", "hello")).await;
    let bypass = vec!["$cookie_session".parse().unwrap(), "$arg_fresh".parse().unwrap()];
    let house = keeping(&url, RouteCache { bypass, ..cache() }).await;
    for _ in 0..2 {
        let answer = get(house.address, "/", "cookie: session=1\r\n").await;
        assert_eq!(header(&answer, "cache-status"), Some("tidegate; fwd=bypass"));
    }
    assert_eq!(asked(&heard), 2);
    for _ in 0..2 {
        get(house.address, "/?fresh=0", "").await;
    }
    assert_eq!(asked(&heard), 3);
}

#[tokio::test]
async fn a_kept_answer_is_compressed_for_those_who_want_it() {
    let text = "hello ".repeat(1_000);
    let (url, heard) =
        upstream(&ok("cache-control: max-age=60\r\ncontent-type: text/plain\r\n", &text)).await;
    let mut proxy = proxy(&[&url]);
    proxy.cache = Some(cache());
    let mut route = route(Action::Proxy(Box::new(proxy)));
    route.compression = Some(CompressionRules::default());
    let house = open(site(vec![(below("/"), route)])).await;
    get(house.address, "/", "").await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let request = "GET / HTTP/1.0\r\nhost: app.test\r\naccept-encoding: gzip\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&answer[..at]).into_owned();
    assert_eq!(header(&head, "content-encoding"), Some("gzip"));
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&answer[at..]).read_to_string(&mut plain).unwrap();
    assert_eq!((plain, asked(&heard)), (text, 1));
}

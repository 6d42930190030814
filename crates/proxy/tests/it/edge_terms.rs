//! A route's terms: addresses, sign-in, limits, CORS, headers, fixed answers, pages of errors.

use std::sync::Arc;

use http::header::HeaderName;
use http::{HeaderValue, Method, StatusCode};
use tidegate_policy::edge::basic_auth::{BasicUsers, HashedPassword};
use tidegate_policy::edge::cors::CorsRules;
use tidegate_policy::edge::headers::{HeaderChange, HeaderRules};
use tidegate_policy::limit::Scope;
use tidegate_policy::limit::spec::Spec;
use tidegate_proxy::edge::{Action, BasicDoor, Site};

use crate::edge_house::{below, body, get, header, open, proxy, route, say, site, status, upstream};

const OK: &str =
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nserver: app\r\naccess-control-allow-origin: *\r\n\r\nok";

fn fixed(words: &'static str) -> Action {
    Action::Respond {
        status: StatusCode::OK,
        content_type: HeaderValue::from_static("text/plain"),
        body: words.into(),
    }
}

#[tokio::test]
async fn fixed_answers_and_redirects() {
    let elsewhere = Action::Redirect {
        to: "https://$host/new$is_args$args".parse().unwrap(),
        status: StatusCode::PERMANENT_REDIRECT,
    };
    let mut quiet = route(fixed("ok"));
    quiet.is_logged = false;
    let house = open(site(vec![(below("/up"), quiet), (below("/old"), route(elsewhere))])).await;
    assert_eq!(body(&get(house.address, "/up", "").await), "ok");
    let answer = get(house.address, "/old?a=b", "").await;
    assert_eq!((status(&answer), header(&answer, "location")), ("308", Some("https://app.test/new?a=b")));
    assert_eq!(house.only_line()["endpoint"], "redirect", "the other is not written down");
}

#[tokio::test]
async fn limits_hold_for_each_address_and_say_when_to_come_back() {
    let spec = serde_json::json!({"name": "few", "by": "ip", "of": "requests", "limit": 2, "per": "minute"});
    let rule = serde_json::from_value::<Spec>(spec).unwrap().check("routes", Scope::Ip).unwrap();
    let mut limited = route(fixed("ok"));
    limited.limits = vec![Arc::new(rule)];
    let house = open(site(vec![(below("/"), limited)])).await;
    let first = get(house.address, "/", "").await;
    assert!(header(&first, "ratelimit").is_some(), "{first}");
    assert_eq!(status(&get(house.address, "/", "").await), "200");
    let refused = get(house.address, "/", "").await;
    assert_eq!(status(&refused), "429");
    assert!(header(&refused, "retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(body(&refused).starts_with("429 Too Many Requests"), "{refused}");
}

#[tokio::test]
async fn who_has_no_name_is_asked_for_one() {
    let users = [("eva".to_owned(), HashedPassword::new("right", "salt", 10))].into();
    let mut closed = route(fixed("inside"));
    closed.basic = Some(BasicDoor { users: BasicUsers::new(users, [7; 32]), realm: "the \"house\"".into() });
    let house = open(site(vec![(below("/"), closed)])).await;
    let asked = get(house.address, "/", "").await;
    assert_eq!(status(&asked), "401");
    assert!(header(&asked, "www-authenticate").unwrap().starts_with("Basic realm=\"the house\""));
    // eva:wrong, eva:right
    assert_eq!(status(&get(house.address, "/", "authorization: Basic ZXZhOndyb25n\r\n").await), "401");
    assert_eq!(body(&get(house.address, "/", "authorization: Basic ZXZhOnJpZ2h0\r\n").await), "inside");
    // Of two, whoever stands behind might read the other one.
    let twice = "authorization: Basic ZXZhOnJpZ2h0\r\nauthorization: Basic ZXZhOnJpZ2h0\r\n";
    assert_eq!(status(&get(house.address, "/", twice).await), "401");
}

#[tokio::test]
async fn browsers_are_told_whose_pages_may_ask_and_a_preflight_never_reaches_the_server() {
    let (url, heard) = upstream(OK).await;
    let mut rule = below("/");
    rule.methods = vec![Method::POST];
    let mut shared = route(Action::Proxy(Box::new(proxy(&[&url]))));
    shared.cors = Some(CorsRules {
        origins: vec!["https://app.test".into()],
        credentials: true,
        ..CorsRules::default()
    });
    let house = open(site(vec![(rule, shared)])).await;
    let preflight = |origin: &str| {
        format!(
            "OPTIONS / HTTP/1.1\r\nhost: h\r\nconnection: close\r\norigin: {origin}\r\naccess-control-request-method: POST\r\n\r\n"
        )
    };
    let good = say(house.address, &preflight("https://app.test")).await;
    assert_eq!(
        (status(&good), header(&good, "access-control-allow-origin")),
        ("204", Some("https://app.test"))
    );
    let bad = say(house.address, &preflight("https://evil.test")).await;
    assert_eq!(header(&bad, "access-control-allow-origin"), None);
    assert!(heard.lock().unwrap().is_empty());
    let post = "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\norigin: https://app.test\r\ncontent-length: 0\r\n\r\n";
    let answer = say(house.address, post).await;
    assert_eq!(answer.matches("access-control-allow-origin").count(), 1, "{answer}");
    assert_eq!(header(&answer, "access-control-allow-origin"), Some("https://app.test"));
}

#[tokio::test]
async fn headers_are_changed_in_both_directions() {
    let (url, heard) = upstream(OK).await;
    let name = HeaderName::from_static;
    let mut changed = route(Action::Proxy(Box::new(proxy(&[&url]))));
    changed.request_headers = HeaderRules {
        changes: vec![
            HeaderChange::Set(name("x-client"), "$remote_addr".parse().unwrap()),
            HeaderChange::Set(name("host"), "inner.test".parse().unwrap()),
            HeaderChange::Remove(name("cookie")),
        ],
    };
    changed.answer_headers = HeaderRules {
        changes: vec![
            HeaderChange::Remove(name("server")),
            HeaderChange::Set(name("x-status"), "$status".parse().unwrap()),
        ],
    };
    let site = Site { security: Some(None), ..site(vec![(below("/"), changed)]) };
    let house = open(site).await;
    let answer = get(house.address, "/", "cookie: a=b\r\n").await;
    assert_eq!((header(&answer, "server"), header(&answer, "x-status")), (None, Some("200")));
    assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
    let request = heard.lock().unwrap()[0].clone();
    assert_eq!(
        (header(&request, "x-client"), header(&request, "host")),
        (Some("127.0.0.1"), Some("inner.test"))
    );
    assert_eq!(header(&request, "cookie"), None);
}

#[tokio::test]
async fn an_error_can_have_a_page_of_its_own() {
    let mut paged = site(vec![(below("/"), route(Action::Proxy(Box::new(proxy(&["http://127.0.0.1:1"])))))]);
    paged.error_pages.insert(502, "<h1>back soon</h1>".into());
    let house = open(paged).await;
    let answer = get(house.address, "/", "").await;
    assert_eq!((status(&answer), body(&answer)), ("502", "<h1>back soon</h1>"));
    assert_eq!(header(&answer, "content-type"), Some("text/html; charset=utf-8"));
}

#[tokio::test]
async fn fault_79_a_log_in_nginxs_words_has_one_line_a_request_whatever_is_in_it() {
    let (url, _) = upstream(OK).await;
    let mut site = site(vec![(below("/"), route(Action::Proxy(Box::new(proxy(&[&url])))))]);
    let format = "$remote_addr \"$request\" $status $body_bytes_sent \"$http_user_agent\" rt=$request_time urt=$upstream_response_time up=$upstream_addr";
    site.log = Some(format.parse().unwrap());
    let house = open(site).await;
    get(house.address, "/a?b=c", "user-agent: \"evil\\\tone\r\n").await;
    say(house.address, "GET /%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let log = house.log_text();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    let server = url.trim_start_matches("http://");
    let times = |line: &str| {
        let (before, rest) = line.split_once(" rt=").unwrap();
        assert!(rest.starts_with("0."), "{line}");
        (before.to_owned(), rest.rsplit_once(" up=").unwrap().1.to_owned())
    };
    let (before, upstream) = times(lines[0]);
    assert_eq!(before, "127.0.0.1 \"GET /a?b=c HTTP/1.1\" 200 2 \"\\x22evil\\x5C\\x09one\"");
    assert!(upstream.contains(server), "{}", lines[0]);
    assert_eq!(times(lines[1]).0, "127.0.0.1 \"GET /%zz HTTP/1.1\" 400 109 \"-\"");
}

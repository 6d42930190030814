//! Templates, and what they write.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, Version};
use proptest::prelude::*;

use super::*;

fn render(template: &str, scene: &Scene<'_>, escape: Escape) -> String {
    let mut out = Vec::new();
    template.parse::<Template>().unwrap().render(scene, escape, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_combined_log_and_its_times_are_written() {
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", "a\"b".parse().unwrap());
    headers.insert("cookie", "x=1; sid=s3".parse().unwrap());
    let answer = HeaderMap::new();
    let tries = [
        Try { address: "10.0.0.1:80", end: Some(Duration::from_millis(7)), ..Try::default() },
        Try { address: "10.0.0.2:80", status: Some(StatusCode::OK), ..Try::default() },
    ];
    let scene = Scene {
        request: Some((&Method::GET, Version::HTTP_11, &headers)),
        request_uri: Some("/x?a=1"),
        query: Some("a=1"),
        client: Some("192.0.2.1".parse().unwrap()),
        now: 784_111_777_123_000,
        elapsed: Some(Duration::from_millis(1_002)),
        answer: Some((StatusCode::OK, &answer)),
        sent: Some((120, 20)),
        tries: &tries,
        ..Scene::default()
    };
    let combined = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
    assert_eq!(
        render(combined, &scene, Escape::Log),
        r#"192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] "GET /x?a=1 HTTP/1.1" 200 20 "-" "a\x22b""#
    );
    let times = "rt=$request_time uct=$upstream_connect_time urt=$upstream_response_time ua=$upstream_addr us=$upstream_status";
    assert_eq!(
        render(times, &scene, Escape::Log),
        "rt=1.002 uct=-, - urt=0.007, - ua=10.0.0.1:80, 10.0.0.2:80 us=-, 200"
    );
    assert_eq!(render("${arg_a}b$cookie_sid$$$msec", &scene, Escape::None), "1bs3$784111777.123");
    assert_eq!(render(r#"{"a":"$http_user_agent"}"#, &scene, Escape::Json), r#"{"a":"a\"b"}"#);
}

#[test]
fn names_that_do_not_exist_are_refused_with_a_hint() {
    for bad in ["$", "${}", "${host", "a$ b", "$hosts", "$nothing", "$http_", "$arg_"] {
        assert!(bad.parse::<Template>().is_err(), "{bad}");
    }
    assert_eq!("$hosts".parse::<Template>().unwrap_err(), "`$hosts` is no variable; did you mean `$host`?");
}

#[test]
fn every_word_is_in_its_place_and_has_a_value() {
    assert!(WORDS.is_sorted());
    let headers = HeaderMap::new();
    let tries = [Try::default()];
    let scene = Scene {
        request: Some((&Method::GET, Version::HTTP_2, &headers)),
        request_uri: Some("/"),
        path: Some("/"),
        query: Some(""),
        host: Some("h"),
        scheme: Some("https"),
        client: Some("::1".parse().unwrap()),
        peer: Some("[::1]:2".parse().unwrap()),
        local: Some("[::1]:1".parse().unwrap()),
        user: Some("u"),
        request_id: Some("r"),
        route: Some("r"),
        connection: Some((1, 1)),
        tls: Some(("TLSv1.3", "c", Some("h"))),
        now: 0,
        elapsed: Some(Duration::ZERO),
        request_length: Some(0),
        answer: Some((StatusCode::OK, &headers)),
        sent: Some((0, 0)),
        tries: &tries,
        upstream_headers: None,
        cache_status: Some("HIT"),
    };
    for (word, _) in WORDS {
        assert!(scene.push(&Variable::Word(word), &mut Vec::new()).is_some(), "{word}");
    }
}

#[test]
fn a_value_with_a_line_break_is_no_header() {
    let scene = Scene { path: Some("/a\r\nx: y"), ..Scene::default() };
    assert_eq!("$uri".parse::<Template>().unwrap().header_value(&scene), None);
    assert_eq!("$host".parse::<Template>().unwrap().header_value(&scene), None);
}

proptest! {
    #[test]
    fn values_never_break_a_log_line_or_a_json_string(value in ".*") {
        let scene = Scene { path: Some(&value), ..Scene::default() };
        let line = render("$uri", &scene, Escape::Log);
        prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"'), "{}", line);
        let json = render("\"$uri\"", &scene, Escape::Json);
        prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
    }

    #[test]
    fn no_template_makes_it_panic(text in "[$a-z{}_ ]{0,20}|.*") {
        let _ = text.parse::<Template>();
    }
}

#[test]
fn a_variable_that_would_always_be_empty_is_found() {
    use super::Moment::{Answer, Log, Request};
    for (text, moment, is_good) in [
        ("$host $uri $http_x $ssl_protocol $remote_user", Request, true),
        ("$server_port", Request, false),
        ("$connection", Log, false),
        ("$upstream_addr", Request, false),
        ("$upstream_addr", Answer, false),
        ("$upstream_addr $upstream_connect_time $request_time", Log, true),
        ("$status", Request, false),
        ("$status $sent_http_etag $upstream_http_etag $upstream_cache_status", Answer, true),
        ("$sent_http_etag", Request, false),
        ("$sent_http_etag", Log, false),
        ("$body_bytes_sent", Answer, false),
    ] {
        let template: Template = text.parse().unwrap();
        assert_eq!(template.fault_at(moment).is_none(), is_good, "{text} {moment:?}");
    }
    let template: Template = "x$upstream_http_x_y".parse().unwrap();
    assert_eq!(
        template.fault_at(Request).as_deref(),
        Some("`$upstream_http_x_y` is known when the answer is there")
    );
}

#[test]
fn the_host_of_an_ipv6_address_keeps_its_brackets() {
    let template: Template = "https://$host$request_uri".parse().unwrap();
    let scene = Scene { host: Some("::1"), request_uri: Some("/a"), ..Scene::default() };
    let mut out = Vec::new();
    template.render(&scene, Escape::None, &mut out);
    assert_eq!(out, b"https://[::1]/a");
}

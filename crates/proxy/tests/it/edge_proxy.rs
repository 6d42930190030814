//! The edge as a reverse proxy, against servers that say exactly what they are told.

use std::time::Duration;

use http::{Method, StatusCode};
use tidegate_policy::edge::client::TrustedProxies;
use tidegate_policy::edge::next_upstream::NextUpstream;
use tidegate_policy::edge::rewrite::Rewrite;
use tidegate_policy::edge::route::{PathPattern, RouteRule};
use tidegate_proxy::edge::site::{AiPath, Change};
use tidegate_proxy::edge::{Action, HostSent, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::edge_house::{below, body, get, header, open, passing, proxy, route, say, site, status, upstream};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-app: yes\r\n\r\nok";

fn proxied(proxy: Proxy) -> Action {
    Action::Proxy(Box::new(proxy))
}

#[tokio::test]
async fn a_request_is_passed_on_with_what_is_known_of_the_client_and_written_down() {
    let (url, heard) = upstream(OK).await;
    let house = passing(&url).await;
    let answer = get(house.address, "/a/./b?x=1", "x-forwarded-for: 6.6.6.6\r\nx-real-ip: 6.6.6.6\r\n").await;
    assert_eq!((status(&answer), body(&answer), header(&answer, "x-app")), ("200", "ok", Some("yes")));
    assert!(header(&answer, "x-request-id").is_some(), "{answer}");
    let request = heard.lock().unwrap()[0].clone();
    assert!(request.starts_with("GET /a/b?x=1 HTTP/1.1\r\nhost: app.test\r\n"), "{request}");
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "app.test"),
        ("via", "1.1 tidegate"),
    ] {
        assert_eq!(header(&request, name), Some(value), "{request}");
    }
    assert_eq!(header(&request, "x-request-id"), header(&answer, "x-request-id"));
    let line = house.only_line();
    assert_eq!(
        (&line["endpoint"], &line["status"], &line["outcome"]),
        (&"proxy".into(), &200.into(), &"complete".into())
    );
    assert_eq!(line["target"], url.as_str());
    assert!(house.rows().is_empty(), "the ledger is for AI");
}

#[tokio::test]
async fn rfc_9110_7_6_1_what_concerns_one_connection_goes_no_further() {
    let (url, heard) = upstream(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nkeep-alive: timeout=5\r\nconnection: x-hop\r\nx-hop: 1\r\nproxy-authenticate: Basic\r\n\r\nok",
    )
    .await;
    let house = passing(&url).await;
    let answer = get(
        house.address,
        "/",
        "te: trailers, deflate\r\nproxy-authorization: x\r\nx-drop: 1\r\nupgrade: h2c\r\nhttp2-settings: AA\r\nproxy-connection: x\r\n",
    )
    .await;
    for name in ["keep-alive", "x-hop", "proxy-authenticate"] {
        assert_eq!(header(&answer, name), None, "{answer}");
    }
    let request = heard.lock().unwrap()[0].clone();
    for name in ["proxy-authorization", "upgrade", "http2-settings", "proxy-connection", "connection"] {
        assert_eq!(header(&request, name), None, "{request}");
    }
    assert_eq!(header(&request, "te"), Some("trailers"));
}

#[tokio::test]
async fn fault_12_the_same_path_decides_the_route_and_is_what_the_upstream_gets() {
    let (open_url, open_heard) = upstream(OK).await;
    let (secret_url, secret_heard) = upstream(OK).await;
    let mut secret = route(proxied(proxy(&[&secret_url])));
    secret.addresses.refuses_others = true;
    let house =
        open(site(vec![(below("/"), route(proxied(proxy(&[&open_url])))), (below("/admin"), secret)])).await;
    for path in [
        "/admin/x",
        "/%61dmin/x",
        "/./admin/x",
        "//admin/x",
        "/a/../admin/x",
        "/a/%2e%2e/admin/x",
        "/a/..//admin",
    ] {
        assert_eq!(status(&get(house.address, path, "").await), "403", "{path}");
    }
    for path in
        ["/a/..%2fadmin", "/a/..%5cadmin", "/a;b/admin", "/%00", "/..%252fadmin", "/../admin", "/%c0%ae/x"]
    {
        assert_eq!(status(&get(house.address, path, "").await), "400", "{path}");
    }
    assert_eq!(status(&get(house.address, "/b/../c", "").await), "200");
    assert!(open_heard.lock().unwrap()[0].starts_with("GET /c HTTP/1.1"));
    assert_eq!((open_heard.lock().unwrap().len(), secret_heard.lock().unwrap().len()), (1, 0));
}

#[tokio::test]
async fn rfc_9112_6_3_a_request_that_ends_in_two_places_is_refused() {
    let (url, heard) = upstream(OK).await;
    let house = passing(&url).await;
    for framing in [
        "content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "content-length: 3\r\ncontent-length: 4\r\n\r\nabc",
        "content-length: 3\r\ncontent-length: 3\r\n\r\nabc",
        "content-length: +3\r\n\r\nabc",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        " folded: x\r\n\r\n",
    ] {
        let answer =
            say(house.address, &format!("POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{framing}"))
                .await;
        assert_eq!(status(&answer), "400", "{framing:?}: {answer}");
    }
    assert!(heard.lock().unwrap().is_empty(), "{heard:?}");
}

#[tokio::test]
async fn rfc_9112_3_2_whom_a_request_is_for_must_be_certain() {
    let (url, heard) = upstream(OK).await;
    let house = passing(&url).await;
    for request in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n",
        "GET http://b/ HTTP/1.1\r\nhost: a\r\n",
        "GET / HTTP/1.1\r\nhost: a b\r\n",
        "GET / HTTP/1.1\r\nhost: u@a\r\n",
    ] {
        let answer = say(house.address, &format!("{request}connection: close\r\n\r\n")).await;
        assert_eq!(status(&answer), "400", "{request:?}: {answer}");
    }
    let answer = say(house.address, "TRACE / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert_eq!(status(&answer), "405");
    assert!(heard.lock().unwrap().is_empty(), "{heard:?}");
}

#[tokio::test]
async fn a_body_goes_up_as_it_comes_and_its_bound_holds() {
    let (url, heard) = upstream(OK).await;
    let house = passing(&url).await;
    let chunked = "POST /up HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(status(&say(house.address, chunked).await), "200");
    let request = heard.lock().unwrap()[0].clone();
    assert!(request.contains("transfer-encoding: chunked") && request.ends_with("0\r\n\r\n"), "{request}");
    let whole = "POST /up HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 5\r\n\r\nabcde";
    assert_eq!(status(&say(house.address, whole).await), "200");
    let request = heard.lock().unwrap()[1].clone();
    assert!(request.contains("content-length: 5\r\n") && request.ends_with("\r\n\r\nabcde"), "{request}");
    let large = "POST /up HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 1048577\r\n\r\n";
    assert_eq!(status(&say(house.address, large).await), "413");
    let mut growing =
        "POST /up HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    for _ in 0..17 {
        growing += &format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    }
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    // The gateway answers, and closes, before all has been sent.
    let _ = stream.write_all(growing.as_bytes()).await;
    let mut read = vec![0; 12];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(status(&String::from_utf8_lossy(&read)), "413");
}

#[tokio::test]
async fn an_answers_pieces_leave_as_they_come() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (go, mut told) = tokio::sync::mpsc::channel::<()>(1);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            .await
            .unwrap();
        told.recv().await;
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    });
    let house = passing(&url).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("first") {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
    }
    go.send(()).await.unwrap();
    stream.read_to_end(&mut read).await.unwrap();
    assert!(String::from_utf8_lossy(&read).contains("second"));
}

#[tokio::test]
async fn an_answer_that_is_cut_is_not_ended_as_if_it_were_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let url = crate::raw_upstream::canned(answer.as_bytes().to_vec()).await;
        let house = passing(url.trim_end_matches("/v1")).await;
        let told = get(house.address, "/", "").await;
        assert!(told.contains("abc") && !told.ends_with("0\r\n\r\n"), "{told}");
        let line = house.only_line();
        assert_eq!((&line["outcome"], &line["error"]), (&"failed".into(), &"answer_cut".into()));
    }
}

#[tokio::test]
async fn head_not_modified_and_no_content_have_no_body() {
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 2000\r\netag: \"x\"\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\netag: \"x\"\r\n\r\n"),
    ] {
        let (url, _) = upstream(answer).await;
        let house = passing(&url).await;
        let told =
            say(house.address, &format!("{method} / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")).await;
        assert_eq!(status(&told), status(answer));
        assert_eq!((header(&told, "etag"), body(&told)), (Some("\"x\""), ""), "{told}");
        if method == "HEAD" {
            assert_eq!(header(&told, "content-length"), Some("2000"), "{told}");
        }
        assert_eq!(house.only_line()["outcome"], "complete");
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_passed_over_and_all_down_is_a_plain_502() {
    let (url, heard) = upstream(OK).await;
    let servers = ["http://127.0.0.1:1", url.as_str()];
    let house = open(site(vec![(below("/"), route(proxied(proxy(&servers))))])).await;
    let post = "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc";
    assert_eq!(status(&say(house.address, post).await), "200", "nothing had been sent to the first");
    assert!(heard.lock().unwrap()[0].ends_with("abc"));
    let house = passing("http://127.0.0.1:1").await;
    let answer = get(house.address, "/", "").await;
    assert_eq!(status(&answer), "502");
    assert_eq!(header(&answer, "content-type"), Some("text/plain; charset=utf-8"));
    let id = header(&answer, "x-request-id").unwrap();
    assert!(body(&answer).contains(id) && !body(&answer).contains("127.0.0.1"), "{answer}");
    assert_eq!(house.only_line()["error"], "server_unreachable");
}

#[tokio::test]
async fn what_may_have_been_done_once_is_not_done_twice() {
    let (url, heard) = upstream(OK).await;
    let breaking = crate::raw_upstream::canned(Vec::new()).await;
    let servers = [breaking.trim_end_matches("/v1"), url.as_str()];
    let house = open(site(vec![(below("/"), route(proxied(proxy(&servers))))])).await;
    let request = |method: &str| {
        format!("{method} / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc")
    };
    assert_eq!(status(&say(house.address, &request("POST")).await), "502");
    assert!(heard.lock().unwrap().is_empty());
    assert_eq!(status(&say(house.address, &request("PUT")).await), "200");
    assert!(heard.lock().unwrap()[0].ends_with("abc"), "the body was not sent again");
}

#[tokio::test]
async fn statuses_that_the_route_names_send_a_request_on_but_the_last_answer_stands() {
    let (busy, _) = upstream("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy").await;
    let (url, _) = upstream(OK).await;
    let next = NextUpstream { statuses: vec![StatusCode::SERVICE_UNAVAILABLE], ..NextUpstream::default() };
    let house = open(site(vec![
        (below("/"), route(proxied(Proxy { next: next.clone(), ..proxy(&[&busy, &url]) }))),
        (below("/all"), route(proxied(Proxy { next, ..proxy(&[&busy, &busy]) }))),
    ]))
    .await;
    assert_eq!(body(&get(house.address, "/", "").await), "ok");
    let last = get(house.address, "/all", "").await;
    assert_eq!((status(&last), body(&last)), ("503", "busy"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_a_504_and_a_client_that_stops_sending_a_408() {
    let silent = crate::raw_upstream::upstream(|_, stream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let mut impatient = proxy(&[silent.trim_end_matches("/v1")]);
    impatient.times.answer = Duration::from_millis(200);
    impatient.times.connect = Duration::from_millis(200);
    let house = open(site(vec![(below("/"), route(proxied(impatient)))])).await;
    assert_eq!(status(&get(house.address, "/", "").await), "504");
    let half = "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 10\r\n\r\nhalf";
    assert_eq!(status(&say(house.address, half).await), "408");
}

#[tokio::test]
async fn paths_are_stripped_rewritten_and_put_behind_the_servers_own() {
    let (url, heard) = upstream(OK).await;
    let base = format!("{url}/base");
    let strip = Change { strip: Some("/api".into()), ..Change::default() };
    let regex = Rewrite::Regex(regex("^/old/(.*)$"), "/new/$1?from=old".parse().unwrap());
    let house = open(site(vec![
        (below("/api/"), route(proxied(Proxy { change: strip, host: HostSent::Server, ..proxy(&[&url]) }))),
        (below("/base/"), route(proxied(proxy(&[&base])))),
        (
            below("/old/"),
            route(proxied(Proxy {
                change: Change { rewrite: regex, ..Change::default() },
                ..proxy(&[&url])
            })),
        ),
    ]))
    .await;
    for path in ["/api/users?x=1", "/api/", "/base/x", "/old/a/b?c=d"] {
        assert_eq!(status(&get(house.address, path, "").await), "200", "{path}");
    }
    let heard = heard.lock().unwrap();
    let lines: Vec<&str> = heard.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "GET /users?x=1 HTTP/1.1",
            "GET / HTTP/1.1",
            "GET /base/base/x HTTP/1.1",
            "GET /new/a/b?from=old&c=d HTTP/1.1"
        ]
    );
    assert!(url.ends_with(header(&heard[0], "host").unwrap()));
}

fn regex(text: &str) -> regex::Regex {
    regex::Regex::new(text).unwrap()
}

#[tokio::test]
async fn fault_8_only_trusted_proxies_say_for_whom_they_ask() {
    let (url, heard) = upstream(OK).await;
    let mut trusting = site(vec![(below("/"), route(proxied(proxy(&[&url]))))]);
    trusting.trusted =
        TrustedProxies { networks: vec!["127.0.0.0/8".parse().unwrap()], ..TrustedProxies::default() };
    let house = open(trusting).await;
    get(house.address, "/", "x-forwarded-for: 6.6.6.6, 9.9.9.9\r\nx-forwarded-proto: https\r\n").await;
    let request = heard.lock().unwrap()[0].clone();
    assert_eq!(header(&request, "x-real-ip"), Some("9.9.9.9"));
    assert_eq!(header(&request, "x-forwarded-for"), Some("6.6.6.6, 9.9.9.9, 127.0.0.1"));
    assert_eq!(header(&request, "x-forwarded-proto"), Some("https"));
}

#[tokio::test]
async fn any_path_can_lead_to_the_ai_gateway_and_what_no_route_takes_does() {
    let exact =
        |path: &str| RouteRule { paths: vec![PathPattern::Exact(path.into())], ..RouteRule::default() };
    let strip = Change { strip: Some("/api".into()), ..Change::default() };
    let mut post_only = exact("/chat");
    post_only.methods = vec![Method::POST];
    let house = open(site(vec![
        (exact("/generate"), route(Action::Ai(AiPath::As("/v1/chat/completions")))),
        (below("/api/v1/"), route(Action::Ai(AiPath::Own(strip)))),
        (post_only, route(Action::Ai(AiPath::As("/v1/chat/completions")))),
    ]))
    .await;
    for path in ["/generate", "/api/v1/chat/completions", "/v1/chat/completions", "/chat"] {
        let answer = house.post("chat", path, &crate::house::chat("chat/text")).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    assert_eq!(status(&get(house.address, "/health", "").await), "200");
    let wrong = get(house.address, "/chat", "").await;
    assert_eq!((status(&wrong), header(&wrong, "allow")), ("405", Some("POST")));
    assert_eq!(house.rows().len(), 4, "every attempt is in the ledger");
}

#[tokio::test]
async fn names_with_underscores_are_not_taken_for_what_only_the_gateway_may_say() {
    let (url, heard) = upstream(OK).await;
    let house = passing(&url).await;
    get(
        house.address,
        "/",
        "x_forwarded_for: 6.6.6.6\r\nX-Forwarded_For: 7.7.7.7\r\nx_user: admin\r\nx-app: a_b\r\n",
    )
    .await;
    let request = heard.lock().unwrap()[0].clone();
    assert!(
        !request.contains("6.6.6.6") && !request.contains("7.7.7.7") && !request.contains("admin"),
        "{request}"
    );
    assert_eq!(header(&request, "x-app"), Some("a_b"));
}

#[tokio::test]
async fn rfc_9113_8_2_3_cookies_in_pieces_become_one_for_the_server() {
    let (url, heard) = upstream(OK).await;
    let house = passing(&url).await;
    get(house.address, "/", "cookie: sid=abc\r\ncookie: theme=dark; x=y\r\n").await;
    let request = heard.lock().unwrap()[0].clone();
    assert_eq!(header(&request, "cookie"), Some("sid=abc; theme=dark; x=y"), "{request}");
    assert_eq!(request.to_ascii_lowercase().matches("cookie:").count(), 1);
}

/// A server that answers the first request of each connection, and closes at the second.
async fn closing() -> String {
    let url = crate::raw_upstream::upstream(|_, mut stream| async move {
        if crate::raw_upstream::read_request(&mut stream).await.is_some() {
            stream.write_all(OK.as_bytes()).await.unwrap();
            let _ = crate::raw_upstream::read_request(&mut stream).await;
        }
    })
    .await;
    url.trim_end_matches("/v1").to_owned()
}

#[tokio::test]
async fn fault_59_a_kept_connection_that_its_server_closes_is_no_502() {
    let house = passing(&closing().await).await;
    for _ in 0..4 {
        assert_eq!(status(&get(house.address, "/", "").await), "200");
    }
    let post = "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc";
    assert_eq!(status(&say(house.address, post).await), "502", "it may have been done already");
}

#[tokio::test]
async fn a_folder_without_its_slash_is_found() {
    let (url, heard) = upstream(OK).await;
    let to = |path: &str| (below(path), route(proxied(proxy(&[&url]))));
    let exact = RouteRule { paths: vec![PathPattern::Exact("/own".into())], ..RouteRule::default() };
    let plain = |body: &str| Action::Respond {
        status: StatusCode::OK,
        content_type: "text/plain".parse().unwrap(),
        body: body.to_owned().into(),
    };
    let house = open(site(vec![
        to("/app/"),
        to("/own/"),
        (exact, route(plain("exact"))),
        (below("/said/"), route(plain("said"))),
        (below("/"), route(plain("root"))),
    ]))
    .await;
    let answer = get(house.address, "/app?a=1", "").await;
    assert_eq!((status(&answer), header(&answer, "location")), ("301", Some("/app/?a=1")), "{answer}");
    let post = "POST /./app HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let answer = say(house.address, post).await;
    assert_eq!((status(&answer), header(&answer, "location")), ("308", Some("/app/")), "{answer}");
    for (path, told) in [("/own", "exact"), ("/said", "root"), ("/apps", "root"), ("/app/", "ok")] {
        assert_eq!(body(&get(house.address, path, "").await), told, "{path}");
    }
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_time_to_connect_is_in_the_log() {
    let (url, _) = upstream(OK).await;
    let mut site = site(vec![(below("/"), route(proxied(proxy(&[&url]))))]);
    site.log = Some("uct=$upstream_connect_time/$upstream_bytes_received".parse().unwrap());
    let house = open(site).await;
    for _ in 0..2 {
        assert_eq!(status(&get(house.address, "/", "").await), "200");
    }
    let text = house.log_text();
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("uct=0."), "{text}");
    assert_eq!(lines.next(), Some("uct=0.000/2"), "on a lane that was open: {text}");
}

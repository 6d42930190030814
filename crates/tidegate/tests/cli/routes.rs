//! A config with routes: explained, and running.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use crate::gateway::{Gateway, ask, chat, folder_with, get, tidegate};
use crate::secure;

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/site-and-chatbot")
}

/// A copy of a folder, for a gateway that writes into it.
fn copied(from: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(from, folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn explained(url: &str, method: &str) -> String {
    let command = ["explain", "--config", "tidegate.yaml", "--url", url, "--method", method];
    let output = tidegate(&example(), &command).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_url_is_explained_by_the_route_that_takes_it() {
    let all = [
        ("/api/v1/models", "GET"),
        ("http://x/api/users", "POST"),
        ("/assets/../chat/x", "GET"),
        ("/any", "GET"),
    ];
    let all: Vec<String> = all.iter().map(|(url, method)| explained(url, method)).collect();
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(all.join("\n")) });
}

fn started(name: &str) -> (tempfile::TempDir, Gateway) {
    let folder = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name));
    let gateway = Gateway::start(folder.path());
    (folder, gateway)
}

#[test]
fn the_example_of_a_chat_api_answers_limits_and_keeps_its_metrics_inside() {
    let (_folder, gateway) = started("chat-api");
    let answer = ask(gateway.address, "POST", "/v1/chat", &chat("demo/echo", "chat api", false));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("chat api"), "{answer}");
    assert!(
        answer.contains("\"routes:api_limit\";r=49") && answer.contains("\"routes:conn_limit\";r=9"),
        "{answer}"
    );
    assert!(answer.contains("x-frame-options: SAMEORIGIN"), "{answer}");
    assert!(get(gateway.address, "/health").ends_with("{\"status\":\"healthy\"}\n"));
    for path in ["/metrics", "/anything"] {
        assert!(get(gateway.address, path).starts_with("HTTP/1.1 502"), "the application is not there");
    }
}

#[test]
fn the_example_of_generate_limits_each_user_by_himself() {
    let (_folder, gateway) = started("generate-api");
    for (user, left) in [("u-1", 99), ("u-1", 98), ("u-2", 99)] {
        let body = chat("generate", "for many", false).replacen('{', &format!("{{\"user\":\"{user}\","), 1);
        let answer = ask(gateway.address, "POST", "/generate", &body);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("for many"), "{answer}");
        assert!(answer.contains(&format!("\"per-user\";r={left}")), "{answer}");
    }
}

#[test]
fn the_example_of_several_applications_has_site_and_models_on_one_origin() {
    let folder = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/several-apps"));
    // On the ports of both of its doors others may listen.
    let config = folder.path().join("tidegate.yaml");
    let free = std::fs::read_to_string(&config).unwrap().replace(":8080,", ":0,").replace(":8443,", ":0,");
    std::fs::write(config, free).unwrap();
    let gateway = Gateway::start_with(tidegate(folder.path(), &["run", "--admin", "127.0.0.1:0"]));
    assert!(get(gateway.address, "/chat/").starts_with("HTTP/1.1 308"), "to https");
    let (_, rest) = gateway.said.split_once("listening https://").expect("a door with TLS");
    let address = rest.lines().next().unwrap().parse().unwrap();
    let client = secure::careless();
    let get = |path: &str| secure::get(address, &client, "localhost", path).unwrap();
    let page = get("/");
    assert!(page.contains("<h1>Agents</h1>"), "{page}");
    assert!(page.contains("strict-transport-security: max-age=31536000; includeSubDomains"), "{page}");
    assert!(get("/api/v1/models").contains("demo/echo"));
    for path in ["/chat/", "/draw/x"] {
        assert!(get(path).starts_with("HTTP/1.1 502"), "the applications are not there");
    }
}

#[test]
fn what_no_route_takes_was_told_without_hsts() {
    let config = "admin: { address: 127.0.0.1:0 }\nlisten: [{ address: 127.0.0.1:0, tls: self-signed }]\nhsts: { max_age: 1y }\n";
    for routes in ["", "routes: [{ path: /here, respond: { body: ok } }]\n"] {
        let folder = folder_with(&format!("{config}{routes}"));
        let gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
        for path in ["/health", "/v1/models", "/nothing-here"] {
            let answer = secure::get(gateway.address, &secure::careless(), "localhost", path).unwrap();
            for header in
                ["strict-transport-security: max-age=31536000\r\n", "x-content-type-options: nosniff"]
            {
                assert!(answer.contains(header), "{routes:?} {path}: {answer}");
            }
        }
    }
}

#[test]
fn the_example_of_regions_asks_the_nearest() {
    let (_folder, gateway) = started("regions");
    for _ in 0..4 {
        let answer = ask(gateway.address, "POST", "/chat", &chat("chat", "near", false));
        assert!(answer.contains("x-tidegate-target: demo/echo\r\n") && answer.contains("near"), "{answer}");
    }
}

#[test]
fn the_example_for_an_nginx_front_end_serves_what_it_promises() {
    let folder = copied(&example());
    let gateway = Gateway::start(folder.path());
    let page = get(gateway.address, "/");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<h1>Chat</h1>"), "{page}");
    assert!(page.contains("x-content-type-options: nosniff"), "{page}");
    assert!(get(gateway.address, "/some/view").contains("<h1>Chat</h1>"), "the application's page");
    let style = get(gateway.address, "/assets/site.css");
    assert!(style.contains("cache-control: public, max-age=31536000, immutable"), "{style}");
    assert!(get(gateway.address, "/health").ends_with("ok\n"));
    let down = get(gateway.address, "/chat/");
    assert!(down.starts_with("HTTP/1.1 502") && down.contains("Back soon"), "{down}");
    for path in ["/api/v1/chat/completions", "/generate"] {
        let answer = ask(gateway.address, "POST", path, &chat("demo/echo", "same origin", false));
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("same origin"), "{path}: {answer}");
        assert_eq!(answer.contains("ratelimit:"), path.starts_with("/api"), "{answer}");
    }
}

#[test]
fn a_reload_changes_routes_without_a_restart() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 7\r\n\r\nproxied");
        }
    });
    let folder = folder_with("routes: [{ path: /x, respond: { body: first } }]\n");
    let mut gateway = Gateway::start(folder.path());
    assert!(get(gateway.address, "/x").ends_with("first"));
    std::fs::write(
        folder.path().join("tidegate.yaml"),
        format!("routes: [{{ path: /x, proxy: \"{url}\" }}]\n"),
    )
    .unwrap();
    gateway.wait_for_stderr("the config was taken over");
    assert!(get(gateway.address, "/x").ends_with("proxied"));
}

//! Starting: what is printed, what answers, what is refused.

use std::net::TcpListener;

use crate::gateway::{Gateway, ask, ask_with, chat, folder_with, get, tidegate};

#[test]
fn without_a_file_the_demo_answers_on_free_ports() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::start(folder.path());
    for address in [gateway.address, gateway.admin] {
        for path in ["/health", "/ready"] {
            assert!(get(address, path).starts_with("HTTP/1.1 200"), "{address}{path}");
        }
    }
    let answer = ask(gateway.address, "POST", "/v1/chat/completions", &chat("demo/echo", "Hello!", false));
    assert!(
        answer.contains("You said: Hello!") && answer.contains("x-tidegate-cost-usd: 0.0000"),
        "{answer}"
    );
    let line = gateway.wait_for_stdout("\"target\":");
    assert!(line.starts_with("\"demo/echo\"") && line.contains("\"cost_usd\":"), "{line}");
    gateway.signal("TERM");
    assert!(gateway.wait().success());
}

#[test]
fn what_is_printed_can_be_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::start(folder.path());
    let curl = gateway.wait_for_stdout("  curl ");
    let url = format!("http://{}/v1/chat/completions", gateway.address);
    assert!(curl.starts_with(&url), "{curl}");
    let body = curl.split("-d '").nth(1).unwrap().trim_end_matches('\'');
    assert!(ask(gateway.address, "POST", "/v1/chat/completions", body).contains("You said: Hello!"));
    gateway.wait_for_stdout(&format!("base_url=\"http://{}/v1\"", gateway.address));
}

#[test]
fn fault_80_keys_are_found_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "ANTHROPIC_API_KEY=sk-canary-1\n").unwrap();
    let mut command = tidegate(folder.path(), &["run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command.env("OPENAI_API_KEY", "sk-canary-2").env("TIDEGATE_LOG", "trace");
    let mut gateway = Gateway::start_with(command);
    assert!(
        gateway.said.contains("openai (key found in the environment), anthropic (key found"),
        "{}",
        gateway.said
    );
    let models = get(gateway.address, "/v1/models");
    let metrics = get(gateway.admin, "/metrics");
    assert!(models.contains("anthropic/claude-sonnet-4-5"), "{models}");
    gateway.signal("TERM");
    gateway.wait();
    for text in [&models, &metrics, &gateway.said] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (folder, address) = (tempfile::tempdir().unwrap(), taken.local_addr().unwrap().to_string());
    for flag in ["--listen", "--admin"] {
        let other = if flag == "--listen" { "--admin" } else { "--listen" };
        let output =
            tidegate(folder.path(), &["run", flag, &address, other, "127.0.0.1:0"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("cannot listen on {address}: another program has the port")),
            "{said}"
        );
        assert!(said.contains(&format!("tidegate run {flag} ")), "{said}");
    }
}

/// Asks the gateway on that port for an answer without a key.
fn asked_without_a_key(gateway: &Gateway) -> String {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], gateway.address.port()));
    ask(address, "POST", "/v1/chat/completions", &chat("demo/echo", "Hello!", false))
}

#[test]
fn beyond_loopback_a_key_is_needed_unless_the_config_says_otherwise() {
    let doors = "listen: [{ address: 0.0.0.0:0 }]\nadmin: { address: 127.0.0.1:0 }\n";
    let folder = folder_with(doors);
    let gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    assert!(gateway.address.ip().is_unspecified());
    let refused = asked_without_a_key(&gateway);
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("key_missing"), "{refused}");

    let folder = folder_with(&format!("insecure: {{ anonymous: true }}\n{doors}"));
    let gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    assert!(asked_without_a_key(&gateway).starts_with("HTTP/1.1 200"));

    let folder = folder_with(&format!("require_key: false\n{doors}"));
    let output = tidegate(folder.path(), &["run"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("tidegate.yaml:2:21") && said.contains("insecure: { anonymous: true }"), "{said}");
}

#[test]
fn a_key_made_on_the_command_line_opens_the_door_and_has_its_usage() {
    let folder = folder_with(
        "require_key: true\nlisten: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n",
    );
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    let admin_key = gateway.wait_for_stdout("  tga-");
    let limit = "of: requests, limit: 1, per: hour";
    let made = tidegate(folder.path(), &["keys", "create", "--name", "ci", "--limit", limit, "--json"])
        .output()
        .unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("tg-"), "{made}");
    let body = chat("demo/echo", "Hello!", false);
    let answer = ask_with(
        gateway.address,
        &format!("authorization: Bearer {key}"),
        "POST",
        "/v1/chat/completions",
        &body,
    );
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let limited =
        ask_with(gateway.address, &format!("x-api-key: {key}"), "POST", "/v1/chat/completions", &body);
    assert!(limited.starts_with("HTTP/1.1 429") && limited.contains("limit_exceeded"), "{limited}");
    let listed = ask_with(
        gateway.admin,
        &format!("authorization: Bearer tga-{admin_key}"),
        "GET",
        "/admin/v1/keys",
        "",
    );
    assert!(
        listed.starts_with("HTTP/1.1 200") && listed.contains("\"ci\"") && !listed.contains(key),
        "{listed}"
    );
    assert!(get(gateway.admin, "/admin/v1/keys").starts_with("HTTP/1.1 401"));

    gateway.signal("TERM");
    assert!(gateway.wait().success());
    let usage = tidegate(folder.path(), &["usage", "--by", "key,model", "--since", "1h"]).output().unwrap();
    let usage = String::from_utf8(usage.stdout).unwrap();
    assert!(usage.contains("key_") && usage.contains("demo/echo"), "{usage}");
    assert!(!gateway.said.contains(key), "the key stands in the log");
}

#[test]
fn the_operators_door_says_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path());
    let unknown = get(gateway.admin, "/nothing");
    assert!(unknown.starts_with("HTTP/1.1 404") && unknown.contains("application/problem+json"), "{unknown}");
    assert!(ask(gateway.admin, "POST", "/health", "").starts_with("HTTP/1.1 405"));
    assert!(get(gateway.admin, "/readyz?verbose").contains("[+]gateway ok\n[+]config in use"));
    let metrics = get(gateway.admin, "/metrics");
    assert!(metrics.contains("application/openmetrics-text"), "{metrics}");
    assert_eq!(metrics.matches("# EOF").count(), 1);
    assert!(metrics.trim_end().ends_with("# EOF"));
    assert!(get(gateway.admin, "/version").contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_access_log_goes_where_it_is_told() {
    let folder = folder_with(
        "access_log: access.jsonl\nlisten: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n",
    );
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    ask(gateway.address, "POST", "/v1/chat/completions", &chat("demo/echo", "Hello!", false));
    gateway.signal("TERM");
    assert!(gateway.wait().success());
    let log = std::fs::read_to_string(folder.path().join("access.jsonl")).unwrap();
    assert!(log.contains("\"target\":\"demo/echo\"") && log.ends_with("}\n"), "{log}");
    assert!(!gateway.said.contains("\"target\""));
}

//! Taking over a changed config while running.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::gateway::{Gateway, ask, chat, folder_with, get, tidegate};

const DOORS: &str = "listen: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n";

fn config(model: &str) -> String {
    format!("{DOORS}models: {{ {model}: demo/echo }}\n")
}

fn start(folder: &Path) -> Gateway {
    Gateway::start_with(tidegate(folder, &["run"]))
}

fn has(gateway: &Gateway, model: &str) -> bool {
    let answer = ask(gateway.address, "POST", "/v1/chat/completions", &chat(model, "Hello!", false));
    answer.starts_with("HTTP/1.1 200")
}

#[test]
fn a_changed_file_is_taken_over() {
    let folder = folder_with(&config("before"));
    let mut gateway = start(folder.path());
    assert!(has(&gateway, "before") && !has(&gateway, "after"));
    std::fs::write(folder.path().join("tidegate.yaml"), config("after")).unwrap();
    gateway.wait_for_stderr("the config was taken over");
    assert!(has(&gateway, "after") && !has(&gateway, "before"));
}

#[test]
fn an_editors_rename_is_noticed() {
    let folder = folder_with(&config("before"));
    let mut gateway = start(folder.path());
    for model in ["second", "third"] {
        let new = folder.path().join("tidegate.yaml.new");
        std::fs::write(&new, config(model)).unwrap();
        std::fs::rename(&new, folder.path().join("tidegate.yaml")).unwrap();
        gateway.wait_for_stderr("the config was taken over");
        assert!(has(&gateway, model));
    }
}

#[test]
fn a_swapped_link_as_kubernetes_makes_it_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (name, model) in [("..1", "before"), ("..2", "after")] {
        std::fs::create_dir(root.join(name)).unwrap();
        std::fs::write(root.join(name).join("tidegate.yaml"), config(model)).unwrap();
    }
    symlink("..1", root.join("..data")).unwrap();
    symlink("..data/tidegate.yaml", root.join("tidegate.yaml")).unwrap();
    let mut gateway = start(root);
    assert!(has(&gateway, "before"));
    symlink("..2", root.join("..data_tmp")).unwrap();
    std::fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    gateway.wait_for_stderr("the config was taken over");
    assert!(has(&gateway, "after"));
}

#[test]
fn fault_93_a_bad_file_changes_nothing_and_says_why() {
    let folder = folder_with(&config("before"));
    let mut gateway = start(folder.path());
    std::fs::write(folder.path().join("tidegate.yaml"), config("after") + "modles: {}\n").unwrap();
    gateway.wait_for_stderr("error: unknown key `modles`");
    gateway.wait_for_stderr("tidegate.yaml:4:1");
    gateway.wait_for_stderr("the config was not taken over");
    assert!(has(&gateway, "before") && !has(&gateway, "after"));
    assert!(get(gateway.address, "/ready").starts_with("HTTP/1.1 200"));
    assert!(
        get(gateway.admin, "/ready?verbose")
            .contains("[!]config refused, the one before is in use: unknown key `modles`")
    );
    let metrics = get(gateway.admin, "/metrics");
    assert!(metrics.contains("tidegate_config_reloads_total{outcome=\"bad\"} 1\n"), "{metrics}");
    assert!(metrics.contains("tidegate_config_in_use 0\n"), "{metrics}");

    std::fs::write(folder.path().join("tidegate.yaml"), config("after")).unwrap();
    gateway.wait_for_stderr("the config was taken over");
    assert!(has(&gateway, "after"));
    assert!(get(gateway.admin, "/metrics").contains("tidegate_config_in_use 1\n"));
}

#[test]
fn a_file_that_is_gone_changes_nothing() {
    let folder = folder_with(&config("before"));
    let mut gateway = start(folder.path());
    std::fs::remove_file(folder.path().join("tidegate.yaml")).unwrap();
    gateway.signal("HUP");
    gateway.wait_for_stderr("the config was not taken over");
    assert!(has(&gateway, "before"));
}

#[test]
fn sighup_reads_variables_again() {
    let folder = folder_with(DOORS);
    let mut gateway = start(folder.path());
    assert!(!get(gateway.address, "/v1/models").contains("openai/gpt-4.1"));
    std::fs::write(folder.path().join(".env"), "OPENAI_API_KEY=sk-canary\n").unwrap();
    gateway.signal("HUP");
    gateway.wait_for_stderr("the config was taken over");
    assert!(get(gateway.address, "/v1/models").contains("openai/gpt-4.1"));
}

#[test]
fn what_needs_a_restart_is_said() {
    let folder = folder_with(&config("before"));
    let mut gateway = start(folder.path());
    let moved = config("before").replace("admin: { address: 127.0.0.1:0", "admin: { address: 127.0.0.2:0")
        + "workers: 2\n";
    std::fs::write(folder.path().join("tidegate.yaml"), moved).unwrap();
    gateway.wait_for_stderr("changed in the config, but needs a restart");
    gateway.wait_for_stderr("changed in the config, but needs a restart");
    assert!(
        gateway.said.contains("setting=\"admin.address\"") && gateway.said.contains("setting=\"workers\"")
    );
    assert!(has(&gateway, "before"));
}

#[test]
fn fault_93_requests_go_on_through_many_reloads() {
    let folder = folder_with(&config("model"));
    let mut gateway = start(folder.path());
    let address = gateway.address;
    let asking = std::thread::spawn(move || {
        (0..100)
            .filter(|_| {
                !ask(address, "POST", "/v1/chat/completions", &chat("model", "Hi", false))
                    .starts_with("HTTP/1.1 200")
            })
            .count()
    });
    for _ in 0..10 {
        gateway.signal("HUP");
        gateway.wait_for_stderr("the config was taken over");
    }
    assert_eq!(asking.join().unwrap(), 0, "failed requests");
}

//! Commands that look at a config and end.

use std::path::Path;
use std::process::Output;

use crate::gateway::{folder_with, tidegate};

const CONFIG: &str = r#"
providers:
  openai: { api_key: "${OPENAI_API_KEY}" }
  anthropic: { api_key: "${ANTHROPIC_API_KEY}" }
  local: { dialect: [openai-chat, anthropic], base_url: http://10.0.0.5:8000/v1, time_limits: { first_token: 10m } }
models:
  smart:
    targets: [openai/gpt-4.1, { target: anthropic/claude-sonnet-4-5, weight: 3 }]
    fallback: [cheap]
  cheap: local/qwen3
  "gpt-*": openai/gpt-*
prices:
  openai/gpt-4.1: { input: 2, output: 8 }
  anthropic/claude-sonnet-4-5: { input: 3, output: 15 }
"#;

fn run(folder: &Path, args: &[&str]) -> Output {
    tidegate(folder, args)
        .env("OPENAI_API_KEY", "sk-canary")
        .env("ANTHROPIC_API_KEY", "sk-canary")
        .env("CHECKOUT_KEY", "tg-canary-of-the-checkout-key")
        .env("NIGHTLY_KEY", "tg-canary-of-the-nightly-key")
        .output()
        .unwrap()
}

fn stdout(output: Output) -> String {
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("canary") && !said.contains("canary"), "a key is shown");
    text
}

#[test]
fn check_ends_with_0_or_2() {
    let folder = folder_with(CONFIG);
    assert!(stdout(run(folder.path(), &["check"])).starts_with("tidegate.yaml: good"));
    std::fs::write(folder.path().join("bad.yaml"), "strct: true\n").unwrap();
    let bad = run(folder.path(), &["check", "bad.yaml"]);
    assert_eq!(bad.status.code(), Some(2));
    let said = String::from_utf8(bad.stderr).unwrap();
    assert!(said.contains(" --> bad.yaml:1:1") && said.contains("did you mean `strict`?"), "{said}");
    std::fs::write(folder.path().join("warning.yaml"), "prices: { demo/echo: { input: 2500000 } }\n")
        .unwrap();
    let warned = run(folder.path(), &["check", "warning.yaml"]);
    assert_eq!(warned.status.code(), Some(0), "warnings are no failure");
    assert!(String::from_utf8(warned.stderr).unwrap().contains("1 warning"));
    assert!(
        stdout(run(folder.path(), &["check", "--config", "warning.yaml"])).starts_with("warning.yaml: good")
    );
    assert_eq!(run(folder.path(), &["check", "--config", "bad.yaml"]).status.code(), Some(2));
    assert_eq!(run(folder.path(), &["check", "none.yaml"]).status.code(), Some(2));
    assert_eq!(run(tempfile::tempdir().unwrap().path(), &["check"]).status.code(), Some(2));
}

#[test]
fn explain_prints_the_plan() {
    let folder = folder_with(CONFIG);
    let explain = |model: &str| stdout(run(folder.path(), &["explain", "--model", model]));
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("explain", explain("smart")) });
    assert!(explain("gpt-9").starts_with("gpt-9: by a pattern of the config, to openai/gpt-9\n"));
    assert!(explain("gpt-9").contains("unpriced"));
    assert!(explain("demo/echo").contains("(built in)"));
    let unknown = run(folder.path(), &["explain", "--model", "smrt"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("did you mean `smart`?"));
}

const TRAFFIC: &str = r#"
region: eu
providers:
  openai: { api_key: "${OPENAI_API_KEY}" }
  anthropic: { api_key: "${ANTHROPIC_API_KEY}" }
  local: { dialect: openai-chat, base_url: http://10.0.0.5:8000/v1, health: { failures: 3, open: 5s, slow: 2s } }
models:
  quick:
    strategy: latency
    hedge: { percentile: 90, budget: 10 }
    targets:
      - { target: openai/gpt-4.1, region: us, weight: 2 }
      - { target: anthropic/claude-sonnet-4-5, region: eu }
      - { target: local/qwen3, tier: 1, max_concurrent: 4 }
  talk: { strategy: sticky, sticky: session, targets: [local/a, local/b] }
retry: { budget: 10 }
overload: { concurrency: off, queue: { places: 20, wait: 3s } }
"#;

#[test]
fn explain_shows_how_traffic_is_treated() {
    let folder = folder_with(TRAFFIC);
    let explain = |model: &str| stdout(run(folder.path(), &["explain", "--model", model]));
    let head = |text: &str| text.split("\nAt most").next().unwrap().to_owned();
    let shown = format!("{}\n----\n{}", head(&explain("quick")), head(&explain("talk")));
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("explain_traffic", shown) });
    let whole = explain("quick");
    assert!(whole.contains("   room         4 at once; 20 may wait, each at most 3s\n"), "{whole}");
    assert!(whole.contains("   room         not bounded; 20 may wait, each at most 3s\n"), "{whole}");
    let json = stdout(run(folder.path(), &["explain", "--model", "quick", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let step = &json["steps"][0];
    assert_eq!((&json["region"], &step["conduct"]["strategy"]), (&"eu".into(), &"latency".into()));
    assert_eq!((&step["targets"][2]["tier"], &step["targets"][2]["percent"]), (&1.into(), &100.0.into()));
    assert_eq!(json["targets"][2]["room"]["max_concurrent"], "4");
}

#[test]
fn the_config_in_the_guide_to_traffic_is_good() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/traffic.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let mut configs =
        guide.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).peekable();
    assert!(configs.peek().is_some(), "the guide has no config");
    for config in configs {
        let folder = folder_with(config);
        let output = run(folder.path(), &["check"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.is_empty(), "{config}\n{said}");
    }
}

#[test]
fn explain_as_json() {
    let folder = folder_with(CONFIG);
    let text = stdout(run(folder.path(), &["explain", "--model", "smart", "--json"]));
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["steps"][0]["targets"][0]["percent"], 75.0);
    assert_eq!(plan["steps"][1]["name"], "cheap");
    assert_eq!(plan["targets"][2]["time_limits"]["first_token"], "10m");
    assert_eq!(plan["targets"][2]["callers"][2]["pass_through"], true);
}

#[test]
fn models_are_listed() {
    let folder = folder_with(CONFIG);
    let table = stdout(run(folder.path(), &["models"]));
    let line =
        |name: &str| table.lines().find(|line| line.split(' ').next() == Some(name)).unwrap().to_owned();
    assert!(line("cheap").contains("unpriced") && line("cheap").ends_with("local/qwen3"));
    assert!(line("openai/gpt-4.1").contains("1047576  2"), "{}", line("openai/gpt-4.1"));
    let text = stdout(run(folder.path(), &["models", "--json"]));
    let models: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(models.iter().any(|model| model["name"] == "demo/echo" && model["input_usd_per_million"] == "1"));
}

#[test]
fn version_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(stdout(run(folder.path(), &["version"])), format!("tidegate {}\n", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(run(folder.path(), &["completions", shell])).contains("explain"), "{shell}");
    }
}

#[test]
fn a_bad_config_is_shown_by_every_command() {
    let folder = folder_with("modles: {}\n");
    for args in [&["models"][..], &["explain", "--model", "x"], &["run"]] {
        let output = run(folder.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("tidegate.yaml:1:1"), "{args:?}");
    }
}

#[test]
fn the_examples_are_good() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    let folders = [examples.clone()]
        .into_iter()
        .chain(std::fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().path()));
    for folder in folders.filter(|path| path.is_dir()) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let mut command = tidegate(&examples, &["check", path.to_str().unwrap()]);
                let keys = [
                    "OPENAI_API_KEY",
                    "ANTHROPIC_API_KEY",
                    "GEMINI_API_KEY",
                    "DEEPSEEK_API_KEY",
                    "AZURE_OPENAI_API_KEY",
                    "TEAM_A_OPENAI_KEY",
                ];
                let output = command.envs(keys.map(|key| (key, "sk-canary"))).output().unwrap();
                assert!(
                    output.status.success() && output.stderr.is_empty(),
                    "{}",
                    String::from_utf8_lossy(&output.stderr)
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= 4, "{seen} examples");
}

//! What `tidegate check` says, and what a good file becomes.

use std::path::Path;

use tidegate_llm::Dialect;
use tidegate_proxy::snapshot::Resolved;

use super::*;
use crate::config;
use crate::config::problem::Source;

const ENVIRONMENT: &str =
    "OPENAI_API_KEY=sk-canary-env\nFAKE_URL=http://127.0.0.1:9\nNONSENSE=sk-canary-env\n";

/// A golden file that holds the answer and not the question: that stands here.
macro_rules! golden {
    ($shown:expr) => {
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!($shown) })
    };
}

fn look(text: &str) -> (String, Provisioned) {
    let environment = Environment::parse(ENVIRONMENT);
    let source = Source { name: "tidegate.yaml".to_owned(), text: text.to_owned() };
    let loaded = config::read(source, Path::new("."), &environment);
    let provisioned = check(&loaded, &environment);
    let shown = loaded.source.render(&provisioned.problems, false);
    assert!(!shown.contains("canary"), "a key is shown:\n{shown}");
    (shown, provisioned)
}

fn shown(text: &str) -> String {
    look(text).0
}

fn good(text: &str) -> Provisioned {
    let (shown, provisioned) = look(text);
    assert!(provisioned.is_good(), "{shown}");
    provisioned
}

#[test]
fn all_mistakes_of_a_file_are_shown_at_once() {
    golden!(shown(
        r#"listen: [{ address: 0.0.0.0:8080 }, { address: 127.0.0.1:99999 }]
admin: { adress: 127.0.0.1:8081 }
providers:
  opnai: {}
  openai: { api_key: sk-canary-in-file, time_limits: { connect: 5 } }
  anthropic: { api_key: "${ANTROPIC_KEY}" }
  local: { dialect: openai-chats, base_url: "ftp://10.0.0.5/v1" }
  local: { base_url: http://10.0.0.6:8000/v1 }
modles: {}
models:
  smart:
    targets: [openai/gpt-4.1, { target: antropic/claude, weight: -1 }]
    fallback: [cheep]
  cheap: { targets: [{ target: openai/gpt-4.1-mini, weight: 0 }] }
  one: { targets: [openai/gpt-4.1], fallback: [two] }
  two: { targets: [smart], fallback: [one] }
prices:
  openai/gpt-4.1: { input: -2, output: 8000000 }
sizes: { request_body: 32 megs }
strict: yes
"#
    ));
}

#[test]
fn text_that_is_not_yaml() {
    golden!(shown("providers:\n  openai: { api_key: sk-canary, x\nmodels: {}\n"));
}

#[test]
fn providers_that_cannot_be() {
    golden!(shown(
        r#"providers:
  a/b: { base_url: http://h }
  demo: {}
  mistral: {}
  azure-openai: { api_key: "${NONSENSE}" }
  team: { type: opena }
  nobody: {}
  llama.cpp: {}
  proxy: { base_url: "${NONSENSE}" }
  split: { base_urls: { antropic: http://h/v1 } }
  odd: { base_url: http://h, headers: { "a b": c, Host: x } }
  url: { base_url: "http://user:canary@h/v1" }
"#
    ));
}

#[test]
fn models_that_cannot_be() {
    golden!(shown(
        r#"models:
  bare: gpt-4.1
  to-a-name: { targets: [alias] }
  alias: openai/gpt-4.1
  round: about
  about: round
  nowhere: {}
  empty: []
  not-there: deepseek/deepseek-chat
  "two-*-*": openai/*
  "pool-*": { targets: [openai/gpt-4.1] }
  misspelt: openai/gtp-4.1
  twice: [openai/gpt-4.1, openai/gpt-4.1]
  missing: { targets: [{ weight: 1 }] }
  quoted: { targets: [4.1] }
"#
    ));
}

#[test]
fn doors_and_prices_that_cannot_be() {
    golden!(shown(
        r#"listen: [{ address: 127.0.0.1:8080 }, { address: 127.0.0.1:8080 }]
admin: { address: 0.0.0.0:8081 }
price_files: [no-such-file.json]
prices:
  a: {}
  b: { input: 1, cache_read: 2 }
  c: { input: 0.0000001 }
  d: { inptu: 1 }
"#
    ));
    assert!(shown("listen: []").contains("at least one door"));
}

#[test]
fn heads_have_a_size_that_the_server_can_hold() {
    for size in ["8191", "1", "1025KiB", "5GiB"] {
        let (shown, provisioned) = look(&format!("listen: [{{ header_size: {size} }}]"));
        assert!(!provisioned.is_good() && shown.contains("between 8KiB and 1MiB"), "{size}: {shown}");
    }
    for size in ["8KiB", "1MiB"] {
        good(&format!("listen: [{{ header_size: {size} }}]"));
    }
}

#[test]
fn the_shape_of_the_documentation_is_good() {
    let provisioned = good(
        r#"
listen: [{ address: 0.0.0.0:8080 }]
insecure: { anonymous: true }
admin: { address: 127.0.0.1:8081 }
providers:
  openai: { api_key: "${OPENAI_API_KEY}" }
  anthropic: { api_key: "${NONSENSE}" }
  deepseek: { api_key: "${NONSENSE}" }
  local: { dialect: openai-chat, base_url: http://10.0.0.5:8000/v1, time_limits: { first_token: 10m } }
models:
  smart:
    targets: [openai/gpt-4.1, { target: anthropic/claude-sonnet-4-5, weight: 10, time_limits: { idle: 1s } }]
    fallback: [cheap, local/any]
    time_limits: { idle: 2s, connect: 1s }
  cheap: deepseek/deepseek-chat
  alias: smart
  "gpt-*": "openai/gpt-*"
  "*": local/*
prices:
  local/any: { input: 0.5, output: "1.5", context_window: 8192 }
"#,
    );
    let models = &provisioned.snapshot.models;
    let Ok(Resolved::Pool(smart)) = models.resolve("smart") else { panic!() };
    let idle: Vec<u64> = smart.members.iter().map(|member| member.target.limits.idle.as_secs()).collect();
    assert_eq!(idle, [2, 1]);
    assert_eq!(smart.members[0].target.limits.connect.as_secs(), 1);
    assert_eq!(smart.members[0].target.max_output_tokens, Some(32_768));
    assert_eq!(models.pool("alias").map(|pool| pool.members.len()), Some(2));
    let label = |name: &str| match models.resolve(name) {
        Ok(Resolved::Target(target)) => target.label.to_string(),
        Ok(Resolved::Pool(pool)) => pool.members[0].target.label.to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(label("cheap"), "deepseek/deepseek-chat");
    assert_eq!(label("gpt-9"), "openai/gpt-9");
    assert_eq!(label("qwen/qwen3"), "local/qwen/qwen3");
    assert_eq!(label("demo/echo"), "demo/echo");
    let local = provisioned.snapshot.providers.iter().find(|provider| &*provider.name == "local").unwrap();
    assert_eq!(local.limits.first_token.as_secs(), 600);
    assert!(local.completions && local.embeddings && local.lines[0].auth.is_empty());
    let price = provisioned.snapshot.prices.find("local", "any", unix_now()).unwrap();
    assert_eq!(
        (price.rates.of(tidegate_llm::price::Class::Output).unwrap().0, price.context_window),
        (1_500_000, Some(8192))
    );
}

#[test]
fn without_a_file_providers_come_from_the_environment() {
    let environment = Environment::parse("ANTHROPIC_API_KEY=a\nGOOGLE_API_KEY=b\nAZURE_OPENAI_API_KEY=c\n");
    let provisioned = check(&Loaded::defaults(), &environment);
    assert!(provisioned.problems.is_empty(), "{:?}", provisioned.problems);
    assert_eq!(provisioned.found, ["anthropic", "gemini"]);
    let names: Vec<&str> = provisioned.snapshot.providers.iter().map(|p| &*p.name).collect();
    assert_eq!(names, ["anthropic", "gemini", "demo"]);
    let auth = provisioned.snapshot.providers[0].lines[0].auth.first().unwrap();
    assert_eq!((auth.header.as_str(), auth.value.to_str().unwrap()), ("x-api-key", "a"));
}

#[test]
fn providers_of_the_environment_can_be_turned_off_and_are_not_doubled() {
    assert_eq!(good("auto_providers: false").snapshot.providers.len(), 1);
    let renamed = good("providers: { team: { type: openai } }");
    let names: Vec<&str> = renamed.snapshot.providers.iter().map(|p| &*p.name).collect();
    assert_eq!(names, ["team", "demo"]);
    assert!(
        matches!(renamed.snapshot.models.resolve("gpt-4.1"), Ok(Resolved::Target(target)) if &*target.label == "team/gpt-4.1")
    );
}

#[test]
fn a_renamed_provider_keeps_its_prices_beside_own_ones() {
    let text = "providers: { team: { type: openai } }\nprices: { team/gpt-4.1: { input: 1, output: 1 } }";
    let prices = good(text).snapshot.prices.clone();
    let input = |model| {
        prices.find("team", model, unix_now()).unwrap().rates.of(tidegate_llm::price::Class::Input).unwrap().0
    };
    assert_eq!((input("gpt-4.1"), input("gpt-4.1-mini")), (1_000_000, 400_000));
}

#[test]
fn a_base_url_replaces_the_known_one_for_the_dialects_that_are_there() {
    let provisioned = good(
        r#"
providers:
  deepseek: { api_key: "${NONSENSE}", base_url: "${FAKE_URL}/x/" }
  gemini: { api_key: "${NONSENSE}", base_urls: { openai-chat: "${FAKE_URL}/o" } }
  both: { base_url: "${FAKE_URL}/v1", dialect: [anthropic, openai-chat] }
"#,
    );
    let lines = |at: usize| -> Vec<(Dialect, String)> {
        let provider = &provisioned.snapshot.providers[at];
        provider
            .lines
            .iter()
            .map(|line| (line.dialect, format!("{}{}", line.lanes.origin(), line.path)))
            .collect()
    };
    let fake = |path: &str| format!("http://127.0.0.1:9{path}");
    assert_eq!(lines(0), [(Dialect::OpenaiChat, fake("/x")), (Dialect::OpenaiResponses, fake("/x"))]);
    assert_eq!(
        lines(1),
        [
            (Dialect::Gemini, "https://generativelanguage.googleapis.com/v1beta".to_owned()),
            (Dialect::OpenaiChat, fake("/o"))
        ]
    );
    assert_eq!(lines(2), [(Dialect::Anthropic, fake("/v1")), (Dialect::OpenaiChat, fake("/v1"))]);
}

#[test]
fn the_demo_has_a_price() {
    let prices = good("").snapshot.prices.clone();
    assert!(prices.find("demo", "echo", unix_now()).is_some());
}

#[test]
fn values_of_the_environment_can_be_numbers_and_switches() {
    let text = "workers: \"${N:-3}\"\nstrict: \"${S:-true}\"\nretry: { max_attempts: \"${R:-1}\" }";
    assert!(good(text).snapshot.rules.strict);
    assert!(shown("workers: \"${N:-0}\"").contains("must be at least 1"));
    assert!(shown("strict: \"${N:-maybe}\"").contains("must be true or false"));
}

#[test]
fn fault_89_a_bad_price_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.json"), "[]").unwrap();
    let litellm = r#"{"gpt-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}"#;
    std::fs::write(folder.path().join("good.json"), litellm).unwrap();
    let look = |name: &str| {
        let source = Source { name: "tidegate.yaml".to_owned(), text: format!("price_files: [{name}]") };
        let environment = Environment::default();
        check(&config::read(source, folder.path(), &environment), &environment)
    };
    assert!(!look("bad.json").is_good());
    assert!(!look("none.json").is_good());
    let good = look("good.json");
    assert!(good.is_good(), "{:?}", good.problems);
    assert!(good.snapshot.prices.find("openai", "gpt-x", unix_now()).is_some());
}

/// A file that uses most of the shape, to be broken at random places.
const SAMPLE: &str = "listen: [{ address: 127.0.0.1:0 }]\nproviders:\n  openai: { api_key: \"${OPENAI_API_KEY}\" }\n  \
    lokäl: { base_url: http://h/v1, headers: { a: b } }\nmodels:\n  a: &x [openai/gpt-4.1]\n  b: { targets: *x, fallback: [a] }\n  \
    \"c-*\": openai/*\nprices: { a: { input: 1.5 } }\nsizes: { request_body: 1MiB }\n";

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_it_panic(text in "[ -~\\n\u{e9}\u{1F600}]{0,80}") {
        shown(&text);
    }

    #[test]
    fn no_broken_file_makes_it_panic(at in 0usize..400, cut in 0usize..20, put in "[-{}\\[\\]:,&*!|>'\"#%@ \\n\\ta-c0-9\u{e9}$]{0,6}") {
        let mut at = at.min(SAMPLE.len());
        while !SAMPLE.is_char_boundary(at) {
            at -= 1;
        }
        let mut end = (at + cut).min(SAMPLE.len());
        while !SAMPLE.is_char_boundary(end) {
            end -= 1;
        }
        let end = end.max(at);
        shown(&format!("{}{put}{}", &SAMPLE[..at], &SAMPLE[end..]));
    }
}

#[test]
fn a_redis_without_a_number_of_instances_is_warned_of() {
    let alone = "an instance that starts while Redis is away would grant every limit in full";
    let redis = |terms: &str| look(&format!("redis: {terms}\n"));
    for terms in ["redis://h:6379", "{ url: \"redis://h:6379\" }"] {
        let (shown, provisioned) = redis(terms);
        assert!(provisioned.is_good() && shown.contains(alone) && shown.contains("1 warning"), "{shown}");
    }
    for more in ["instances: 3", "on_failure: deny"] {
        let (shown, _) = redis(&format!("{{ url: \"redis://h:6379\", {more} }}"));
        assert!(!shown.contains(alone), "{shown}");
    }
}

#[test]
fn settings_of_traffic_that_do_nothing_are_told() {
    golden!(shown(
        r#"region: eu
models:
  stuck: { sticky: user, targets: [openai/gpt-4.1, openai/gpt-4.1-mini] }
  alone: { strategy: latency, hedge: {}, targets: [{ target: openai/gpt-4.1, region: us }] }
"#
    ));
    let quiet = r#"region: eu
models:
  kept: { strategy: sticky, sticky: user, targets: [{ target: openai/gpt-4.1, region: eu }, openai/gpt-4.1-mini] }
  hedged: { hedge: {}, targets: [openai/gpt-4.1], fallback: [openai/gpt-4.1-mini] }
"#;
    assert_eq!(shown(quiet), "");
}

#[test]
fn routes_that_cannot_be() {
    golden!(shown(
        r#"upstreams:
  app: { servers: ["http://127.0.0.1:3000", { url: "ftp://x", weigth: 2 }] }
  empty: {}
trusted_proxies: [10.0.0.0/33]
error_pages: { 200: ./ok.html, 502: ./none.html }
hsts: { max_age: forever }
routes:
  - { path: api, proxy: app }
  - { path: /a/*, proxy: "http://127.0.0.1:1" }
  - { path: /b/, proxy: ap }
  - { path: "~ (", respond: {} }
  - { path: /c/, proxy: app, static: ./x }
  - { path: /d/ }
  - { path: /e/, static: ., expires: soon, strip: /e }
  - { path: /f/, redirect: { to: /g, status: 200 } }
  - { path: /g/, proxy: app, headers: { request: { set: { x-a: $nothing, content-length: "3" } } } }
  - { path: /h/, proxy: app, retry_on: [eror], cors: { origins: ["*"], credentials: true } }
  - { path: /i/, proxy: app, limits: [{ of: tokens, limit: 5, per: second }], allow: [10.0.0] }
  - { path: /j/, ai: chat_completion }
  - { path: /k/, basic_auth: {}, respond: {} }
"#
    ));
}

#[test]
fn upstreams_that_cannot_be() {
    golden!(shown(
        r#"upstreams:
  wrong: { servers: ["127.0.0.1:3000"] }
  none: {}
  clear: { protocol: h2c, servers: ["https://127.0.0.1:3000"] }
  tls: { protocol: h2, servers: [{ url: "http://127.0.0.1:3000" }] }
  probed: { servers: ["http://127.0.0.1:3000"], health: { probe: { every: 5s } } }
  expects: { servers: ["http://127.0.0.1:3000"], health: { probe: { path: /health, status: 2x } } }
  hasty: { servers: ["http://app.internal:3000"], resolve: 10ms }
"#
    ));
    let quiet = r#"upstreams:
  grpc: { protocol: h2c, connections: 4, servers: ["http://127.0.0.1:3000"] }
  web: { protocol: auto, servers: ["https://a.test", "http://127.0.0.1:3000"], resolve: 5s }
  probed:
    servers: ["http://127.0.0.1:3000"]
    health: { slow: 2s, silence: 5s, probe: { path: /health, status: [200, 3xx], fall: 2, rise: 1 } }
"#;
    assert_eq!(shown(quiet), "");
}

#[test]
fn terms_of_routes_that_cannot_be() {
    golden!(shown(
        r#"routes:
  - { path: /a/, proxy: "http://127.0.0.1:1", headers: { request: { set: { x-a: $server_port, x-b: "$upstream_addr" } } } }
  - { path: /b/, redirect: "/b/$connection" }
  - { path: /c/, respond: {}, headers: { response: { set: { x-a: "$upstream_addr", x-b: $status } } } }
  - { path: /d/, respond: {}, basic_auth: { users: { eva: "$apr1$x$y", max: "{SHA}x", ida: "$2y$05$x" } } }
  - { path: /e/, static: ./public-that-is-not-there }
  - { path: /f/, respond: {}, precompressed: true }
  - { path: /g/, respond: {}, buffering: both }
  - { path: /h/, proxy: "http://127.0.0.1:1", buffering: { of: request, folder: ./not-there } }
"#
    ));
}

#[test]
fn caches_that_cannot_be() {
    golden!(shown(
        r#"http_cache: { memory: 1MiB, size: 1GiB }
routes:
  - { path: /a/, proxy: "http://127.0.0.1:1", cache: { max_object: 2MiB, bypass: ["$cookie_a", $nothing] } }
  - { path: /b/, static: ., cache: true }
  - { path: /c/, proxy: "http://127.0.0.1:1", cache: { key_parts: [hosts], default_tll: 5m } }
"#
    ));
}

#[test]
fn a_routes_cache_is_on_its_terms() {
    let text = r#"http_cache: { memory: 4MiB, dir: ./kept, disk: 1GiB }
routes:
  - { path: /a/, proxy: "http://127.0.0.1:1", cache: true }
  - { path: /b/, proxy: "http://127.0.0.1:1", cache: { default_ttl: 10m, heuristic: false, stale_if_error: 1h, key_parts: [query], wait: 1s } }
  - { path: /c/, proxy: "http://127.0.0.1:2", cache: false }
"#;
    let site = good(text).snapshot.edge.clone().unwrap();
    assert_eq!(site.cache.memory, 4 << 20);
    assert_eq!(site.cache.disk.as_ref().unwrap().1, 1 << 30);
    let caches: Vec<_> = site.routes.iter().map(|route| route.cache()).collect();
    let [Some(usual), Some(other), None] = caches.as_slice() else { panic!("{caches:?}") };
    assert_eq!((usual.rules.default_lifetime, usual.rules.heuristic_percent), (0, 10));
    assert_eq!((other.rules.default_lifetime, other.rules.heuristic_percent), (600, 0));
    assert_eq!((other.rules.stale_if_error, other.wait.as_secs()), (3600, 1));
    assert!(other.key.query && !other.key.host && !other.key.scheme);
    assert_ne!(usual.scope, other.scope, "routes that take other requests share no answers");
    assert_eq!((usual.max_object, usual.tells_status), (4 << 20, true));
}

#[test]
fn formats_of_the_access_log() {
    let formats =
        ["combined", "jsn", "$remote_adr", "$status $sent_http_etag", "$connection", "$remote_addr $status"];
    golden!(formats.map(|format| shown(&format!("access_log_format: \"{format}\"\n"))).join("\n"));
}

#[test]
fn a_slash_behind_a_server_is_said_to_mean_nothing() {
    golden!(shown("routes: [{ path: /api/, proxy: \"http://127.0.0.1:3000/\" }]\n"));
}

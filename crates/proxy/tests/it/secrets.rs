//! Keys appear nowhere: not in answers, headers, log lines, traces, metrics or debug output.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use http::Method;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::house::{House, PROVIDERS, ask, in_order};
use crate::reading::WAYS;

/// Looks into everything that is traced, at any level, in any test.
#[derive(Default)]
struct Watch {
    events: AtomicUsize,
    leaks: Mutex<Vec<String>>,
}

static WATCH: LazyLock<Arc<Watch>> = LazyLock::new(|| {
    let watch = Arc::new(Watch::default());
    tracing::subscriber::set_global_default(Traces(watch.clone())).unwrap();
    watch
});

/// Begins to look into traces; every house calls it before anything is traced.
pub fn watch_traces() {
    LazyLock::force(&WATCH);
}

/// What was traced with a key in it.
pub fn traced_keys() -> Vec<String> {
    WATCH.leaks.lock().unwrap().clone()
}

struct Traces(Arc<Watch>);

struct Look<'a>(&'a Watch);

impl Visit for Look<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{field}={value:?}");
        if text.contains("canary") {
            self.0.leaks.lock().unwrap().push(text);
        }
    }
}

impl Subscriber for Traces {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Look(&self.0));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Look(&self.0));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        self.0.events.fetch_add(1, Ordering::Relaxed);
        event.record(&mut Look(&self.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn fault_80_no_key_is_told_written_down_traced_or_counted() {
    let house = House::start_with(in_order(&["down/m", "chat/text~status-401", "anthropic/text"])).await;
    let mut count = 0;
    for (surface, provider) in WAYS {
        for modifier in ["", "~status-401", "~status-500", "~garbage", "~cut-4", "~redirect", "~error200"] {
            for stream in [true, false] {
                count += 1;
                // What comes back, heads included, is searched by `ask` itself.
                house.ask(surface, &format!("{provider}/text{modifier}"), stream).await;
            }
        }
    }
    for (surface, model) in [("chat", "p"), ("gemini", "nosuch"), ("anthropic", "down/m")] {
        count += 1;
        house.ask(surface, model, true).await;
    }
    house.ledger(count);
    assert!(WATCH.events.load(Ordering::Relaxed) > 50, "nothing was traced");
    assert!(!house.gateway.meters().render().contains("canary"));
    assert!(!format!("{:?}", house.gateway).contains("canary"));
}

#[tokio::test]
async fn fault_80_the_callers_key_stays_here_in_whatever_way_he_sends_it() {
    let house = House::start().await;
    for (surface, ..) in PROVIDERS {
        let (path, body) = ask(surface, &format!("{surface}/text"), false);
        let mark = if path.contains('?') { '&' } else { '?' };
        for header in
            ["authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "proxy-authorization"]
        {
            let client = house.client().header(header, "Bearer sk-caller-canary");
            let path = format!("{path}{mark}key=sk-caller-canary");
            let client = client.header("content-type", "application/json");
            client.send(Method::POST, &path, body.to_string().into()).await.unwrap().whole().await.unwrap();
        }
    }
    let seen = house.fake.requests();
    assert_eq!(seen.len(), 24);
    for request in seen {
        let text = format!("{} {:?}", request.path_and_query, request.headers);
        assert!(!text.contains("caller-canary"), "{text}");
        assert!(text.contains("provider-canary"), "{text}");
    }
}

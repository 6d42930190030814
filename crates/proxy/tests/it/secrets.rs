//! Keys appear nowhere: not in answers, headers, log lines, traces, metrics or debug output.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use http::Method;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::house::{House, PROVIDERS, ask, in_order};
use crate::reading::WAYS;

/// Everything that is traced, at any level.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<String>>);

impl Visit for Traced {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Traced {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn fault_80_no_key_is_told_written_down_traced_or_counted() {
    let traced = Traced::default();
    let _guard = tracing::subscriber::set_default(traced.clone());
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
    let texts = [
        ("traces", traced.0.lock().unwrap().clone()),
        ("metrics", house.gateway.meters().render()),
        ("debug output", format!("{:?}", house.gateway)),
    ];
    assert!(texts[0].1.contains("attempt failed"), "nothing was traced");
    for (place, text) in texts {
        assert!(!text.contains("canary"), "a key stands in the {place}");
    }
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

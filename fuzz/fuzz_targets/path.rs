//! Methods, paths and queries.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use tidegate_llm::Dialect;
use tidegate_proxy::endpoint::Endpoint;

fuzz_target!(|text: &str| {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    for method in [Method::GET, Method::POST] {
        let _ = Endpoint::of(&method, path, Some(query), Dialect::OpenaiChat);
    }
});

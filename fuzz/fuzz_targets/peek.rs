//! Reading a request at a glance, and splicing it.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tidegate_llm::passage::{Edits, Endpoint, peek};

fuzz_target!(|bytes: &[u8]| {
    let body = Bytes::copy_from_slice(bytes);
    for endpoint in
        [Endpoint::Chat, Endpoint::Responses, Endpoint::Messages, Endpoint::Generate, Endpoint::Embeddings]
    {
        if let Ok(peeked) = peek(endpoint, &body) {
            let mut edits = Edits::new(&body, &peeked);
            edits.model("another");
            edits.include_usage();
            edits.legacy_max_tokens();
            edits.remove_nulls();
            let changed = edits.apply().whole();
            serde_json::from_slice::<serde_json::Value>(&changed).expect("a splice keeps JSON valid");
        }
    }
});

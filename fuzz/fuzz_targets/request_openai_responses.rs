//! Requests of callers in the dialect openai_responses, translated for every target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_llm::{Dialect, Profile, codec::decode_request, translate::prepare};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = decode_request(Dialect::OpenaiResponses, bytes) {
        for target in Dialect::ALL {
            let _ = prepare(Dialect::OpenaiResponses, &request, target, &Profile::plain("m"), false);
        }
    }
});

//! Requests of callers in the dialect gemini, translated for every target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_llm::{Dialect, Profile, codec::decode_request, translate::prepare};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = decode_request(Dialect::Gemini, bytes) {
        for target in Dialect::ALL {
            let _ = prepare(Dialect::Gemini, &request, target, &Profile::plain("m"), false);
        }
    }
});

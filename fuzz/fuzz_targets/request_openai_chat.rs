//! Requests of callers in the dialect openai_chat, translated for every target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_llm::{Dialect, Profile, codec::decode_request, translate::prepare};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = decode_request(Dialect::OpenaiChat, bytes) {
        for target in Dialect::ALL {
            let _ = prepare(Dialect::OpenaiChat, &request, target, &Profile::plain("m"), false);
        }
    }
});

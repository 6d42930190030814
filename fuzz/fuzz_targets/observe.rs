//! Observing a stream that passes through.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_llm::passage::{Endpoint, Observer};

fuzz_target!(|bytes: &[u8]| {
    for endpoint in
        [Endpoint::Chat, Endpoint::Completions, Endpoint::Responses, Endpoint::Messages, Endpoint::Generate]
    {
        let mut observer = Observer::new(endpoint, true);
        for frame in bytes.split_inclusive(|byte| *byte == b'\0') {
            observer.observe_frame(frame);
        }
        observer.finish();
    }
});

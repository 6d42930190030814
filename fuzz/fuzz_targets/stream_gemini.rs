//! Streams of providers in the dialect gemini, translated for every caller.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_llm::adapt::ToolNames;
use tidegate_llm::codec::Reply;
use tidegate_llm::form::Form;
use tidegate_llm::sse::SseDecoder;
use tidegate_llm::{Dialect, translate::Translator};

fuzz_target!(|bytes: &[u8]| {
    for caller in Dialect::ALL {
        let form = Form::Plain(caller);
        let mut translator = Translator::new(Dialect::Gemini, form, Reply::default(), ToolNames::default());
        let mut out = Vec::new();
        let mut decoder = SseDecoder::default();
        let _ = decoder.feed(bytes, &mut |event| {
            translator.feed(event, &mut out);
        });
        translator.finish(&mut out);
    }
});

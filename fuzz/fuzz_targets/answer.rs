//! Providers' whole answers, translated for every caller.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_llm::adapt::ToolNames;
use tidegate_llm::codec::Reply;
use tidegate_llm::form::Form;
use tidegate_llm::{Dialect, translate::translate_response};

fuzz_target!(|bytes: &[u8]| {
    for target in Dialect::ALL {
        for caller in Dialect::ALL {
            let names = ToolNames::default();
            let _ = translate_response(target, Form::Plain(caller), bytes, &Reply::default(), &names, None);
        }
    }
});

//! Price maps.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_llm::price::PriceTable;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = PriceTable::from_json(text);
        let _ = PriceTable::from_litellm_json(text);
    }
});

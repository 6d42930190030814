//! Providers' error bodies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_llm::{Dialect, codec::decode_error};

fuzz_target!(|bytes: &[u8]| {
    for dialect in Dialect::ALL {
        decode_error(dialect, 500, bytes);
    }
});

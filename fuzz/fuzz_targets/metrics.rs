//! A back end's metrics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = tidegate_proxy::traffic::read_metrics(bytes);
});

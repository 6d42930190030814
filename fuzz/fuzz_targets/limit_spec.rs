//! Keys and teams as they are written: any JSON is read and checked without panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_store::keys::{KeySpec, TeamSpec};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(spec) = serde_json::from_slice::<KeySpec>(bytes) {
        let _ = spec.check();
    }
    if let Ok(spec) = serde_json::from_slice::<TeamSpec>(bytes) {
        let _ = spec.check();
    }
});

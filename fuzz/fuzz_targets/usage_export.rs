//! Providers' usage exports: any bytes are read without panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_store::ledger::reconcile;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(export) = reconcile::read(bytes) {
        reconcile::compare(&[], &export);
    }
});

//! The model in a form.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = tidegate_proxy::multipart::model("multipart/form-data; boundary=x", bytes);
});

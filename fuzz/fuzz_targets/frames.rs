//! The frame cutter: no byte is lost, added or moved.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tidegate_llm::frames::Frames;

fuzz_target!(|bytes: &[u8]| {
    let mut frames = Frames::default();
    let mut out = Vec::new();
    for piece in bytes.chunks(7) {
        frames.push(Bytes::copy_from_slice(piece), &mut |_| true, &mut out).expect("under the limit");
    }
    out.push(frames.take_rest());
    assert_eq!(out.concat(), bytes);
});

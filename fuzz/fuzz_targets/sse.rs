//! The SSE decoder: any bytes in any chunking give the same events.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_llm::sse::{SseDecoder, SseEvent};

fn decode(chunks: &[&[u8]]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut events = Vec::new();
    let mut decoder = SseDecoder::with_limit(4096);
    let mut keep = |event: SseEvent<'_>| events.push((event.name.to_owned(), event.data.to_vec()));
    for chunk in chunks {
        decoder.feed(chunk, &mut keep).ok()?;
    }
    decoder.finish(&mut keep);
    Some(events)
}

fuzz_target!(|bytes: &[u8]| {
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    if let (Some(whole), Some(parts)) = (decode(&[bytes]), decode(&[head, tail])) {
        assert_eq!(whole, parts);
    }
});

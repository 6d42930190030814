//! Pure LLM protocol: dialects, translation, SSE, usage, prices. No I/O, no clock.

//! Fake providers that answer in every dialect and can misbehave; for tests and load tests only.
//!
//! [`FakeProvider`] is one HTTP/1.1 server on 127.0.0.1 with the vendors' own paths (any prefix before them is
//! accepted): `/v1/chat/completions`, `/v1/responses`, `/v1/completions`, `/v1/embeddings`, `/v1/models`,
//! `/v1/images/generations`, `/v1/moderations`, `/v1/rerank`, `/v1/audio/{transcriptions,translations,speech}`;
//! `/v1/messages`, `/v1/messages/count_tokens`; `/v1beta/models/{m}:` (or `/v1/…`) with `generateContent`,
//! `streamGenerateContent` (an array without `alt=sse`), `countTokens`, `embedContent`, `batchEmbedContents`.
//!
//! A request needs a key, in `authorization: Bearer`, `x-api-key`, `x-goog-api-key`, `api-key` or `?key=`; without
//! one, or with the key `bad-key`, it gets 401, with `unpaid` 402, with `forbidden` 403, with one that begins with `limited` 429. Errors have the vendor's shape. Requests
//! that a vendor would refuse for their structure are refused in its words, unless the model says `lax`.
//!
//! # Model names
//! The model name says what to answer, so that it survives a translation on the way: segments separated by `~`, the
//! content and modifiers, for example `tool~pace-10~cut-5`. A first segment that is no content is ignored, as is
//! everything up to its last `/`: `claude-sonnet-4-5~tool` is `tool`, any plain name is `text`. A later segment that
//! is not listed here gets a 404 that names it. Token counts are [`INPUT_TOKENS`] and [`OUTPUT_TOKENS`] (one per piece
//! for `long` and `bench`) unless the name says others, with the same meaning in all dialects: the prompt includes the
//! cached tokens, the completion the reasoning ones.
//!
//! | content | answer |
//! | --- | --- |
//! | `text` | `You said: ` and the last user text (400 characters of it), one word per event |
//! | `tool` | a call of the forced or first tool, arguments made from its schema; after a tool result `The tool said: …`; without tools as `text` |
//! | `tools2` | two calls, their events interleaved in chat and Responses |
//! | `reasoning` | [`THOUGHT`] with [`SIGNATURE`], then text; in chat as `reasoning_content` |
//! | `redacted` | a thought of which only [`REDACTED`] is seen, then text |
//! | `refusal` | [`REFUSAL`] in the dialect's way; Gemini stops with `SAFETY` |
//! | `json` | an object that fits the requested schema |
//! | `long` | `word0000 word0001 …`, 100 pieces or `n-N` |
//! | `empty` | nothing, properly ended |
//! | `bench` | made once and copied: a plain body of 600 bytes (Responses: a little more), a stream of 64 or `n-N` pieces; not recorded |
//! | `missing` | 404, as for a model that does not exist |
//!
//! | modifier | instead of or before the answer |
//! | --- | --- |
//! | `status-N` | that status in the vendor's error shape; `garbage~status-502` has the web page with it |
//! | `retryafter-X`, `retryafterms-X` | on errors, the header with any text; `date-N` is the date in N seconds, `past` a past one; in Gemini also `RetryInfo` |
//! | `failfirst-N` | all faults (503 without any) for the first N requests with this exact name only |
//! | `quota`, `context` | 429 `insufficient_quota`; 400 `context_length_exceeded` |
//! | `arrayerror` | Gemini's errors in an array |
//! | `error200` | the error body with status 200 |
//! | `delay-N` | the head N ms late |
//! | `stall` | never a head |
//! | `garbage` | a web page with 200 |
//! | `redirect` | 302 to the fake's own `/_trap`, where every visit is recorded |
//! | `flood1xx-N` | N answers 103 before the head |
//! | `bigheaders-N` | N headers of 1 KiB, 1024 without N |
//! | `hop` | hop-by-hop headers and cookies in the head |
//! | `wrongtype` | `content-type: text/plain` |
//! | `truncated` | a `content-length` 100 bytes longer than the body |
//! | `closeafter` | the connection closed after the answer, without a word before |
//!
//! | modifier | inside the answer; events count from zero, a plain body counts in pieces of 16 bytes |
//! | --- | --- |
//! | `firstdelay-N` | the first event N ms after the head |
//! | `stallafter-N` | nothing more after N events |
//! | `cut-N`, `reset-N` | the connection closed, or reset, after N events; before the head with 0 |
//! | `badevent-N` | one more event with broken JSON at place N |
//! | `unknownevent-N` | one more event of an unknown kind at place N |
//! | `hugeline` | after two events a line without end |
//! | `errorafter-N`, `errorfirst` | the vendor's error event after N events, or after the opening ones (Gemini: one empty chunk); no end follows. With `quota` it is that error |
//! | `nestederror` | in Responses, the error event as seen in the wild: fields under `error`, `response.failed` after it |
//! | `failed` | Responses ends with `response.failed`, the others with an error event; plain answers with 500 |
//!
//! | modifier | how it is written |
//! | --- | --- |
//! | `pace-N` | N ms between events |
//! | `trickle-N` | one byte each N ms, 1 ms without N |
//! | `split` | one write per byte; implies `utf8` |
//! | `utf8` | [`WIDE`] after the text |
//! | `crlf` | CRLF, comments, `id` and `retry` fields, no space after colons |
//! | `cr` | lone CR |
//! | `multidata` | each event's JSON over many `data` lines |
//! | `joined` | the finish and what follows it as two `data` lines of one event |
//! | `heartbeat` | comments after the finish; without end if with `nodone`, `nofinish` or `stallafter-N` |
//! | `gzip`, `br` | compressed, flushed after each event, whatever the client accepts |
//! | `bigchunk-N` | N bytes more text in one event, 2 MB without N |
//! | `plain`, `sse` | JSON for those who want a stream, a stream for those who do not |
//!
//! | modifier | what it says |
//! | --- | --- |
//! | `nodone` | no `[DONE]`, `message_stop`, `response.completed`; Gemini has none anyway |
//! | `nofinish` | no reason for stopping, nor anything after it |
//! | `incomplete` | stopped for length |
//! | `finish-WORD` | this reason for stopping |
//! | `usage2`, `nousage`, `badusage` | counts twice, never, or as nonsense (negative, text, null, 10^12) |
//! | `usagefirst` | the usage chunk before the finish |
//! | `lateusage` | Anthropic: no counts in `message_start` |
//! | `in-N`, `out-N`, `cached-N`, `cachewrite-N`, `reasoned-N` | these counts |
//! | `toolbadjson`, `noargs` | arguments that are no JSON (Gemini: `MALFORMED_FUNCTION_CALL`); none at all |
//! | `signed` | a thought before the answer; Anthropic and Gemini then refuse a next turn without its signature |
//! | `details` | chat: OpenRouter's `reasoning` and `reasoning_details` |
//! | `lax` | no checks of the request's structure |
//!
//! # Tests in other languages
//! The program `fake-provider` serves the same and prints `listening 127.0.0.1:PORT`. `GET /_seen` gives the requests
//! so far (`[{method, path, headers, body, json}]`), `DELETE /_seen` forgets them and starts `failfirst` anew,
//! `GET /_stats` gives `{open, cancelled, accepts, requests}`. These need no key and are not recorded.

mod access;
mod answer;
mod ask;
mod check;
pub mod client;
mod compress;
mod control;
mod endpoint;
mod frames;
pub mod http2;
mod journal;
mod moment;
mod playback;
mod prerendered;
mod provider;
pub mod raw;
mod render;
mod respond;
mod sample;
mod script;
pub mod servers;
mod service;
mod side;
mod socket;
pub mod sse;
mod vendor_error;

pub use answer::{
    INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS, REDACTED, REFUSAL, SIGNATURE, THOUGHT, WIDE,
};
pub use journal::{Cancelled, Seen};
pub use provider::FakeProvider;

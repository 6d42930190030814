//! One JSON line per request, formatted and written on a thread of its own.
//!
//! A request only appends to a list; the thread is woken when the list was empty, writes all that has gathered, and then
//! rests a moment: under load there is no system call per request.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tidegate_core::{NanoUsd, RequestId};
use tidegate_llm::Usage;

use crate::exchange::Outcome;
use crate::json_line::JsonLine;

/// Lines that may wait; beyond it lines are dropped and counted by whoever brings them, because a stuck log must not eat the memory.
const WAITING: usize = 100_000;
/// The same in bytes, of lines that are written already.
const WAITING_BYTES: usize = 32 << 20;
/// The rest after each write.
const REST: Duration = Duration::from_millis(25);

/// What is written down of one exchange.
#[derive(Debug)]
#[allow(missing_docs)] // The fields are those of `Exchange`.
pub struct LogLine {
    pub arrived: SystemTime,
    pub id: RequestId,
    pub peer: SocketAddr,
    pub endpoint: &'static str,
    pub status: u16,
    pub outcome: Outcome,
    pub error: Option<String>,
    pub model: String,
    pub key: Option<Arc<str>>,
    pub target: Option<Arc<str>>,
    pub cache: Option<&'static str>,
    pub attempts: u32,
    pub stream: bool,
    pub duration: Duration,
    pub connected: Option<Duration>,
    pub waited: Duration,
    pub first_token: Option<Duration>,
    pub usage: Option<Usage>,
    pub cost: Option<NanoUsd>,
}

/// The log. Lines pushed after [`AccessLog::close`] are lost.
#[derive(Debug)]
pub struct AccessLog {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<LogLine>,
    /// Lines that are written already: of logs with a template.
    text: Vec<u8>,
    closed: bool,
    writing: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.text.is_empty()
    }
}

impl AccessLog {
    /// Starts the writing thread on `out`.
    pub fn start(out: Box<dyn Write + Send>) -> std::io::Result<Arc<Self>> {
        let log = Arc::new(Self::silent());
        let writer = log.clone();
        std::thread::Builder::new().name("access-log".into()).spawn(move || writer.write_all(out))?;
        Ok(log)
    }

    /// A log that keeps nothing; for tests and for `access_log: off`.
    pub fn off() -> Arc<Self> {
        let log = Self::silent();
        log.lock().closed = true;
        Arc::new(log)
    }

    fn silent() -> Self {
        Self { waiting: Mutex::default(), wake: Condvar::new() }
    }

    /// Appends a line; never waits for the writing. False: it was dropped, because the writing cannot keep up.
    pub fn push(&self, line: LogLine) -> bool {
        self.add(|waiting| {
            let has_room = waiting.lines.len() < WAITING;
            if has_room {
                waiting.lines.push(line);
            }
            has_room
        })
    }

    /// The same with a line in another format, which ends with its line end.
    pub fn push_text(&self, line: &[u8]) -> bool {
        self.add(|waiting| {
            let has_room = waiting.text.len() + line.len() <= WAITING_BYTES;
            if has_room {
                waiting.text.extend_from_slice(line);
            }
            has_room
        })
    }

    fn add(&self, append: impl FnOnce(&mut Waiting) -> bool) -> bool {
        let mut waiting = self.lock();
        if waiting.closed {
            return true;
        }
        let was_empty = waiting.is_empty();
        let has_room = append(&mut waiting);
        drop(waiting);
        if was_empty && has_room {
            self.wake.notify_all();
        }
        has_room
    }

    /// Waits until everything pushed so far is written, then ends the thread.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        self.wake.notify_all();
        while waiting.writing || !waiting.is_empty() {
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut out: Box<dyn Write + Send>) {
        let mut lines = Vec::new();
        let mut buffer = Vec::with_capacity(64 * 1024);
        loop {
            {
                let mut waiting = self.lock();
                waiting.writing = false;
                self.wake.notify_all();
                while waiting.is_empty() {
                    if waiting.closed {
                        return;
                    }
                    waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
                std::mem::swap(&mut waiting.lines, &mut lines);
                std::mem::swap(&mut waiting.text, &mut buffer);
                waiting.writing = true;
            }
            for line in lines.drain(..) {
                write_line(&mut buffer, &line);
            }
            // A closed pipe ends the log, not the gateway.
            let _ = out.write_all(&buffer).and_then(|()| out.flush());
            buffer.clear();
            if !self.lock().closed {
                std::thread::sleep(REST);
            }
        }
    }
}

/// What says nothing is left away: no error, no model, tokens that nobody told, zeros of the details.
fn write_line(out: &mut Vec<u8>, line: &LogLine) {
    let mut written = JsonLine::begin(out);
    written.time("time", line.arrived);
    written.text("request_id", line.id.encode(&mut [0; 32]));
    written.address("client", line.peer);
    written.text("endpoint", line.endpoint);
    written.number("status", line.status.into());
    written.text("outcome", line.outcome.word());
    if let Some(error) = &line.error {
        written.text("error", error);
    }
    if !line.model.is_empty() {
        written.text("model", &line.model);
    }
    if let Some(key) = &line.key {
        written.text("key", key);
    }
    if let Some(target) = &line.target {
        written.text("target", target);
    }
    if let Some(cache) = line.cache {
        written.text("cache", cache);
    }
    written.number("attempts", line.attempts.into());
    written.flag("stream", line.stream);
    written.millis("duration_ms", line.duration);
    written.millis("upstream_ms", line.waited);
    if let Some(connected) = line.connected {
        written.millis("connect_ms", connected);
    }
    if let Some(wait) = line.first_token {
        written.millis("first_token_ms", wait);
    }
    if let Some(usage) = &line.usage {
        write_usage(&mut written, usage);
    }
    if let Some(cost) = line.cost {
        written.dollars("cost_usd", cost);
    }
    written.end();
}

fn write_usage(written: &mut JsonLine<'_>, usage: &Usage) {
    written.number("input_tokens", usage.input);
    written.number("output_tokens", usage.output);
    if usage.cache_read > 0 {
        written.number("cached_tokens", usage.cache_read);
    }
    if usage.reasoning > 0 {
        written.number("reasoning_tokens", usage.reasoning);
    }
    if usage.estimated {
        written.flag("estimated", true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn line(model: &str) -> LogLine {
        LogLine {
            arrived: SystemTime::UNIX_EPOCH,
            id: RequestId::from_parts(0, 1),
            peer: "127.0.0.1:9".parse().unwrap(),
            endpoint: "chat_completions",
            status: 200,
            outcome: Outcome::Complete,
            error: None,
            model: model.to_owned(),
            key: None,
            target: None,
            cache: None,
            attempts: 1,
            stream: false,
            connected: None,
            duration: Duration::from_micros(1500),
            waited: Duration::ZERO,
            first_token: None,
            usage: None,
            cost: Some(NanoUsd(1_500_000)),
        }
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_the_caller_told() {
        let log = AccessLog::silent();
        assert!((0..WAITING).all(|_| log.push(line(""))));
        assert!(!log.push(line("one too many")));
        assert!(AccessLog::off().push(line("kept by nobody, missed by nobody")));
    }

    #[test]
    fn fault_79_hostile_text_stays_one_record() {
        let out = Shared::default();
        let log = AccessLog::start(Box::new(out.clone())).unwrap();
        log.push(line("a\r\n{\"status\":500}\u{1b}[31m"));
        log.push(line("b"));
        log.close();
        let written = out.0.lock().unwrap();
        let lines: Vec<serde_json::Value> = written
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["status"], 200);
        assert_eq!(lines[0]["time"], "1970-01-01T00:00:00.000Z");
        assert_eq!(lines[1]["cost_usd"], 0.0015);
    }
}

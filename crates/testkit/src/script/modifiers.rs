//! The modifiers of the grammar, by what they touch.

use std::time::Duration;

/// What goes wrong. `failfirst-N` confines these to the first N requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Faults {
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<String>,
    pub(crate) retry_after_ms: Option<String>,
    pub(crate) fail_first: Option<usize>,
    pub(crate) quota: bool,
    pub(crate) context: bool,
    pub(crate) array_error: bool,
    pub(crate) delay: Option<Duration>,
    pub(crate) first_delay: Option<Duration>,
    pub(crate) stall: bool,
    pub(crate) ending: Option<Ending>,
    pub(crate) garbage: bool,
    pub(crate) bad_event: Option<usize>,
    pub(crate) unknown_event: Option<usize>,
    pub(crate) huge_line: bool,
    pub(crate) error_after: Option<usize>,
    pub(crate) error_first: bool,
    pub(crate) nested_error: bool,
    pub(crate) error_200: bool,
    pub(crate) failed: bool,
    pub(crate) truncated: bool,
    pub(crate) redirect: bool,
    pub(crate) big_headers: Option<usize>,
    pub(crate) hop: bool,
    pub(crate) flood_1xx: Option<usize>,
    pub(crate) wrong_type: bool,
    pub(crate) close_after: bool,
}

/// The answer ends badly after so many events; zero means before the response's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) after: usize,
    pub(crate) how: How,
}

/// In what way it ends badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Stall,
    Cut,
    Reset,
}

/// How events become bytes, and at what speed they leave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Framing {
    pub(crate) pace: Option<Duration>,
    pub(crate) trickle: Option<Duration>,
    pub(crate) split: bool,
    pub(crate) odd: bool,
    pub(crate) lone_cr: bool,
    pub(crate) multi_data: bool,
    pub(crate) joined: bool,
    pub(crate) heartbeat: bool,
    pub(crate) compression: Option<Compression>,
}

/// `content-encoding` of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Brotli,
}

/// What the answer says beside its content.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shape {
    pub(crate) no_done: bool,
    pub(crate) no_finish: bool,
    pub(crate) usage: UsageMode,
    pub(crate) usage_first: bool,
    pub(crate) late_usage: bool,
    pub(crate) plain: bool,
    pub(crate) sse: bool,
    pub(crate) tool_bad_json: bool,
    pub(crate) no_args: bool,
    pub(crate) incomplete: bool,
    pub(crate) finish_word: Option<String>,
    pub(crate) signed: bool,
    pub(crate) details: bool,
    pub(crate) utf8: bool,
    pub(crate) big_chunk: Option<usize>,
    pub(crate) lax: bool,
}

/// Whether and how often token counts are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UsageMode {
    #[default]
    Once,
    Twice,
    Never,
    Bad,
}

/// Token counts that the name claims; `None` takes the content's default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
    pub(crate) cached: Option<u64>,
    pub(crate) cache_write: Option<u64>,
    pub(crate) reasoning: Option<u64>,
}

/// What follows the first `-` of a segment.
#[derive(Clone, Copy)]
pub(super) struct Arg<'a>(pub(super) Option<&'a str>);

impl Arg<'_> {
    pub(super) fn number(self, default: usize) -> Option<usize> {
        self.0.map_or(Some(default), |text| text.parse().ok())
    }

    fn millis(self, default: usize) -> Option<Duration> {
        Some(Duration::from_millis(self.number(default)? as u64))
    }

    fn text(self, default: &str) -> String {
        self.0.unwrap_or(default).to_owned()
    }

    fn tokens(self) -> Option<Option<u64>> {
        Some(Some(self.0?.parse().ok()?))
    }
}

impl Faults {
    pub(super) fn http(&mut self, word: &str, arg: Arg<'_>) -> Option<()> {
        match word {
            "status" => {
                self.status = Some(u16::try_from(arg.number(500)?).ok().filter(|s| (200..1000).contains(s))?)
            }
            "retryafter" => self.retry_after = Some(arg.text("1")),
            "retryafterms" => self.retry_after_ms = Some(arg.text("100")),
            "failfirst" => self.fail_first = Some(arg.number(1)?),
            "quota" => self.quota = true,
            "context" => self.context = true,
            "arrayerror" => self.array_error = true,
            "delay" => self.delay = Some(arg.millis(100)?),
            "stall" => self.stall = true,
            "garbage" => self.garbage = true,
            "error200" => self.error_200 = true,
            "truncated" => self.truncated = true,
            "redirect" => self.redirect = true,
            "bigheaders" => self.big_headers = Some(arg.number(1024)?),
            "hop" => self.hop = true,
            "flood1xx" => self.flood_1xx = Some(arg.number(1000)?),
            "wrongtype" => self.wrong_type = true,
            "closeafter" => self.close_after = true,
            _ => return None,
        }
        Some(())
    }

    pub(super) fn stream(&mut self, word: &str, arg: Arg<'_>) -> Option<()> {
        let ending = |how| Some(Ending { after: arg.number(0)?, how });
        match word {
            "firstdelay" => self.first_delay = Some(arg.millis(100)?),
            "stallafter" => self.ending = Some(ending(How::Stall)?),
            "cut" => self.ending = Some(ending(How::Cut)?),
            "reset" => self.ending = Some(ending(How::Reset)?),
            "badevent" => self.bad_event = Some(arg.number(1)?),
            "unknownevent" => self.unknown_event = Some(arg.number(1)?),
            "hugeline" => self.huge_line = true,
            "errorafter" => self.error_after = Some(arg.number(1)?),
            "errorfirst" => self.error_first = true,
            "nestederror" => self.nested_error = true,
            "failed" => self.failed = true,
            _ => return None,
        }
        Some(())
    }
}

impl Framing {
    pub(super) fn modify(&mut self, word: &str, arg: Arg<'_>) -> Option<()> {
        match word {
            "pace" => self.pace = Some(arg.millis(10)?),
            "trickle" => self.trickle = Some(arg.millis(1)?),
            "split" => self.split = true,
            "crlf" => self.odd = true,
            "cr" => self.lone_cr = true,
            "multidata" => self.multi_data = true,
            "joined" => self.joined = true,
            "heartbeat" => self.heartbeat = true,
            "gzip" => self.compression = Some(Compression::Gzip),
            "br" => self.compression = Some(Compression::Brotli),
            _ => return None,
        }
        Some(())
    }
}

impl Shape {
    pub(super) fn modify(&mut self, word: &str, arg: Arg<'_>) -> Option<()> {
        match word {
            "nodone" => self.no_done = true,
            "nofinish" => self.no_finish = true,
            "usage2" => self.usage = UsageMode::Twice,
            "nousage" => self.usage = UsageMode::Never,
            "badusage" => self.usage = UsageMode::Bad,
            "usagefirst" => self.usage_first = true,
            "lateusage" => self.late_usage = true,
            "plain" => self.plain = true,
            "sse" => self.sse = true,
            "toolbadjson" => self.tool_bad_json = true,
            "noargs" => self.no_args = true,
            "incomplete" => self.incomplete = true,
            "finish" => self.finish_word = Some(arg.0?.to_owned()),
            "signed" => self.signed = true,
            "details" => self.details = true,
            "utf8" => self.utf8 = true,
            "bigchunk" => self.big_chunk = Some(arg.number(2_000_000)?),
            "lax" => self.lax = true,
            _ => return None,
        }
        Some(())
    }
}

impl Tokens {
    pub(super) fn modify(&mut self, word: &str, arg: Arg<'_>) -> Option<()> {
        match word {
            "in" => self.input = arg.tokens()?,
            "out" => self.output = arg.tokens()?,
            "cached" => self.cached = arg.tokens()?,
            "cachewrite" => self.cache_write = arg.tokens()?,
            "reasoned" => self.reasoning = arg.tokens()?,
            _ => return None,
        }
        Some(())
    }
}

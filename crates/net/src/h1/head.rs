//! The head of an answer (RFC 9112 sections 4 to 6): what it says, and how its body ends.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};

use super::body::Extent;
use super::chunked::Chunked;
use super::error::Error;

/// Most headers of one head.
pub(super) const HEADERS: usize = 256;

/// What was asked, as far as it decides how the answer ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// Anything else.
    #[default]
    Plain,
    /// `HEAD`: the answer has no body, whatever its head says.
    Head,
    /// `CONNECT`: what follows a good answer is a tunnel.
    Connect,
    /// The request has an `Upgrade` header: what follows `101` is another protocol.
    Upgrade,
}

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    /// Status, version, headers.
    pub(crate) told: Response<()>,
    /// How far its body goes.
    pub(crate) extent: Extent,
    /// Whether the connection stays open behind it.
    pub(crate) persists: bool,
}

impl Head {
    /// Reads a whole head, which ends with its empty line. The values of its headers are slices of it.
    pub(crate) fn parse(bytes: &Bytes, asked: Asked) -> Result<Self, Error> {
        let mut slots = [const { std::mem::MaybeUninit::uninit() }; HEADERS];
        let mut parsed = httparse::Response::new(&mut []);
        let outcome = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut parsed,
            bytes,
            &mut slots,
        );
        match outcome {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) => return Err(Error::Malformed("its head ends early")),
            Err(httparse::Error::TooManyHeaders) => return Err(Error::TooLarge("more than 256 headers")),
            Err(error) => return Err(Error::Malformed(reason(error))),
        }
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(Error::Malformed("its status"))?;
        let is_old = parsed.version == Some(0);
        let mut framing = Framing::default();
        let headers = read_headers(bytes, parsed.headers, &mut framing)?;
        let extent = framing.extent(status, is_old, asked)?;
        let persists = !framing.closes && (!is_old || framing.keeps) && !matches!(extent, Extent::UntilClose);
        let mut told = Response::new(());
        *told.status_mut() = status;
        *told.version_mut() = if is_old { Version::HTTP_10 } else { Version::HTTP_11 };
        *told.headers_mut() = headers;
        Ok(Self { told, extent, persists })
    }
}

fn read_headers(
    bytes: &Bytes,
    parsed: &[httparse::Header<'_>],
    framing: &mut Framing,
) -> Result<HeaderMap, Error> {
    // Whoever passes it on adds some of his own.
    let mut headers = HeaderMap::with_capacity(parsed.len() + 4);
    for header in parsed {
        let name = HeaderName::from_bytes(header.name.as_bytes())
            .map_err(|_| Error::Malformed("the name of a header"))?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(header.value))
            .map_err(|_| Error::Malformed("the value of a header"))?;
        framing.note(&name, header.value)?;
        headers.try_append(name, value).map_err(|_| Error::TooLarge("its headers"))?;
    }
    Ok(headers)
}

pub(super) fn reason(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "the name of a header",
        httparse::Error::HeaderValue => "the value of a header",
        httparse::Error::NewLine => "a line of its head does not end as it must",
        httparse::Error::Version => "its version",
        _ => "its first line",
    }
}

/// What the headers say of the body's end and of the connection.
#[derive(Debug, Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    closes: bool,
    keeps: bool,
}

impl Framing {
    fn note(&mut self, name: &HeaderName, value: &[u8]) -> Result<(), Error> {
        if *name == CONTENT_LENGTH {
            if self.length.is_some() {
                return Err(Error::Malformed("it has more than one Content-Length"));
            }
            self.length = Some(read_length(value).ok_or(Error::Malformed("its Content-Length"))?);
        } else if *name == TRANSFER_ENCODING {
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Error::Malformed("its Transfer-Encoding is another than chunked"));
            }
            self.chunked = true;
        } else if *name == CONNECTION {
            for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                self.closes |= option.eq_ignore_ascii_case(b"close");
                self.keeps |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        Ok(())
    }

    /// RFC 9112 section 6.3. What could be read in two ways is refused, even where the body's end does not hang on it.
    fn extent(&self, status: StatusCode, is_old: bool, asked: Asked) -> Result<Extent, Error> {
        if asked == Asked::Connect && status.is_success() {
            return Ok(Extent::Tunnel);
        }
        if self.chunked && self.length.is_some() {
            return Err(Error::Malformed("it has both Transfer-Encoding and Content-Length"));
        }
        if self.chunked && is_old {
            return Err(Error::Malformed("it has Transfer-Encoding in HTTP/1.0"));
        }
        match (status, asked) {
            (StatusCode::SWITCHING_PROTOCOLS, Asked::Upgrade) => Ok(Extent::Tunnel),
            (StatusCode::SWITCHING_PROTOCOLS, _) => {
                Err(Error::Malformed("it switches protocols, which nobody asked for"))
            }
            (StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED, _) | (_, Asked::Head) => {
                Ok(Extent::Length(0))
            }
            _ if self.chunked => Ok(Extent::Chunked(Chunked::start())),
            _ => Ok(self.length.map_or(Extent::UntilClose, Extent::Length)),
        }
    }
}

/// `1*DIGIT`, and nothing else.
pub(super) fn read_length(value: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let add = |sum: u64, byte: &u8| sum.checked_mul(10)?.checked_add(digit(byte)?);
    if value.is_empty() { None } else { value.iter().try_fold(0, add) }
}

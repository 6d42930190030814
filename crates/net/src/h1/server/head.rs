//! The head of a request (RFC 9112 sections 3, 5 and 6): what it says, and how its body ends.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};

use super::refusal::Refusal;
use super::target::{check_host, read_target};
use crate::h1::body::Extent;
use crate::h1::chunked::Chunked;
use crate::h1::head::{HEADERS, read_length, reason};

/// The head of a request.
#[derive(Debug)]
pub struct Head {
    /// Method, target, version, headers.
    pub request: Request<()>,
    /// How far its body goes.
    pub(crate) extent: Extent,
    /// Whether its sender wants to ask again on the connection.
    pub(crate) persists: bool,
    /// Whether its sender waits for `100 Continue` before the body.
    pub(crate) expects: bool,
    /// Whether its sender offers another protocol.
    pub(crate) offers: bool,
}

impl Head {
    /// Reads a whole head, which ends with its empty line; every line feed in it stands behind a carriage return. The values of
    /// its headers are slices of it.
    pub(super) fn parse(bytes: &Bytes) -> Result<Self, Refusal> {
        let mut slots = [const { std::mem::MaybeUninit::uninit() }; HEADERS];
        let mut parsed = httparse::Request::new(&mut []);
        let outcome = httparse::ParserConfig::default().parse_request_with_uninit_headers(
            &mut parsed,
            bytes,
            &mut slots,
        );
        match outcome {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) => return Err(Refusal::malformed("its head ends early")),
            Err(httparse::Error::TooManyHeaders) => return Err(Refusal::LARGE_HEAD),
            Err(httparse::Error::Version) if is_other_version(bytes) => return Err(Refusal::OTHER_VERSION),
            Err(error) => return Err(Refusal::malformed(reason(error))),
        }
        let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
            return Err(Refusal::malformed("its first line"));
        };
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Refusal::malformed("its method"))?;
        let is_old = parsed.version == Some(0);
        let uri = read_target(&method, bytes, target)?;
        let mut framing = Framing::default();
        let headers = read_headers(bytes, parsed.headers, &mut framing)?;
        check_host(&uri, framing.host, is_old)?;
        let extent = framing.extent(is_old)?;
        // What follows a good answer to CONNECT would not be HTTP to the caller, whatever was answered.
        let persists = !framing.closes && (!is_old || framing.keeps) && method != Method::CONNECT;
        let (expects, offers) = (framing.expects && !is_old, framing.offers && !is_old);
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.version_mut() = if is_old { Version::HTTP_10 } else { Version::HTTP_11 };
        *request.headers_mut() = headers;
        Ok(Self { request, extent, persists, expects, offers })
    }
}

fn read_headers<'a>(
    bytes: &Bytes,
    parsed: &[httparse::Header<'a>],
    framing: &mut Framing<'a>,
) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for header in parsed {
        let name = HeaderName::from_bytes(header.name.as_bytes())
            .map_err(|_| Refusal::malformed("the name of a header"))?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(header.value))
            .map_err(|_| Refusal::malformed("the value of a header"))?;
        framing.note(&name, header.value)?;
        headers.try_append(name, value).map_err(|_| Refusal::LARGE_HEAD)?;
    }
    Ok(headers)
}

/// Whether the first line ends as one of HTTP does, in a version that is not ours.
fn is_other_version(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    let is_ours = version == b"HTTP/1.1" || version == b"HTTP/1.0";
    let is_version = |one: &u8, other: &u8| one.is_ascii_digit() && other.is_ascii_digit() && !is_ours;
    matches!(version, [b'H', b'T', b'T', b'P', b'/', one, b'.', other] if is_version(one, other))
}

/// What the headers say of the body's end and of the connection.
#[derive(Debug, Default)]
struct Framing<'a> {
    length: Option<u64>,
    chunked: bool,
    closes: bool,
    keeps: bool,
    expects: bool,
    offers: bool,
    host: Option<&'a [u8]>,
}

impl<'a> Framing<'a> {
    fn note(&mut self, name: &HeaderName, value: &'a [u8]) -> Result<(), Refusal> {
        if *name == HOST {
            if self.host.is_some() {
                return Err(Refusal::malformed("it has more than one Host"));
            }
            self.host = Some(value);
        } else if *name == CONTENT_LENGTH {
            if self.length.is_some() {
                return Err(Refusal::malformed("it has more than one Content-Length"));
            }
            self.length = Some(read_length(value).ok_or(Refusal::malformed("its Content-Length"))?);
        } else if *name == TRANSFER_ENCODING {
            if self.chunked {
                return Err(Refusal::malformed("it has more than one Transfer-Encoding"));
            }
            check_coding(value)?;
            self.chunked = true;
        } else if *name == CONNECTION {
            for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                self.closes |= option.eq_ignore_ascii_case(b"close");
                self.keeps |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if *name == EXPECT {
            self.expects |= value.eq_ignore_ascii_case(b"100-continue");
        } else if *name == UPGRADE {
            self.offers = true;
        }
        Ok(())
    }

    /// RFC 9112 section 6.3. What could be read in two ways is refused.
    fn extent(&self, is_old: bool) -> Result<Extent, Refusal> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Refusal::malformed("it has both Transfer-Encoding and Content-Length")),
            (true, None) if is_old => Err(Refusal::malformed("it has Transfer-Encoding in HTTP/1.0")),
            (true, None) => Ok(Extent::Chunked(Chunked::start())),
            (false, length) => Ok(Extent::Length(length.unwrap_or(0))),
        }
    }
}

/// `chunked` alone. A list that ends with it could be understood by others (501, RFC 9112 section 6.1); where another one ends
/// it, nobody knows where the body does (400, section 6.3).
fn check_coding(value: &[u8]) -> Result<(), Refusal> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut codings = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let is_last = codings.next_back().is_some_and(is_chunked);
    let is_token = |coding: &[u8]| HeaderName::from_bytes(coding).is_ok();
    if is_last && codings.all(|coding| is_token(coding) && !is_chunked(coding)) {
        return Err(Refusal::OTHER_CODING);
    }
    Err(Refusal::malformed("its Transfer-Encoding is another than chunked"))
}

//! What is asked for: the request's target (RFC 9112 section 3.2) and its `Host` (RFC 9110 section 7.2), which must agree.

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Method, Uri};

use super::refusal::Refusal;

const TARGET: Refusal = Refusal::malformed("the request's target");
const HOST: Refusal = Refusal::malformed("its Host is not that of its target");

/// Reads a target, `text` being a part of `bytes`.
pub(super) fn read_target(method: &Method, bytes: &Bytes, text: &str) -> Result<Uri, Refusal> {
    // A fragment is not sent (section 3.2.1), and would be dropped in silence.
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(TARGET);
    }
    let uri = Uri::from_maybe_shared(bytes.slice_ref(text.as_bytes())).map_err(|_| TARGET)?;
    let is_one = if *method == Method::CONNECT {
        uri.scheme().is_none() && uri.port_u16().is_some() && uri.path_and_query().is_none()
    } else if text == "*" {
        *method == Method::OPTIONS
    } else {
        text.starts_with('/') || is_absolute(&uri)
    };
    if is_one { Ok(uri) } else { Err(TARGET) }
}

/// Of HTTP, and without a user: that is an error where it comes from somebody unknown (RFC 9110 section 4.2.4).
fn is_absolute(uri: &Uri) -> bool {
    let is_http = uri.scheme().is_some_and(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
    is_http && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
}

/// Checks a request's `Host`, of which RFC 9112 section 3.2 demands one in HTTP/1.1.
pub(super) fn check_host(uri: &Uri, host: Option<&[u8]>, is_old: bool) -> Result<(), Refusal> {
    let Some(host) = host else {
        return if is_old { Ok(()) } else { Err(Refusal::malformed("it has no Host")) };
    };
    if !is_host(host) {
        return Err(Refusal::malformed("its Host"));
    }
    match (uri.scheme(), uri.authority()) {
        (Some(scheme), Some(authority)) if !agree(scheme, authority, host) => Err(HOST),
        _ => Ok(()),
    }
}

/// `uri-host [ ":" port ]` of RFC 9110 section 7.2; may be empty.
fn is_host(value: &[u8]) -> bool {
    let (host, port) = split_port(value);
    let is_name = match host {
        [b'[', address @ .., b']'] => {
            address.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        }
        name => name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(byte)),
    };
    is_name && port.iter().all(u8::is_ascii_digit) && port.len() <= 5
}

/// The host, and the digits behind its colon.
fn split_port(value: &[u8]) -> (&[u8], &[u8]) {
    let from = value.iter().rposition(|byte| *byte == b']').unwrap_or(0);
    match value[from..].iter().position(|byte| *byte == b':') {
        Some(at) => (&value[..from + at], &value[from + at + 1..]),
        None => (value, b""),
    }
}

fn agree(scheme: &Scheme, authority: &Authority, host: &[u8]) -> bool {
    let usual: &[u8] = if *scheme == Scheme::HTTPS { b"443" } else { b"80" };
    let or_usual = |port: &[u8]| if port.is_empty() { usual.to_vec() } else { port.to_vec() };
    let ((one, one_port), (other, other_port)) =
        (split_port(authority.as_str().as_bytes()), split_port(host));
    one.eq_ignore_ascii_case(other) && or_usual(one_port) == or_usual(other_port)
}

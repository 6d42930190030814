//! Requests to speak another protocol: `Upgrade` of HTTP/1.1 (RFC 9110 section 7.8) and `CONNECT` with `:protocol` of HTTP/2
//! (RFC 8441), turned into what an HTTP/1.1 upstream understands, and its answer turned back.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};

pub(crate) use self::caller::{Grant, offer};
pub use self::caller::{OnUpgrade, on};

mod caller;

/// What RFC 6455 section 1.3 puts behind the key.
const WEBSOCKET: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// What of a head concerns one connection alone.
const HOP: [HeaderName; 2] = [CONNECTION, UPGRADE];

/// A caller's wish to speak another protocol.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Which one, such as `websocket`.
    pub protocol: HeaderValue,
    /// Whether it came as `CONNECT` with `:protocol`.
    pub extended: bool,
    /// The key made for the upstream, where the caller has none.
    key: Option<HeaderValue>,
}

impl Wish {
    /// Reads the wish of a request. `None` for one that has none, and for one in HTTP/1.0, or with a body: there it must be
    /// ignored.
    pub fn of<B: http_body::Body>(request: &Request<B>) -> Option<Self> {
        if let Some(protocol) = request.extensions().get::<hyper::ext::Protocol>() {
            let is_connect = *request.method() == Method::CONNECT && request.version() == Version::HTTP_2;
            let protocol = HeaderValue::from_str(protocol.as_str()).ok().filter(|_| is_connect)?;
            let key = protocol.as_bytes().eq_ignore_ascii_case(b"websocket").then(key).flatten();
            return Some(Self { protocol, extended: true, key });
        }
        let headers = request.headers();
        let is_asked = request.version() == Version::HTTP_11
            && request.body().is_end_stream()
            && *request.method() != Method::CONNECT
            && names(headers, &CONNECTION, b"upgrade");
        let mut protocols = headers.get_all(UPGRADE).iter();
        let protocol = protocols.next().filter(|_| is_asked)?;
        // More than one offer: which of them was taken must be said by the answer, and the caller's other words depend on it.
        protocols.next().is_none().then(|| Self { protocol: protocol.clone(), extended: false, key: None })
    }

    /// The method with which an HTTP/1.1 upstream is asked.
    pub fn method(&self, method: &Method) -> Method {
        if self.extended { Method::GET } else { method.clone() }
    }

    /// Puts the wish into the headers for the upstream, from which hop-by-hop headers have been removed.
    pub fn ask(&self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, self.protocol.clone());
        if let Some(key) = &self.key {
            headers.insert(SEC_WEBSOCKET_KEY, key.clone());
        }
    }

    /// Whether the upstream has granted it: 101, the protocol that was asked for, and to a key of ours the right answer.
    pub fn is_granted(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let accept = self.key.as_ref().map(accept);
        status == StatusCode::SWITCHING_PROTOCOLS
            && names(headers, &UPGRADE, self.protocol.as_bytes())
            && accept.is_none_or(|accept| {
                headers.get(SEC_WEBSOCKET_ACCEPT).is_some_and(|said| said.as_bytes() == accept.as_bytes())
            })
    }

    /// Turns the headers of a granting answer into what the caller is told; gives its status.
    pub fn grant(&self, headers: &mut HeaderMap) -> StatusCode {
        for name in HOP {
            headers.remove(name);
        }
        if self.extended {
            headers.remove(SEC_WEBSOCKET_ACCEPT);
            return StatusCode::OK;
        }
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, self.protocol.clone());
        StatusCode::SWITCHING_PROTOCOLS
    }
}

/// Whether a header's list has that word, in any case.
fn names(headers: &HeaderMap, name: &HeaderName, word: &[u8]) -> bool {
    let words = headers.get_all(name).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    words.map(<[u8]>::trim_ascii).any(|said| said.eq_ignore_ascii_case(word))
}

fn key() -> Option<HeaderValue> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    HeaderValue::from_str(&STANDARD.encode(bytes)).ok()
}

pub(crate) fn accept(key: &HeaderValue) -> String {
    let text = [key.as_bytes(), WEBSOCKET].concat();
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Empty;

    #[test]
    fn the_answer_to_the_key_is_the_one_of_rfc_6455_section_1_3() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept(&key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_wish_is_read_only_where_it_is_one() {
        let request = |connection: &'static str, version, method: &str| {
            let request = Request::builder().version(version).method(method);
            let request = request.header("connection", connection).header("upgrade", "websocket");
            request.body(Empty::<bytes::Bytes>::new()).unwrap()
        };
        let is_wish = |request| Wish::of(&request).is_some();
        assert!(is_wish(request("keep-alive, Upgrade", Version::HTTP_11, "GET")));
        assert!(!is_wish(request("keep-alive", Version::HTTP_11, "GET")));
        assert!(!is_wish(request("upgrade", Version::HTTP_10, "GET")));
        assert!(!is_wish(request("upgrade", Version::HTTP_2, "GET")));
        assert!(!is_wish(request("upgrade", Version::HTTP_11, "CONNECT")));
    }

    #[test]
    fn fault_10_only_the_answer_that_was_asked_for_opens_a_tunnel() {
        let mut request = Request::new(Empty::<bytes::Bytes>::new());
        *request.method_mut() = Method::CONNECT;
        *request.version_mut() = Version::HTTP_2;
        request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
        let wish = Wish::of(&request).unwrap();
        let mut asked = HeaderMap::new();
        wish.ask(&mut asked);
        assert_eq!(wish.method(request.method()), Method::GET);
        let mut answer = HeaderMap::new();
        answer.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
        assert!(!wish.is_granted(StatusCode::SWITCHING_PROTOCOLS, &answer), "without an answer to the key");
        let accept = accept(&asked[SEC_WEBSOCKET_KEY]);
        answer.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&accept).unwrap());
        assert!(wish.is_granted(StatusCode::SWITCHING_PROTOCOLS, &answer));
        assert!(!wish.is_granted(StatusCode::OK, &answer));
        assert_eq!(wish.grant(&mut answer), StatusCode::OK);
        assert!(answer.is_empty());
        answer.insert(UPGRADE, HeaderValue::from_static("h2c"));
        assert!(!wish.is_granted(StatusCode::SWITCHING_PROTOCOLS, &answer));
    }
}

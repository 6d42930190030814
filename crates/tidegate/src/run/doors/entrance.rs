//! What a door in the clear answers by itself: the questions of ACME servers, and where `https` is.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::uri::Authority;
use http::{HeaderValue, Request, Response, StatusCode};
use tidegate_net::{Answering, Challenges, Handler, Incoming, Peer};
use tidegate_proxy::Gateway;
use tidegate_proxy::body::ReplyBody;

use super::Made;

/// What is counted for a request that was sent to `https`.
const WORD: &str = "redirect_to_https";

/// In front of the gateway on a door in the clear.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) gateway: Arc<Gateway>,
    pub(super) made: Arc<Made>,
    /// The port of `https`, if everybody is sent there.
    pub(super) https: Option<u16>,
}

impl Handler for Entrance {
    type Body = ReplyBody;

    fn handle(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Answering<ReplyBody> {
        match (Challenges::token(request.uri().path()), self.https) {
            (None, None) => self.gateway.clone().handle(request, peer),
            (None, Some(port)) => Box::pin(std::future::ready(self.elsewhere(&request, port))),
            (Some(_), _) => Box::pin(self.challenged(request, peer)),
        }
    }
}

impl Entrance {
    /// Answers what looks like a challenge, and may be none.
    async fn challenged(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Response<ReplyBody> {
        match (self.challenge(request.uri().path()).await, self.https) {
            (Some(text), _) => plain(StatusCode::OK, text),
            (None, Some(port)) => self.elsewhere(&request, port),
            (None, None) => self.gateway.clone().handle(request, peer).await,
        }
    }

    /// Sends the caller to `https`.
    fn elsewhere(&self, request: &Request<Incoming>, port: u16) -> Response<ReplyBody> {
        let response = match target(request, port) {
            Some(target) => {
                let mut response = plain(StatusCode::PERMANENT_REDIRECT, String::new());
                response.headers_mut().insert(LOCATION, target);
                response
            }
            None => plain(StatusCode::BAD_REQUEST, "The request names no host.\n".to_owned()),
        };
        self.gateway.meters().count_refused(WORD, response.status().as_u16());
        response
    }

    /// What an ACME server is to be told: what this instance or another one has said to it.
    async fn challenge(&self, path: &str) -> Option<String> {
        let token = Challenges::token(path)?;
        match self.made.challenges.answer(path) {
            Some(text) => Some(text.to_string()),
            None => self.made.shelf.published(token).await,
        }
    }
}

/// The same URL with `https`.
fn target<B>(request: &Request<B>, port: u16) -> Option<HeaderValue> {
    let written = || request.headers().get(HOST)?.to_str().ok()?.parse::<Authority>().ok();
    let authority = request.uri().authority().cloned().or_else(written)?;
    let host = authority.host();
    if host.is_empty() || authority.as_str().contains('@') {
        return None;
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    let text = match port {
        443 => format!("https://{host}{path}"),
        port => format!("https://{host}:{port}{path}"),
    };
    HeaderValue::try_from(text).ok()
}

fn plain(status: StatusCode, text: String) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::full(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_url_with_https() {
        let sent = |host: Option<&str>, uri: &str, port| {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            let target = target(&request.body(()).unwrap(), port)?;
            Some(target.to_str().unwrap().to_owned())
        };
        for (host, uri, port, to) in [
            (Some("a.example"), "/x?y=%20z", 443, Some("https://a.example/x?y=%20z")),
            (Some("a.example:80"), "/", 8443, Some("https://a.example:8443/")),
            (Some("[::1]:80"), "/", 443, Some("https://[::1]/")),
            (Some("b.example"), "http://a.example/p", 443, Some("https://a.example/p")),
            (Some("a.example"), "*", 443, Some("https://a.example/")),
            (None, "/", 443, None),
            (Some("a@b"), "/", 443, None),
            (Some("a b"), "/", 443, None),
            (Some(""), "/", 443, None),
        ] {
            assert_eq!(sent(host, uri, port).as_deref(), to, "{host:?} {uri}");
        }
    }
}

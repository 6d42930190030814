//! What every answer of a route gets on its way out: the id, marks for browsers, how the limits stand, the route's own headers.

use http::header::ORIGIN;
use http::{HeaderValue, Response};
use tidegate_policy::limit::told::Teller;
use tidegate_policy::limit::{Claim, Decision};

use super::Route;
use super::visit::Visit;
use crate::body::ReplyBody;
use crate::headers;
use crate::sheets::{self, Words};

/// Says which request is answered, unless the answer says so already.
pub fn identify(response: &mut Response<ReplyBody>, id: &str) {
    response.headers_mut().entry(headers::REQUEST_ID).or_insert_with(|| headers::value(id));
}

/// Finishes an answer's head.
pub fn finish(
    response: &mut Response<ReplyBody>,
    route: Option<&Route>,
    visit: &Visit,
    limits: Option<&(Vec<Claim>, Decision)>,
    id: &str,
) {
    identify(response, id);
    let status = response.status();
    let map = response.headers_mut();
    if let Some((claims, decision)) = limits {
        map.extend(sheets::told(&Teller::new(claims, decision), Words::Standard, 0));
    }
    let Some(route) = route else { return };
    if let Some(cors) = &route.cors {
        let origin: Option<&HeaderValue> = visit.head.headers.get(ORIGIN);
        cors.mark(origin, map);
    }
    if !route.answer_headers.changes.is_empty() {
        let before = map.clone();
        let mut scene = visit.scene(id, &route.name);
        scene.answer = Some((status, &before));
        scene.upstream_headers = Some(&before);
        route.answer_headers.apply(map, &scene);
    }
}

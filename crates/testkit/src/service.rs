//! One request: recorded, admitted, read, and answered as its model name says.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use crate::ask::{self, Ask, Dialect};
use crate::endpoint::{Endpoint, GeminiVerb};
use crate::frames::Style;
use crate::journal::{Journal, OpenAnswer, Seen};
use crate::playback::Playback;
use crate::prerendered::{Key, Peek, Prerendered};
use crate::respond::Outgoing;
use crate::script::{Content, Ending, Faults, Framing, How, Script};
use crate::socket::Socket;
use crate::vendor_error::{Complaint, Vendor};
use crate::{access, answer, check, control, render, side};

/// What all connections of one fake provider share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) address: SocketAddr,
    pub(crate) journal: Arc<Journal>,
    pub(crate) prerendered: Prerendered,
}

/// Answers one request. An error closes the connection without an answer, which some faults want.
pub(crate) async fn serve(
    state: Arc<State>,
    socket: Socket,
    request: Request<Incoming>,
) -> io::Result<Response<Playback>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let number = state.journal.requests.fetch_add(1, Ordering::Relaxed);
    let mut open = OpenAnswer::new(Arc::clone(&state.journal), target.clone());
    let call =
        Call { request_id: format!("req_{number:024x}"), state: &state, socket: &socket, head, body, target };
    let (outgoing, close_after) = match control::answer(&state, &call.head.method, call.head.uri.path()) {
        Some(outgoing) => (outgoing, false),
        None => call.answer().await.inspect_err(|_| open.end())?,
    };
    let mut response = Response::new(
        Playback::new(outgoing.steps, outgoing.length, open, socket).closing_after(close_after),
    );
    *response.status_mut() = StatusCode::from_u16(outgoing.status).map_err(io::Error::other)?;
    *response.headers_mut() = outgoing.headers;
    Ok(response)
}

/// One request and where it came from.
struct Call<'a> {
    state: &'a State,
    socket: &'a Socket,
    head: Parts,
    body: Bytes,
    target: String,
    request_id: String,
}

impl Call<'_> {
    /// The answer, and whether the connection closes silently after it.
    async fn answer(&self) -> io::Result<(Outgoing, bool)> {
        let endpoint = Endpoint::find(&self.head.method, self.head.uri.path(), &self.head.headers);
        let vendor = endpoint.as_ref().map_or(Vendor::OpenAi, Endpoint::vendor);
        let admitted = access::admit(&self.head.headers, self.query());
        if let (Some(endpoint), Ok(())) = (&endpoint, &admitted)
            && let Some(outgoing) = self.prerendered(endpoint)
        {
            return Ok((outgoing, false));
        }
        self.record();
        let unknown =
            || Complaint::new(404, format!("Unknown request URL: {} {}.", self.head.method, self.target));
        let planned =
            admitted.and_then(|()| endpoint.ok_or_else(unknown)).and_then(|endpoint| self.plan(endpoint));
        let answered = match planned {
            Ok(plan) => {
                let faults = plan.script.faults.clone();
                self.play(plan).await?.map(|outgoing| (outgoing, faults))
            }
            Err(complaint) => Err((complaint, Faults::default())),
        };
        let (outgoing, faults) = answered.unwrap_or_else(|(complaint, faults)| {
            (Outgoing::error(vendor, &complaint, &self.request_id, &faults), faults)
        });
        Ok((outgoing.with_vendor_headers(vendor, &self.request_id, &faults), faults.close_after))
    }

    fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    fn record(&self) {
        self.state.journal.record(Seen {
            method: self.head.method.clone(),
            path_and_query: self.target.clone(),
            headers: self.head.headers.clone(),
            body: self.body.clone(),
            at: Instant::now(),
        });
    }

    /// The short way for `bench` models without faults: nothing is parsed that is not needed, nothing recorded.
    fn prerendered(&self, endpoint: &Endpoint) -> Option<Outgoing> {
        let dialect = endpoint.dialect()?;
        let peek = match endpoint {
            Endpoint::Gemini { model, verb } => Peek::of(model, *verb == GeminiVerb::Stream),
            _ => serde_json::from_slice(&self.body).ok()?,
        };
        let script = Script::parse(&peek.model).ok().filter(|script| script.content == Content::Bench)?;
        if script.faults != Faults::default() || script.framing != Framing::default() {
            return None;
        }
        let include_usage = peek.include_usage();
        let key = Key { dialect, stream: peek.stream, include_usage, model: peek.model.into_owned() };
        let content_type = if peek.stream { "text/event-stream; charset=utf-8" } else { "application/json" };
        let pieces = self.state.prerendered.get(key, &script);
        let mut outgoing = Outgoing::plain(200, content_type, Bytes::new());
        outgoing.length = (!peek.stream).then(|| pieces.iter().map(|piece| piece.len() as u64).sum());
        outgoing.steps = pieces.iter().cloned().map(crate::frames::Step::Send).collect();
        Some(outgoing)
    }

    /// Reads the body, the model name and the script, and lets the vendor's checks complain.
    fn plan(&self, endpoint: Endpoint) -> Result<Plan, Complaint> {
        let is_form = endpoint == Endpoint::Transcription;
        let body = match (is_form, &self.head.method) {
            (true, _) | (_, &Method::GET) => Value::Null,
            _ => serde_json::from_slice(&self.body)
                .map_err(|_| Complaint::new(400, "We could not parse the JSON body of your request."))?,
        };
        let is_gemini = endpoint.dialect() == Some(Dialect::Gemini);
        let body = if is_gemini { ask::in_camel_case(body) } else { body };
        let model = self.model(&endpoint, &body)?;
        let mut script = Script::parse(&model).map_err(|unknown| {
            Complaint::new(
                404,
                format!("The model `{model}` does not exist: nothing is called `{}`.", unknown.0),
            )
        })?;
        if let Some(dialect) = endpoint.dialect() {
            check::check(dialect, &script, &self.head.headers, &body)?;
        }
        if script.content == Content::Missing {
            return Err(Complaint::new(
                404,
                format!("The model `{model}` does not exist or you do not have access."),
            ));
        }
        if let Some(failures) = script.faults.fail_first {
            self.fail_first(&model, failures, &mut script.faults);
        }
        Ok(Plan { endpoint, model, script, body })
    }

    fn model(&self, endpoint: &Endpoint, body: &Value) -> Result<String, Complaint> {
        let in_path = || self.head.uri.path().split_once("/deployments/")?.1.split('/').next();
        match endpoint {
            Endpoint::Models(_) | Endpoint::Model(..) => Ok("text".to_owned()),
            Endpoint::Gemini { model, .. } => Ok(model.clone()),
            Endpoint::Transcription => side::form_field(&self.body, "model")
                .ok_or_else(|| Complaint::field("model", "you must provide a model parameter")),
            _ => body["model"]
                .as_str()
                .or_else(in_path)
                .map(str::to_owned)
                .ok_or_else(|| Complaint::field("model", "you must provide a model parameter")),
        }
    }

    /// Keeps the faults for the first requests only; without any, those fail with 503.
    fn fail_first(&self, model: &str, failures: usize, faults: &mut Faults) {
        if self.state.journal.count_attempt(model) >= failures {
            *faults = Faults::default();
            return;
        }
        faults.fail_first = None;
        let waits = Faults {
            retry_after: faults.retry_after.clone(),
            retry_after_ms: faults.retry_after_ms.clone(),
            ..Faults::default()
        };
        if *faults == waits {
            faults.status = Some(503);
        }
    }

    /// Plays what comes before the head, then makes the answer. The outer error closes the connection.
    async fn play(&self, plan: Plan) -> io::Result<Result<Outgoing, (Complaint, Faults)>> {
        let faults = &plan.script.faults;
        if let Some(count) = faults.flood_1xx {
            let hint = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
            self.socket.write_raw(&hint.repeat(count)).await?;
        }
        if let Some(delay) = faults.delay {
            tokio::time::sleep(delay).await;
        }
        if faults.stall {
            std::future::pending::<()>().await;
        }
        if let Some(Ending { after: 0, how: how @ (How::Cut | How::Reset) }) = faults.ending {
            if how == How::Reset {
                self.socket.reset_on_close()?;
            }
            return Err(io::Error::other("closed by the script"));
        }
        Ok(self.make(&plan).map_err(|complaint| (complaint, plan.script.faults.clone())))
    }

    fn make(&self, plan: &Plan) -> Result<Outgoing, Complaint> {
        let faults = &plan.script.faults;
        let vendor = plan.endpoint.vendor();
        if faults.garbage {
            return Ok(Outgoing::html(faults.status.unwrap_or(200)));
        }
        if faults.redirect {
            return Ok(Outgoing::redirect(&self.state.address.to_string()));
        }
        let in_stream = faults.error_first || faults.error_after.is_some() || faults.failed;
        if faults.error_200 {
            let body = Complaint::scripted(500, faults).body(vendor, &self.request_id, faults);
            return Ok(Outgoing::body(vendor, &plan.script, body.to_string().into_bytes()));
        }
        let refused = faults.quota || faults.context;
        if let Some(status) = faults.status.or((refused && !in_stream).then_some(400)) {
            let mut complaint = Complaint::scripted(status, faults);
            if faults.status.is_some() {
                complaint.status = status;
            }
            return Err(complaint);
        }
        Ok(match plan.endpoint.dialect() {
            Some(dialect) if faults.failed && dialect != Dialect::Responses && !self.streams(plan) => {
                return Err(Complaint::scripted(500, faults));
            }
            Some(dialect) => self.generate(dialect, plan),
            None if plan.endpoint == Endpoint::Speech => {
                Outgoing::plain(200, "audio/mpeg", &b"ID3\x04\0\0\0\0\0\0 testkit speech"[..])
            }
            None => {
                let body = side::json(&plan.endpoint, &plan.script, &plan.model, &plan.body, &self.body);
                Outgoing::body(vendor, &plan.script, body.to_string().into_bytes())
            }
        })
    }

    fn streams(&self, plan: &Plan) -> bool {
        let wanted = match &plan.endpoint {
            Endpoint::Gemini { verb, .. } => *verb == GeminiVerb::Stream,
            _ => plan.body["stream"] == true,
        };
        (wanted && !plan.script.shape.plain) || plan.script.shape.sse
    }

    fn generate(&self, dialect: Dialect, plan: &Plan) -> Outgoing {
        let script = &plan.script;
        let stream = self.streams(plan);
        let ask = Ask::read(dialect, &plan.model, stream, plan.body.clone());
        let reply = answer::Reply::compose(script, &ask);
        let vendor = Vendor::from(dialect);
        if !stream {
            return Outgoing::body(vendor, script, render::json(dialect, &reply).to_string().into_bytes());
        }
        let as_array = dialect == Dialect::Gemini && !self.query().contains("alt=sse") && !script.shape.sse;
        let style = if as_array { Style::JsonArray } else { Style::Sse };
        Outgoing::stream(vendor, script, &render::events(dialect, &reply), style)
    }
}

/// A request understood.
struct Plan {
    endpoint: Endpoint,
    model: String,
    script: Script,
    body: Value,
}

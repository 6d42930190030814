//! Stop 4, first half: the caller's request as it was read, with what every attempt needs of it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::HeaderMap;
use tidegate_llm::form::Form;
use tidegate_llm::hub::ChatRequest;
use tidegate_llm::passage::{self, Peek, peek};
use tidegate_llm::{BadRequest, Dialect, codec, completions};

use crate::endpoint::Surface;
use crate::error::GatewayError;
use crate::headers;
use crate::snapshot::Rules;

/// A chat request as it was read.
#[derive(Debug)]
pub struct Prompt {
    /// The surface that it came in by.
    pub surface: Surface,
    /// Its body.
    pub body: Bytes,
    /// What was read of it at a glance.
    pub peek: Peek,
    /// The caller's headers.
    pub headers: HeaderMap,
    /// Refuse what cannot be carried over.
    pub strict: bool,
    /// Put `cost` into `usage`.
    pub usage_cost: bool,
    decoded: OnceLock<Result<Arc<ChatRequest>, BadRequest>>,
}

impl Prompt {
    /// Reads `body` at a glance; complaints name the field.
    pub fn read(
        surface: Surface,
        body: Bytes,
        headers: HeaderMap,
        rules: &Rules,
    ) -> Result<Self, GatewayError> {
        let peek = peek(kind(&surface), &body)?;
        let strict = rules.strict || headers::says_yes(&headers, &headers::STRICT);
        let usage_cost = rules.usage_cost || headers::says_yes(&headers, &headers::USAGE_COST);
        Ok(Self { surface, body, peek, headers, strict, usage_cost, decoded: OnceLock::new() })
    }

    /// The caller's dialect.
    pub fn dialect(&self) -> Dialect {
        self.surface.dialect()
    }

    /// The form in which the caller is answered.
    pub fn form(&self) -> Form {
        match self.surface {
            Surface::Completions => Form::Completions,
            Surface::Gemini { stream: true, sse: false, .. } => Form::GeminiArray,
            _ => Form::Plain(self.dialect()),
        }
    }

    /// The kind of path, for those who look into bodies.
    pub fn kind(&self) -> passage::Endpoint {
        kind(&self.surface)
    }

    /// The model as the caller named it.
    pub fn model(&self) -> &str {
        match &self.surface {
            Surface::Gemini { model, .. } => model,
            _ => self.peek.model.as_deref().unwrap_or_default(),
        }
    }

    /// Whether the answer comes as a stream.
    pub fn stream(&self) -> bool {
        match self.surface {
            Surface::Gemini { stream, .. } => stream,
            _ => self.peek.stream,
        }
    }

    /// The request in the hub's words; decoded on first need, once for all attempts.
    pub fn decoded(&self) -> Result<Arc<ChatRequest>, BadRequest> {
        self.decoded.get_or_init(|| self.decode().map(Arc::new)).clone()
    }

    fn decode(&self) -> Result<ChatRequest, BadRequest> {
        let mut request = match self.surface {
            Surface::Completions => completions::decode_request::decode(&self.body)?,
            _ => codec::decode_request(self.dialect(), &self.body)?,
        };
        if let Surface::Gemini { model, stream, .. } = &self.surface {
            request.model.clone_from(model);
            request.stream = *stream;
        }
        Ok(request)
    }
}

fn kind(surface: &Surface) -> passage::Endpoint {
    match surface {
        Surface::Chat => passage::Endpoint::Chat,
        Surface::Completions => passage::Endpoint::Completions,
        Surface::Responses => passage::Endpoint::Responses,
        Surface::Messages => passage::Endpoint::Messages,
        Surface::Gemini { .. } => passage::Endpoint::Generate,
    }
}

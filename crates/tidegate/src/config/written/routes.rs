//! Routes: what is proxied, served from files, redirected or answered by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BufferingEntry, CacheEntry, Key, LimitEntry, Named, Period, Size};

/// One or several.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Words {
    /// One.
    One(String),
    /// Several, any of which will do.
    Several(Vec<String>),
}

impl Words {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Several(words) => words,
        }
    }
}

/// A route: which requests it takes (`path`, `host`, `match`), what it does (one of `proxy`, `static`, `redirect`, `respond`, `ai`), and on
/// which terms.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteEntry {
    /// Its name, for logs and limits; by default host and path.
    pub name: Option<String>,
    /// Which paths: `/x` just that one, `/x/` everything below it, `~ ^/v\d` a regex.
    pub path: Option<Words>,
    /// Which hosts: `app.example.com`, or `*.example.com` for every name below; by default all.
    pub host: Option<Words>,
    /// Further conditions, all of which must hold.
    #[serde(rename = "match")]
    pub matches: MatchEntry,

    /// Hands requests to a server (`http://127.0.0.1:3000`) or to one of `upstreams`.
    pub proxy: Option<String>,
    /// Serves the files of this folder, or this file. What the route's path names is left out: with `path: /assets/`, `/assets/a.css` is `a.css`
    /// in the folder. Relative to the config file.
    #[serde(rename = "static")]
    pub files: Option<String>,
    /// Sends clients elsewhere.
    pub redirect: Option<RedirectEntry>,
    /// Answers by itself.
    pub respond: Option<RespondEntry>,
    /// Leads to the AI gateway: `true` with the request's own path (`/v1/…`, after `strip` and `rewrite`), or an endpoint's word (`chat_completions`)
    /// for any path.
    pub ai: Option<AiEntry>,

    /// Takes this prefix off the path before it is handed on.
    pub strip: Option<String>,
    /// Rewrites the path before it is handed on.
    pub rewrite: Option<RewriteEntry>,
    /// Headers that are set, added and removed. Values may hold variables such as `$remote_addr`, `$host`, `$request_id`.
    pub headers: RouteHeaders,
    /// The `Host` that the server sees: `client` the request's, `upstream` the server's own, or a fixed one. By default the request's; with
    /// `https://` servers their own.
    pub send_host: Option<String>,
    /// Also writes `Forwarded` (RFC 7239) beside `X-Forwarded-*`.
    pub forwarded: bool,
    /// Which origins' pages may use it.
    pub cors: Option<CorsEntry>,
    /// Limits: as at the top, with `by` one of `ip`, `route`, `global` (by default `ip`), and `of` one of `requests` and `concurrent`. Limits of
    /// several routes that have the same `name` share their counters.
    pub limits: Vec<LimitEntry>,
    /// Networks that may use it; others are refused with 403.
    pub allow: Vec<String>,
    /// Networks that may not; asked first.
    pub deny: Vec<String>,
    /// Asks for a name and a password.
    pub basic_auth: Option<BasicEntry>,
    /// Largest body of a request that is handed on. By default `sizes.request_body`.
    pub body_limit: Option<Size>,
    /// How long the server may take.
    pub time_limits: RouteTimes,
    /// What is read ahead of a slow side: `request` reads a body to its end before a server is asked, `response` an answer ahead of a slow client;
    /// `both`, or `off`. By default off: each side's pace is the other's.
    pub buffering: Option<BufferingEntry>,
    /// When another server of `upstreams` is asked: nginx's words `error`, `timeout`, `invalid_header`, `http_500` … `http_504`, `http_403`, `http_404`,
    /// `http_429`, `non_idempotent`, or `off`. By default `error` and `timeout`; what is not idempotent is never sent twice.
    pub retry_on: Option<Vec<String>>,
    /// Compresses text on the way out.
    pub compress: Option<CompressEntry>,
    /// Whether files that lie there compressed (`.br`, `.gz`, `.zst` behind the name) are sent in place of the plain ones to clients that take
    /// them. By default they are, whatever `compress` says.
    pub precompressed: Option<bool>,
    /// Keeps the servers' answers as they say (RFC 9111): `true`, or on which terms.
    pub cache: Option<CacheEntry>,
    /// How long copies of files may be used without asking: `1h`, `30d`, `1y`.
    pub expires: Option<String>,
    /// Files never change under their names.
    pub immutable: bool,
    /// What is served in place of a file that is not there: the page of a single-page application.
    pub fallback: Option<String>,
    /// What is served for a folder.
    pub index: Option<String>,
    /// Off, its requests are not in the access log.
    pub log: Option<bool>,
}

/// Conditions of a route.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MatchEntry {
    /// As `path` of the route.
    pub path: Option<Words>,
    /// As `host` of the route.
    pub host: Option<Words>,
    /// Methods. GET brings HEAD with it.
    pub method: Option<Words>,
    /// Headers: a value, `~ regex`, `*` for any, or `""` for none.
    pub header: Named<String>,
    /// Parts of the query, in the same words.
    pub query: Named<String>,
}

/// Where to.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum RedirectEntry {
    /// With status 302.
    To(String),
    /// With another one.
    Terms(RedirectTerms),
}

/// Where to, and how.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedirectTerms {
    /// A path or URL; may hold variables: `https://$host$request_uri`.
    pub to: String,
    /// 301, 302, 303, 307 or 308.
    #[serde(default = "found")]
    pub status: u16,
}

fn found() -> u16 {
    302
}

/// A fixed answer.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RespondEntry {
    /// Its status.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// Its body.
    pub body: String,
    /// Its type.
    pub content_type: String,
}

impl Default for RespondEntry {
    fn default() -> Self {
        Self { status: 200, body: String::new(), content_type: "text/plain; charset=utf-8".to_owned() }
    }
}

/// Under which path the AI gateway sees requests.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum AiEntry {
    /// Their own.
    Own(bool),
    /// That of this endpoint.
    Endpoint(AiWord),
}

/// An endpoint of the AI gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum AiWord {
    /// `/v1/chat/completions`.
    ChatCompletions,
    /// `/v1/completions`.
    Completions,
    /// `/v1/responses`.
    Responses,
    /// `/v1/messages`.
    Messages,
    /// `/v1/embeddings`.
    Embeddings,
    /// `/v1/models`.
    Models,
    /// `/v1/usage`.
    Usage,
}

impl AiWord {
    /// The endpoint's own path.
    pub fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::Embeddings => "/v1/embeddings",
            Self::Models => "/v1/models",
            Self::Usage => "/v1/usage",
        }
    }
}

/// A rewriting of paths.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RewriteEntry {
    /// A regex. Where it does not fit, the path stays.
    pub from: String,
    /// What the whole path becomes; `$1` and `$name` stand for groups. A query behind `?` comes before the request's own.
    pub to: String,
}

/// Headers of both directions.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteHeaders {
    /// Of requests, on their way to the server.
    pub request: HeaderChanges,
    /// Of answers.
    pub response: HeaderChanges,
}

/// What is done with headers, in this order.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderChanges {
    /// Taken away.
    pub remove: Vec<String>,
    /// Set, in place of what is there; an empty value takes the header away.
    pub set: Named<String>,
    /// Added to what is there.
    pub add: Named<String>,
    /// Set where there is none.
    pub default: Named<String>,
}

/// Which origins' pages may use a route.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CorsEntry {
    /// Origins, `https://app.example.com`, with `*` for labels; `*` alone for all.
    pub origins: Vec<String>,
    /// Methods; by default those that are asked for.
    pub methods: Vec<String>,
    /// Request headers; by default those that are asked for.
    pub headers: Vec<String>,
    /// Headers of answers that pages may read.
    pub expose: Vec<String>,
    /// Whether pages may send cookies.
    pub credentials: bool,
    /// How long browsers need not ask again.
    pub max_age: Option<Period>,
}

/// Who may sign in.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BasicEntry {
    /// What browsers show.
    pub realm: Option<String>,
    /// Names and passwords; better `"${ADMIN_PASSWORD}"` than the password itself.
    pub users: Named<Key>,
}

/// How long a server may take.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteTimes {
    /// To an open connection. By default 5s.
    pub connect: Option<Period>,
    /// From the request's last byte to the answer's head, and between two pieces of the request's body. By default 60s.
    pub first_byte: Option<Period>,
    /// Between two pieces of the answer. By default 60s.
    pub idle: Option<Period>,
}

/// Compression.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum CompressEntry {
    /// With the usual terms, or not at all.
    Flag(bool),
    /// With others.
    Terms(CompressTerms),
}

/// What is compressed.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CompressTerms {
    /// Types, such as `text/css`, or `text/*`; by default text of all kinds.
    pub types: Vec<String>,
    /// Answers below this length stay as they are. By default 1KiB.
    pub min_length: Option<Size>,
}

/// How long browsers insist on TLS.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HstsEntry {
    /// For so long after each visit: `30d`, `1y`. By default two years.
    pub max_age: Option<String>,
    /// For the names below the host, too.
    pub include_subdomains: bool,
    /// The host may be put on browsers' own lists; that is hard to undo.
    pub preload: bool,
}

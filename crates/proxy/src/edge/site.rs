//! What the config's routes come to: a table, and what each of its routes does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use tidegate_policy::edge::addresses::AddressRules;
use tidegate_policy::edge::basic_auth::BasicUsers;
use tidegate_policy::edge::client::TrustedProxies;
use tidegate_policy::edge::compression::CompressionRules;
use tidegate_policy::edge::cors::CorsRules;
use tidegate_policy::edge::headers::HeaderRules;
use tidegate_policy::edge::next_upstream::NextUpstream;
use tidegate_policy::edge::path::PathRules;
use tidegate_policy::edge::rewrite::Rewrite;
use tidegate_policy::edge::route::{PathPattern, RouteRule, RouteTable};
use tidegate_policy::edge::security_headers::Hsts;
use tidegate_policy::edge::variables::Template;
use tidegate_policy::limit::Rule;

use super::cache::{CacheBounds, RouteCache};
use super::collected::BufferRules;
use super::files::Files;
use super::upstream::Upstream;

/// All routes, and what holds for all of them. A request that no route takes goes to the AI gateway.
#[derive(Debug, Default)]
pub struct Site {
    /// Which route a request takes: places in `routes`.
    pub table: RouteTable,
    /// What the routes do.
    pub routes: Vec<Arc<Route>>,
    /// Paths of folders without the slash at their end, in order: see [`super::visit::Visit::with_slash`].
    pub folders: Vec<Box<str>>,
    /// Which proxies in front of the gateway are believed.
    pub trusted: TrustedProxies,
    /// What is answered, as HTML, in place of a plain error of that status.
    pub error_pages: HashMap<u16, Bytes>,
    /// What paths may hold.
    pub paths: PathRules,
    /// What a line of the access log holds; `None`: JSON.
    pub log: Option<Template>,
    /// How much of their answers routes keep.
    pub cache: CacheBounds,
    /// Whether browsers are told with every answer to be careful, and for how long to insist on TLS.
    pub security: Option<Option<Hsts>>,
}

/// What happens to the requests of one route.
#[derive(Debug)]
pub struct Route {
    /// Its name, for logs and limits.
    pub name: Arc<str>,
    /// What it does.
    pub action: Action,
    /// Who may come.
    pub addresses: AddressRules,
    /// Who must sign in.
    pub basic: Option<BasicDoor>,
    /// Which origins' pages may use it.
    pub cors: Option<CorsRules>,
    /// How much of it there is.
    pub limits: Vec<Arc<Rule>>,
    /// Changes of a request's headers on their way up.
    pub request_headers: HeaderRules,
    /// Changes of an answer's headers.
    pub answer_headers: HeaderRules,
    /// What is compressed on the way.
    pub compression: Option<CompressionRules>,
    /// Whether its requests are in the access log.
    pub is_logged: bool,
}

impl Route {
    /// What is kept of its answers.
    pub fn cache(&self) -> Option<&RouteCache> {
        match &self.action {
            Action::Proxy(proxy) => proxy.cache.as_ref(),
            _ => None,
        }
    }
}

/// Basic authentication in front of a route.
#[derive(Debug)]
pub struct BasicDoor {
    /// Who may sign in.
    pub users: BasicUsers,
    /// What browsers show.
    pub realm: String,
}

/// What a route does.
#[derive(Debug)]
pub enum Action {
    /// The AI gateway, under its own path or (`Some`) under this one.
    Ai(AiPath),
    /// An upstream.
    Proxy(Box<Proxy>),
    /// Files of a folder.
    Files(Files),
    /// Elsewhere.
    Redirect {
        /// Where to, with variables.
        to: Template,
        /// 301, 302, 303, 307 or 308.
        status: StatusCode,
    },
    /// A fixed answer.
    Respond {
        /// Its status.
        status: StatusCode,
        /// Its type.
        content_type: HeaderValue,
        /// Its body.
        body: Bytes,
    },
}

impl Site {
    /// Whether that path is a folder's without its slash.
    pub fn is_folder(&self, path: &str) -> bool {
        self.folders.binary_search_by(|folder| (**folder).cmp(path)).is_ok()
    }

    /// The paths of prefix rules without their last slash.
    pub fn folders_of(rules: &[RouteRule]) -> Vec<Box<str>> {
        let paths = rules.iter().flat_map(|rule| &rule.paths);
        let folders = paths.filter_map(|path| match path {
            PathPattern::Prefix(prefix) => prefix.strip_suffix('/').filter(|path| !path.is_empty()),
            _ => None,
        });
        let mut folders: Vec<Box<str>> = folders.map(Into::into).collect();
        folders.sort_unstable();
        folders
    }
}

impl Action {
    /// The endpoint's word, for logs and meters.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ai(_) => "ai",
            Self::Proxy(_) => "proxy",
            Self::Files(_) => "static",
            Self::Redirect { .. } => "redirect",
            Self::Respond { .. } => "respond",
        }
    }
}

/// Under which path the AI gateway sees a request.
#[derive(Clone, Debug)]
pub enum AiPath {
    /// The request's own, perhaps rewritten.
    Own(Change),
    /// This one.
    As(&'static str),
}

/// What becomes of a path on its way.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// This prefix is taken off, on the border of a segment; before `rewrite`.
    pub strip: Option<String>,
    /// What becomes of the path otherwise.
    pub rewrite: Rewrite,
}

/// How requests are handed to an upstream.
#[derive(Debug)]
pub struct Proxy {
    /// Who gets them.
    pub upstream: Arc<Upstream>,
    /// What becomes of the path.
    pub change: Change,
    /// Which `Host` the upstream sees.
    pub host: HostSent,
    /// Largest body of a request, in bytes.
    pub body_limit: u64,
    /// How long its stages may take.
    pub times: Times,
    /// When another server is asked.
    pub next: NextUpstream,
    /// Whether a request's body is read to its end before a server is asked, and where it waits.
    pub collects_request: Option<BufferRules>,
    /// Whether an answer is read ahead of a slow client, and how far.
    pub reads_ahead: Option<BufferRules>,
    /// Whether `Forwarded` is written beside `X-Forwarded-*`.
    pub writes_forwarded: bool,
    /// What is kept of its answers.
    pub cache: Option<RouteCache>,
}

/// Which `Host` the upstream sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostSent {
    /// The client's.
    Client,
    /// The server's own.
    Server,
    /// This one.
    Fixed(HeaderValue),
}

/// How long the stages of a proxied request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// To an open connection.
    pub connect: Duration,
    /// From the request's last byte to the answer's head, and between two pieces of the request's body.
    pub answer: Duration,
    /// Between two pieces of the answer's body.
    pub idle: Duration,
}

impl Default for Times {
    /// nginx's `proxy_send_timeout` and `proxy_read_timeout`; nobody waits a minute for a connection.
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self { connect: Duration::from_secs(5), answer: minute, idle: minute }
    }
}

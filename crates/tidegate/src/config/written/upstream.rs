//! Servers behind routes, and what of their bodies is read ahead.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BaseUrl, HealthEntry, Period, Size};

/// Servers behind one name.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpstreamEntry {
    /// The servers: `http://10.0.0.1:3000`, or `{ url: …, weight: 2 }`.
    pub servers: Vec<ServerEntry>,
    /// How one is chosen.
    pub strategy: ServerStrategy,
    /// Which version of HTTP is spoken with the servers.
    pub protocol: ProtocolWord,
    /// Most HTTP/2 connections to each server, of up to 100 requests at once; beyond that requests wait. By default 16.
    #[schemars(range(min = 1, max = 1000))]
    pub connections: Option<u32>,
    /// How often servers' host names are looked up: each address of a name is a server. A name that cannot be looked up keeps the addresses
    /// that it had. By default 30s.
    pub resolve: Option<Period>,
    /// When a server is out, and how it comes back; beside `max_fails`. `slow` and `silence` count from the request to the answer's head. A
    /// `probe` needs a `path`.
    pub health: Option<HealthEntry>,
    /// nginx's: so many failures within `fail_timeout` take a server out for that long. By default 1 in 10s.
    #[schemars(range(max = 1000))]
    pub max_fails: Option<u32>,
    /// nginx's, see `max_fails`.
    pub fail_timeout: Option<Period>,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ProtocolWord {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 in the clear, as gRPC servers speak it.
    H2c,
    /// HTTP/2 over TLS.
    H2,
    /// HTTP/2 where the server offers it over TLS (ALPN), else HTTP/1.1.
    Auto,
}

/// A server.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum ServerEntry {
    /// Its URL.
    Url(BaseUrl),
    /// With terms of its own.
    Terms(ServerTerms),
}

impl ServerEntry {
    /// Its URL.
    pub fn url(&self) -> &str {
        match self {
            Self::Url(url) => &url.0,
            Self::Terms(terms) => &terms.url.0,
        }
    }
}

/// A server's terms.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerTerms {
    /// Its URL.
    pub url: BaseUrl,
    /// Its share.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub weight: u32,
    /// Only asked when all others are out.
    #[serde(default)]
    pub backup: bool,
    /// Most requests at once; by default not bounded.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_concurrent: Option<u32>,
}

fn one() -> u32 {
    1
}

/// How a server is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ServerStrategy {
    /// One after the other, by weight.
    #[default]
    RoundRobin,
    /// The one with the fewest requests for its weight (nginx's `least_conn`).
    LeastConnections,
    /// By chance, in proportion to the weights.
    Weighted,
    /// The first one that is well.
    Priority,
    /// The quicker of two drawn by chance.
    Latency,
    /// The same one for the same client address (nginx's `ip_hash`).
    IpHash,
}

/// Buffering.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum BufferingEntry {
    /// With the usual bounds, or not at all.
    Word(BufferingWord),
    /// With others.
    Terms(BufferingTerms),
}

/// What is read ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum BufferingWord {
    /// Nothing.
    #[default]
    Off,
    /// Bodies of requests.
    Request,
    /// Answers.
    Response,
    /// Both.
    Both,
}

/// What is read ahead, and where it waits.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BufferingTerms {
    /// What.
    pub of: BufferingWord,
    /// So much of each in memory. By default 256KiB.
    pub memory: Option<Size>,
    /// So much of each answer on disk; bodies of requests go up to `body_limit`. By default 1GiB.
    pub disk: Option<Size>,
    /// The folder of the files, which have no names there. By default the system's for temporary files.
    pub folder: Option<String>,
}

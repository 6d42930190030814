//! HTTP caching: what routes keep of their servers' answers, and where.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, Size};

/// Where answers are kept for `cache` in `routes`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpCacheEntry {
    /// Most memory for the answers of all routes; what was not used lately goes first. As much again may be on its way into it.
    pub memory: Size,
    /// A folder for what is more than that, which also survives a restart; relative to the config file. By default nothing is kept on disk. The folder is the
    /// cache's own, and of one gateway at a time.
    pub dir: Option<String>,
    /// Most bytes there.
    pub disk: Size,
}

impl Default for HttpCacheEntry {
    fn default() -> Self {
        Self { memory: Size(64 << 20), dir: None, disk: Size(1 << 30) }
    }
}

/// Whether a route keeps answers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum CacheEntry {
    /// As its servers say, or not at all.
    Flag(bool),
    /// On these terms.
    Terms(Box<CacheTerms>),
}

/// How a route keeps answers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CacheTerms {
    /// Longer bodies are not kept. By default 8MiB.
    pub max_object: Option<Size>,
    /// For how long answers with status 200, 203, 204, 300, 301 and 308 are fresh that say nothing of it (nginx's `proxy_cache_valid`). By default not at all.
    pub default_ttl: Option<Period>,
    /// Takes a tenth of the time since `Last-Modified`, at most a day, for answers that say nothing of their freshness.
    pub heuristic: bool,
    /// For how long beyond its freshness an answer is given while it is renewed, where it says nothing of it.
    pub stale_while_revalidate: Option<Period>,
    /// For how long beyond its freshness an answer is given when the servers fail, where it says nothing of it.
    pub stale_if_error: Option<Period>,
    /// What tells answers apart beside their path: `scheme`, `host`, `query`; by default all of them.
    pub key_parts: Option<Vec<CacheKeyWord>>,
    /// Requests for which any of these is neither empty nor `0` go by the cache: `$cookie_session`, `$arg_nocache`.
    pub bypass: Vec<String>,
    /// Pays no heed to what clients' `Cache-Control` and `Pragma` want.
    pub ignore_client: bool,
    /// Keeps answers with `Set-Cookie`, too: the cookie is then given to everybody.
    pub store_cookies: bool,
    /// Says in `Cache-Status` (RFC 9211) what the cache did.
    pub status_header: bool,
    /// How long a request waits for another one that fetches the same answer. By default 5s.
    pub wait: Option<Period>,
}

impl Default for CacheTerms {
    fn default() -> Self {
        Self {
            max_object: None,
            default_ttl: None,
            heuristic: true,
            stale_while_revalidate: None,
            stale_if_error: None,
            key_parts: None,
            bypass: Vec::new(),
            ignore_client: false,
            store_cookies: false,
            status_header: true,
            wait: None,
        }
    }
}

/// A part of a cache's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CacheKeyWord {
    /// `http` or `https`.
    Scheme,
    /// Host and port.
    Host,
    /// The query.
    Query,
}

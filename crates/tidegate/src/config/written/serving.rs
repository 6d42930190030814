//! Doors, bounds, time limits, retries.

use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_net::ServeLimits;
use tidegate_policy::{RetryRules, TimeLimits};
use tidegate_proxy::snapshot::Rules;

use super::{Address, DoorAddress, Period, Size, TlsEntry};

/// A door for callers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// IP address and port, or `unix:/path` of a socket; port 0 takes a free one. Beyond loopback every caller needs a key, unless
    /// `insecure.anonymous` says otherwise.
    pub address: DoorAddress,
    /// Speaks TLS: `self-signed` for trying out, or certificates.
    pub tls: Option<TlsEntry>,
    /// Answers everything with a redirect (308) to `https`, except the questions of ACME servers. `true`: to the first door with `tls`; or the port
    /// that clients see.
    pub redirect_to_https: Option<HttpsEntry>,
    /// Balancers that send a PROXY header (version 1 or 2) in front of each connection.
    pub proxy_protocol: Option<ProxyProtocolEntry>,
    /// Most connections that are open at once; more are closed at once. By default any number.
    #[schemars(range(min = 1))]
    pub max_connections: Option<u32>,
    /// Most of them from one address; of IPv6 addresses the /64 counts.
    #[schemars(range(min = 1))]
    pub max_connections_per_address: Option<u32>,
    /// Most requests that are open at once on one HTTP/2 connection.
    #[schemars(range(min = 1, max = 10000))]
    pub streams: u32,
    /// How long a connection may take to send a request's head.
    pub header_timeout: Period,
    /// Largest head of a request, between 8KiB and 1MiB.
    pub header_size: Size,
    /// Opens a socket for each worker, among which the kernel spreads connections (`SO_REUSEPORT`): worth a look where many
    /// short connections come. Other processes of the same user may then listen there, too. Needs a restart.
    pub reuse_port: bool,
    /// Still answers a client that has shut down its sending side. Off, that counts as a client who has left, and the
    /// provider's answer is cancelled at once.
    pub allow_half_close: bool,
}

impl Default for Listen {
    fn default() -> Self {
        let limits = ServeLimits::default();
        Self {
            address: DoorAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080))),
            tls: None,
            redirect_to_https: None,
            proxy_protocol: None,
            max_connections: None,
            max_connections_per_address: None,
            streams: limits.streams,
            header_timeout: Period(limits.header_read),
            header_size: Size(limits.header_bytes as u64),
            reuse_port: false,
            allow_half_close: limits.allow_half_close,
        }
    }
}

impl Listen {
    /// The same for the server.
    pub fn serve_limits(&self, drain: Duration) -> ServeLimits {
        ServeLimits {
            header_read: self.header_timeout.0,
            header_bytes: self.header_size.0 as usize,
            allow_half_close: self.allow_half_close,
            streams: self.streams,
            extended_connect: true,
            drain,
            ..ServeLimits::default()
        }
    }
}

/// Where `https` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum HttpsEntry {
    /// At the first door with `tls`.
    Own(bool),
    /// At this port.
    Port(#[schemars(range(min = 1, max = 65535))] u16),
}

/// Whose PROXY headers are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProxyProtocolEntry {
    /// Networks of balancers: `10.0.0.0/8`, or `unix` for everybody on a Unix socket. These must send the header; others are served as if there
    /// were no such thing.
    pub from: Vec<String>,
}

/// The operators' door.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// IP address and port; port 0 takes a free one. Needs a restart.
    pub address: Address,
    /// Speaks TLS: `self-signed` for trying out, or certificates. It may then be reached from other machines.
    pub tls: Option<TlsEntry>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { address: Address(SocketAddr::from(([127, 0, 0, 1], 8081))), tls: None }
    }
}

/// Bounds on what is held in memory.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// Largest request body, after decompression. More is refused with 413.
    pub request_body: Size,
    /// Largest answer of a provider that is not streamed.
    pub answer_body: Size,
}

impl Default for Sizes {
    fn default() -> Self {
        let rules = Rules::default();
        Self { request_body: Size(rules.request_body as u64), answer_body: Size(rules.answer_body as u64) }
    }
}

/// How long each stage may take. What is left out is inherited: a target's from its model, a model's from the provider, a
/// provider's from the top.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TimeLimitsEntry {
    /// To an open connection, TLS included. At the top: 5s.
    pub connect: Option<Period>,
    /// From the sent request to the answer's head. At the top: 5m.
    pub first_byte: Option<Period>,
    /// From the sent request to the first content of a stream; covers the wait while a model thinks. At the top: 5m.
    pub first_token: Option<Period>,
    /// Between two pieces of an answer. At the top: 2m.
    pub idle: Option<Period>,
    /// From the request's arrival to the last byte of the answer, all attempts together. At the top: 1h.
    pub total: Option<Period>,
}

impl TimeLimitsEntry {
    /// These limits over those that are inherited.
    pub fn over(&self, inherited: TimeLimits) -> TimeLimits {
        let or = |own: Option<Period>, other| own.map_or(other, |period| period.0);
        TimeLimits {
            connect: or(self.connect, inherited.connect),
            first_byte: or(self.first_byte, inherited.first_byte),
            first_token: or(self.first_token, inherited.first_token),
            idle: or(self.idle, inherited.idle),
            total: or(self.total, inherited.total),
        }
    }
}

/// How often and how patiently a request is tried again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Most attempts of one request, over all its targets and fallbacks. 1 forbids retries.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: u32,
    /// The longest random wait before the same target is tried a second time; doubles with each further try.
    pub base: Period,
    /// Longest wait. A provider that asks for more (`retry-after`) is not waited for: its refusal goes to the caller.
    pub max_wait: Period,
    /// Most further attempts, in percent of the first ones of the last 10 seconds, in each pool; so that retries do not make an outage
    /// worse. 0 forbids them, 1000 hardly bounds them.
    #[schemars(range(max = 1000))]
    pub budget: u32,
}

impl Default for Retry {
    fn default() -> Self {
        let rules = RetryRules::default();
        Self {
            max_attempts: rules.max_attempts,
            base: Period(rules.base),
            max_wait: Period(rules.max_wait),
            budget: 20,
        }
    }
}

impl Retry {
    /// The same for the data plane.
    pub fn rules(&self) -> RetryRules {
        RetryRules { max_attempts: self.max_attempts, base: self.base.0, max_wait: self.max_wait.0 }
    }
}

/// Extras for people who move over from other gateways.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Compat {
    /// Also sends LiteLLM's response headers (`x-litellm-response-cost`, `x-litellm-model-id`, …).
    pub litellm_headers: bool,
}

/// Settings that open the gateway wider than is safe by default.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Insecure {
    /// Lets everybody who reaches the gateway use it, and with it the providers' keys. Without it a door beyond
    /// loopback asks for keys.
    pub anonymous: bool,
    /// Lets the operators' door listen beyond loopback although it speaks without TLS: keys and usage cross the network readably.
    pub admin: bool,
}

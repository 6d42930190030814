//! One connection to Redis, a single server or a cluster, shared by all calls of an instance.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisResult};

use super::rules::{PlaceError, RedisPlace};

/// How many times the time limit of a call a new connection may take (TLS, greeting); no request waits for it.
const CONNECT_FACTOR: u32 = 4;
/// Attempts of one call in a cluster, whose slots may just have moved; all within the call's time limit.
const CLUSTER_RETRIES: u32 = 2;
/// The sign of a cluster's address.
const CLUSTER: &str = "+cluster://";

/// Makes connections to one place.
pub(super) enum Connector {
    Single(Client, AsyncConnectionConfig),
    Cluster(ClusterClient),
}

impl Connector {
    /// Reads the address; nothing is connected yet.
    pub(super) fn new(place: &RedisPlace, time_limit: Duration) -> Result<Self, PlaceError> {
        let url = place.url.expose();
        // What is told of an error never holds the address: there may be a password in it.
        let wrong = |error: redis::RedisError| PlaceError(error.category().to_owned());
        if let Some((scheme, nodes)) = url.split_once(CLUSTER) {
            let builder = ClusterClientBuilder::new(node_urls(scheme, nodes))
                .connection_timeout(time_limit * CONNECT_FACTOR)
                .response_timeout(time_limit)
                .retries(CLUSTER_RETRIES)
                .min_retry_wait(1)
                .max_retry_wait(10);
            return Ok(Self::Cluster(builder.build().map_err(wrong)?));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(time_limit * CONNECT_FACTOR))
            .set_response_timeout(None);
        Ok(Self::Single(Client::open(url).map_err(wrong)?, config))
    }

    /// A new connection. The caller sets the time limit.
    pub(super) async fn connect(&self) -> RedisResult<Link> {
        match self {
            Self::Single(client, config) => {
                client.get_multiplexed_async_connection_with_config(config).await.map(Link::Single)
            }
            Self::Cluster(client) => client.get_async_connection().await.map(Link::Cluster),
        }
    }
}

/// The longest that [`Connector::connect`] may take.
pub(super) fn connect_limit(time_limit: Duration) -> Duration {
    time_limit * CONNECT_FACTOR
}

/// `user:password@a:1,b:2` as one address for each node.
fn node_urls(scheme: &str, nodes: &str) -> Vec<String> {
    let (user, hosts) = nodes.rsplit_once('@').map_or(("", nodes), |(user, hosts)| (user, hosts));
    let at = if user.is_empty() { "" } else { "@" };
    let hosts = hosts.trim_end_matches('/').split(',').map(str::trim).filter(|host| !host.is_empty());
    hosts.map(|host| format!("{scheme}://{user}{at}{host}")).collect()
}

/// A connection; clones share it.
#[derive(Clone)]
pub(super) enum Link {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Sends one command.
    pub(super) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    /// Sends several commands at once.
    pub(super) async fn ask_all<T: FromRedisValue>(&mut self, commands: &Pipeline) -> RedisResult<T> {
        match self {
            Self::Single(connection) => commands.query_async(connection).await,
            Self::Cluster(connection) => commands.query_async(connection).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_s_address_names_each_node() {
        assert_eq!(node_urls("redis", "a:1,b:2/"), ["redis://a:1", "redis://b:2"]);
        assert_eq!(node_urls("rediss", "u:p@a:1, b:2"), ["rediss://u:p@a:1", "rediss://u:p@b:2"]);
    }

    #[test]
    fn an_address_that_makes_no_sense_is_told_without_its_password() {
        for url in
            ["", "http://h", "redis://u:canary@h:port", "redis+cluster://", "redis+cluster://u:canary@h:x"]
        {
            let place = RedisPlace { url: tidegate_core::Secret::new(url), prefix: String::new() };
            let error =
                Connector::new(&place, Duration::from_millis(50)).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|text| !text.contains("canary")), "{url}: {error:?}");
        }
    }
}

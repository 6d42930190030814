//! The scripts that run in Redis, and how they are called.

use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind};

use super::link::Link;

/// Grants or denies all claims of one request.
pub(super) static RESERVE: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("lua/windows.lua"), include_str!("lua/reserve.lua")]));
/// Does what has become of holdings.
pub(super) static APPLY: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("lua/windows.lua"), include_str!("lua/apply.lua")]));
/// Says that an instance lives.
pub(super) static BEAT: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("lua/windows.lua"), include_str!("lua/beat.lua")]));

/// One script: its text and the digest by which Redis knows it.
pub(super) struct Script {
    text: String,
    digest: String,
}

/// Keys and arguments of one call. All keys carry the same hash tag.
#[derive(Clone, Default)]
pub(super) struct Call {
    /// The keys.
    pub keys: Vec<String>,
    /// The arguments.
    pub arguments: Vec<String>,
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        let text = parts.concat();
        let digest = redis::Script::new(&text).get_hash().to_owned();
        Self { text, digest }
    }

    /// The command that calls it by its digest.
    pub(super) fn command(&self, call: &Call) -> Cmd {
        command("EVALSHA", &self.digest, call)
    }

    /// Calls it: one round trip, or two where Redis does not know it yet.
    pub(super) async fn run<T: FromRedisValue>(&self, link: &mut Link, call: &Call) -> RedisResult<T> {
        match link.ask(&self.command(call)).await {
            Err(error) if is_unknown(&error) => link.ask(&command("EVAL", &self.text, call)).await,
            other => other,
        }
    }

    /// Makes Redis know it.
    pub(super) async fn load(&self, link: &mut Link) -> RedisResult<()> {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(&self.text);
        link.ask::<redis::Value>(&load).await.map(drop)
    }
}

/// Whether Redis does not know the script.
pub(super) fn is_unknown(error: &redis::RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn command(name: &str, script: &str, call: &Call) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(call.keys.len()).arg(&call.keys).arg(&call.arguments);
    command
}

//! What a request brings along for the choice of its target: whom it sticks to, and how much it matters.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use http::HeaderMap;
use tidegate_llm::Usage;
use tidegate_llm::price::{Price, cost};
use tidegate_policy::overload::Class;

use crate::estimate;
use crate::exchange::Exchange;
use crate::headers;
use crate::prompt::Prompt;

/// Whose requests go to the same target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sticky {
    /// Prompts that begin alike.
    #[default]
    Prompt,
    /// The end user.
    User,
    /// The session.
    Session,
    /// The caller's key.
    Key,
}

/// A request as far as the choice of a target needs it.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'r> {
    /// Its headers.
    pub headers: &'r HeaderMap,
    /// Its body; empty where there is none.
    pub body: &'r [u8],
    /// Who asks.
    pub exchange: &'r Exchange,
}

/// So many bytes of a prompt are looked at: as much as providers' prompt caches want at least (1,024 tokens).
const PREFIX: usize = 4096;
/// Where prompts begin, by dialect.
const PROMPTS: [&[u8]; 5] =
    [b"\"system\"", b"\"messages\"", b"\"input\"", b"\"contents\"", b"\"instructions\""];

impl<'r> Wish<'r> {
    /// What a chat request brings along.
    pub fn of(prompt: &'r Prompt, exchange: &'r Exchange) -> Self {
        Self { headers: &prompt.headers, body: &prompt.body, exchange }
    }

    /// What it would cost at that price, about: its prompt, and as much again for the answer. In billionths of a US dollar.
    pub fn price_by(&self, price: &Price) -> u64 {
        let tokens = estimate::input(self.exchange.request_bytes);
        let usage = Usage { input: tokens, output: tokens, ..Usage::default() };
        cost(price, &usage, None).map_or(0, |cost| u64::try_from(cost.0).unwrap_or(0))
    }

    /// The hash of what it sticks by; `None`: it has no such thing.
    pub fn hash(&self, by: Sticky) -> Option<u64> {
        match by {
            Sticky::Prompt => Some(hash_of(prompt_prefix(self.body))),
            Sticky::User => self.exchange.user.as_deref().map(|user| hash_of(user.as_bytes())),
            Sticky::Session => {
                let session = self.headers.get(&headers::SESSION).map(|session| hash_of(session.as_bytes()));
                let cached = || cache_key(self.body).map(hash_of);
                session.or_else(cached).or_else(|| self.hash(Sticky::User))
            }
            Sticky::Key => self.exchange.caller.key.as_ref().map(|key| hash_of(key.id.as_bytes())),
        }
    }
}

/// The value of OpenAI's `prompt_cache_key`, by which callers say whose prompts begin alike. In a text it would be behind a backslash.
fn cache_key(body: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"\"prompt_cache_key\"";
    let places = memchr::memmem::find_iter(body, NAME);
    let is_name = |at: &usize| at.checked_sub(1).is_none_or(|before| body[before] != b'\\');
    let at = places.filter(is_name).last()?;
    let rest = body[at + NAME.len()..].trim_ascii_start().strip_prefix(b":")?;
    let value = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', value)?;
    Some(&value[..end]).filter(|value| !value.is_empty())
}

/// The first bytes of the prompt.
fn prompt_prefix(body: &[u8]) -> &[u8] {
    let begins = PROMPTS.iter().filter_map(|name| memchr::memmem::find(body, name)).min().unwrap_or(0);
    &body[begins..body.len().min(begins + PREFIX)]
}

/// The same in every process.
fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// How much a request matters: as much as its key, or less if `x-tidegate-priority` says so. Of a caller without a key, where none is
/// needed, the header is believed.
pub fn class_of(map: &HeaderMap, exchange: &Exchange) -> Class {
    let said = map.get(&headers::PRIORITY).and_then(|value| value.to_str().ok()).and_then(Class::from_name);
    match &exchange.caller.key {
        Some(key) => said.map_or(key.priority, |said| said.min(key.priority)),
        None => said.unwrap_or(Class::Normal),
    }
}

/// Whose turn it is among callers of the same class: the key's, or the address's.
pub fn caller_hash(exchange: &Exchange) -> u64 {
    match &exchange.caller.key {
        Some(key) => hash_of(key.id.as_bytes()),
        None => address_hash(exchange.caller.address),
    }
}

/// The same for an address in every process.
pub fn address_hash(address: IpAddr) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_key_is_read_where_it_is_one() {
        assert_eq!(
            cache_key(br#"{"model":"m","prompt_cache_key" : "tenant-7","input":"x"}"#),
            Some(&b"tenant-7"[..])
        );
        assert_eq!(cache_key(br#"{"input":"say \"prompt_cache_key\": \"no\""}"#), None);
        for body in
            [&br#"{"prompt_cache_key":7}"#[..], br#"{"prompt_cache_key":"""#, br#""prompt_cache_key""#, b""]
        {
            assert_eq!(cache_key(body), None, "{body:?}");
        }
    }
}

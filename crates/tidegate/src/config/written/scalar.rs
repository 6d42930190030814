//! Values that are one word in the file: durations, sizes, addresses, URLs, prices.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidegate_core::Secret;
use tidegate_llm::price::Rate;
use tidegate_net::{Origin, OriginError};

/// A length of time: `250ms`, `5s`, `10m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

/// A number of bytes: `32MiB`, `32MB`, `64KiB`, `100000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// An IP address and a port: `127.0.0.1:8080`, `[::1]:8080`; `localhost` and `*` are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

/// Where a door is: an IP address and a port, or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DoorAddress {
    /// IP address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket, relative to the config file.
    Unix(PathBuf),
}

/// A base URL: `https://api.openai.com/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(pub String);

/// US dollars per million tokens: `1.25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dollars(pub Rate);

/// A key. Never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(pub Secret);

/// Where a database or Redis is. Never shown: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUrl(pub Secret);

/// What is wrong with a text, as the end of a sentence that begins with the key's name.
type Wrong = String;

impl FromStr for Period {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        const WRONG: &str =
            "is not a duration; write a number and a unit, such as `250ms`, `5s`, `10m`, `1h` or `7d`";
        let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or(WRONG)?;
        let (number, unit) = text.split_at(split);
        let seconds = match unit.trim() {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(WRONG.to_owned()),
        };
        let seconds = number.parse::<f64>().map_err(|_| WRONG)? * seconds;
        if seconds <= 0.0 {
            return Err("must be longer than zero".to_owned());
        }
        if seconds > 30.0 * 86_400.0 {
            return Err("is longer than 30 days".to_owned());
        }
        // Whole microseconds, so that `0.1s` is what it says.
        Ok(Self(Duration::from_micros((seconds * 1e6).round() as u64)))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            ms if ms % 3_600_000 == 0 => write!(f, "{}h", ms / 3_600_000),
            ms if ms % 60_000 == 0 => write!(f, "{}m", ms / 60_000),
            ms if ms % 1000 == 0 => write!(f, "{}s", ms / 1000),
            ms => write!(f, "{ms}ms"),
        }
    }
}

const SIZE_UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("KB", 1000),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

impl FromStr for Size {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        const WRONG: &str = "is not a size; write a number and a unit, such as `64KiB`, `32MiB` or `32MB`";
        let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit = SIZE_UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or(WRONG)?.1;
        let bytes = number.parse::<f64>().map_err(|_| WRONG)? * unit as f64;
        match bytes {
            b if b < 1.0 => Err("must be more than zero".to_owned()),
            b if b > 1e12 => Err("is more than a terabyte".to_owned()),
            b => Ok(Self(b as u64)),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit =
            SIZE_UNITS.iter().rev().find(|(_, unit)| *unit % 1024 == 0 && self.0.is_multiple_of(*unit));
        match unit {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl FromStr for Address {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        const WRONG: &str = "is not an address; write IP and port, such as `127.0.0.1:8080` or `[::1]:8080`";
        let named = match text.rsplit_once(':') {
            Some(("localhost", port)) => format!("127.0.0.1:{port}"),
            Some(("*", port)) => format!("0.0.0.0:{port}"),
            _ => text.to_owned(),
        };
        named.parse().map(Self).map_err(|_| WRONG.to_owned())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl DoorAddress {
    /// IP address and port, if it has them.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        self.tcp().is_none_or(|address| address.ip().to_canonical().is_loopback())
    }
}

impl FromStr for DoorAddress {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        match text.strip_prefix("unix:") {
            Some("") => Err("names no socket; write `unix:/run/tidegate.sock`".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => match text.parse() {
                Ok(Address(address)) => Ok(Self::Tcp(address)),
                Err(wrong) => Err(format!("{wrong}, or `unix:/path`")),
            },
        }
    }
}

impl fmt::Display for DoorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for BaseUrl {
    type Err = Wrong;

    /// The value may come from outside the file, so it is not repeated in what is said about it.
    fn from_str(text: &str) -> Result<Self, Wrong> {
        if text.contains(['?', '#']) {
            return Err("must be a base URL, without `?` and `#`".to_owned());
        }
        match Origin::parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(OriginError::UserInfo) => Err("must not carry a user name or password".to_owned()),
            Err(OriginError::Scheme(_)) => Err("must begin with http:// or https://".to_owned()),
            Err(OriginError::NotUrl(_)) => Err("is not a URL; write it as https://host/path".to_owned()),
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Dollars {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        Rate::from_dollars_per_million(text)
            .map(Self)
            .map_err(|wrong| format!("is no price in US dollars per million tokens: {wrong}"))
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Key {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        if text.trim().is_empty() {
            return Err("is empty".to_owned());
        }
        if !text.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
            return Err("holds blanks or characters that a key cannot have".to_owned());
        }
        Ok(Self(Secret::new(text)))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl FromStr for StoreUrl {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        const SCHEMES: [&str; 5] = ["postgres", "postgresql", "redis", "rediss", "redis+cluster"];
        match text.split_once("://") {
            Some((scheme, rest)) if SCHEMES.contains(&scheme) && !rest.is_empty() => {
                Ok(Self(Secret::new(text)))
            }
            _ => Err("is no store's URL; write `postgres://user:password@host/name` or `redis://host:6379`"
                .to_owned()),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// One word in the file: how serde reads it, how the schema describes it, how a wrong one is recognised.
macro_rules! scalars {
    ($($type:ident, $format:literal, $kinds:tt, $words:literal, [$($example:literal),*];)*) => {
        $(
            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let value = serde_json::Value::deserialize(deserializer)?;
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    text.parse().map_err(serde::de::Error::custom)
                }
            }

            impl Serialize for $type {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl JsonSchema for $type {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    $format.into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({ "type": $kinds, "format": $format, "examples": [$($example),*] })
                }
            }
        )*

        /// What a word of that format must be, for people.
        pub(in crate::config) fn format_words(format: &str) -> Option<&'static str> {
            match format {
                $($format => Some($words),)*
                _ => None,
            }
        }

        /// What is wrong with a word of that format; unknown formats take every word.
        pub(in crate::config) fn check_format(format: &str, text: &str) -> Result<(), String> {
            match format {
                $($format => text.parse::<$type>().map(drop),)*
                _ => Ok(()),
            }
        }
    };
}

scalars! {
    Period, "duration", "string", "a duration such as `5s`", ["250ms", "5s", "10m", "1h"];
    Size, "size", ["string", "integer"], "a size such as `32MiB`", ["64KiB", "32MiB", "32MB"];
    Address, "address", "string", "an address such as `127.0.0.1:8080`", ["127.0.0.1:8080", "[::1]:8080"];
    DoorAddress, "door-address", "string", "an address such as `127.0.0.1:8080` or `unix:/path`", ["127.0.0.1:8080", "[::1]:8080", "unix:/run/tidegate.sock"];
    BaseUrl, "base-url", "string", "a URL such as `https://host/v1`", ["https://api.openai.com/v1"];
    Dollars, "dollars", ["number", "string"], "a price in US dollars per million tokens", [1.25];
    StoreUrl, "store-url", "string", "a URL such as `postgres://host/name`", ["postgres://tidegate@db/tidegate", "redis://redis:6379"];
    Key, "key", "string", "a key", ["${OPENAI_API_KEY}", "${file:/run/secrets/openai}"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let millis = |text: &str| text.parse::<Period>().map(|p| p.0.as_millis());
        assert_eq!(millis("250ms"), Ok(250));
        assert_eq!(millis("1.5s"), Ok(1500));
        assert_eq!(millis("10m"), Ok(600_000));
        assert_eq!(millis("1h"), Ok(3_600_000));
        for wrong in ["5", "", "s", "5 parsecs", "-5s", "0s", "1e9h", "999999h", "1.2.3s"] {
            assert!(millis(wrong).is_err(), "{wrong}");
        }
        assert_eq!("90s".parse::<Period>().unwrap().to_string(), "90s");
        assert_eq!("300s".parse::<Period>().unwrap().to_string(), "5m");
    }

    #[test]
    fn sizes() {
        let bytes = |text: &str| text.parse::<Size>().map(|size| size.0);
        assert_eq!(bytes("32MiB"), Ok(32 << 20));
        assert_eq!(bytes("32 MB"), Ok(32_000_000));
        assert_eq!(bytes("1.5KiB"), Ok(1536));
        assert_eq!(bytes("100000"), Ok(100_000));
        for wrong in ["", "MiB", "32MBit", "0", "-1", "9999TB", "9999999GB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Size(32 << 20).to_string(), "32MiB");
    }

    #[test]
    fn addresses() {
        let shown = |text: &str| text.parse::<Address>().map(|address| address.to_string());
        assert_eq!(shown("localhost:80"), Ok("127.0.0.1:80".to_owned()));
        assert_eq!(shown("*:80"), Ok("0.0.0.0:80".to_owned()));
        assert_eq!(shown("[::]:80"), Ok("[::]:80".to_owned()));
        for wrong in ["8080", "example.com:80", "127.0.0.1", "1.2.3.4:99999"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn doors() {
        let shown = |text: &str| text.parse::<DoorAddress>().map(|address| address.to_string());
        assert_eq!(shown("*:80"), Ok("0.0.0.0:80".to_owned()));
        assert_eq!(shown("unix:/run/t.sock"), Ok("unix:/run/t.sock".to_owned()));
        for wrong in ["unix:", "/run/t.sock", "8080"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fault_80_keys_are_never_shown() {
        let key: Key = "sk-canary".parse().unwrap();
        let shown = format!("{key:?} {key} {}", serde_json::to_string(&key).unwrap());
        assert_eq!(shown, "Key([secret]) [secret] \"[secret]\"");
        assert!("sk canary".parse::<Key>().is_err());
        assert!("".parse::<Key>().is_err());
    }
}

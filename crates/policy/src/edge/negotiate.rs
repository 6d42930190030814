//! Which content coding a client gets (RFC 9110, section 12.5.3).

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use super::headers::elements;

/// Codings that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
    /// Gzip (RFC 1952).
    Gzip,
    /// None.
    Identity,
}

impl Coding {
    /// Its name in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }

    /// How a precompressed file's name ends.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }

    fn is_named(self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.name()) || self == Self::Gzip && name.eq_ignore_ascii_case("x-gzip")
    }
}

/// The coding of those offered (best first) that the client weighs most; among equals the first. Identity when none is wanted, even if
/// the client forbids it: an answer that it may read is better than 406.
pub fn coding(headers: &HeaderMap, offered: &[Coding]) -> Coding {
    let wishes: Vec<(&str, u16)> = elements(headers, ACCEPT_ENCODING).filter_map(weighted).collect();
    let weight = |coding: Coding| {
        let named = wishes.iter().find(|(name, _)| coding.is_named(name));
        let any = wishes.iter().find(|(name, _)| *name == "*");
        // Identity is welcome unless it is forbidden, but least of all.
        named
            .or(any.filter(|(_, weight)| coding != Coding::Identity || *weight == 0))
            .map_or(if coding == Coding::Identity { 1 } else { 0 }, |(_, weight)| *weight)
    };
    let mut best = (Coding::Identity, 0);
    for &coding in offered.iter().chain([&Coding::Identity]) {
        let weight = weight(coding);
        if weight > best.1 {
            best = (coding, weight);
        }
    }
    best.0
}

/// `gzip;q=0.5` with its weight in thousandths; none where the weight cannot be read.
fn weighted(element: &str) -> Option<(&str, u16)> {
    let mut parts = element.split(';').map(str::trim);
    let name = parts.next()?;
    let mut weight = 1_000;
    for parameter in parts {
        if let Some(value) =
            parameter.strip_prefix(['q', 'Q']).and_then(|rest| rest.trim_start().strip_prefix('='))
        {
            weight = thousandths(value.trim())?;
        }
    }
    Some((name, weight))
}

/// `0`, `1`, up to three places behind the point (RFC 9110, section 12.4.2).
pub(crate) fn thousandths(text: &str) -> Option<u16> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    if places.len() > 3 || !places.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{places:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_with_the_most_weight_wins() {
        use Coding::{Brotli, Gzip, Identity, Zstd};
        let choose = |value: Option<&str>, offered: &[Coding]| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(ACCEPT_ENCODING, value.parse().unwrap());
            }
            coding(&headers, offered)
        };
        let all = [Brotli, Zstd, Gzip];
        for (value, expected) in [
            (None, Identity),
            (Some(""), Identity),
            (Some("gzip, deflate, br, zstd"), Brotli),
            (Some("gzip, zstd"), Zstd),
            (Some("br;q=0.5, gzip;q=0.8"), Gzip),
            (Some("br;q=0, *"), Zstd),
            (Some("*;q=0"), Identity),
            (Some("X-GZIP"), Gzip),
            (Some("gzip;q=0"), Identity),
            (Some("identity, gzip;q=0.5"), Identity),
            (Some("identity;q=0.2, gzip;q=0.5"), Gzip),
            (Some("identity;q=0, gzip;q=0.001"), Gzip),
            (Some("gzip;q=1.5"), Identity),
            (Some("gzip;q=x"), Identity),
            (Some("deflate"), Identity),
        ] {
            assert_eq!(choose(value, &all), expected, "{value:?}");
        }
        assert_eq!(choose(Some("br, gzip"), &[Gzip]), Gzip);
        assert_eq!(choose(Some("br, gzip"), &[]), Identity);
    }
}

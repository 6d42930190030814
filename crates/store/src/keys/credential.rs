//! What a caller presents: how keys are made, what they look like, and what of them may be shown.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tidegate_core::{RequestId, Secret};

use super::KeysError;

/// What callers' keys begin with.
pub(super) const CALLER: &str = "tg-";
/// What admins' keys begin with.
pub(super) const ADMIN: &str = "tga-";
/// Random bytes in a key.
const RANDOM: usize = 32;
/// The same bytes in base64.
const RANDOM_TEXT: usize = 43;
/// Longest text that can be a key at all; a key from the config may have any shape up to it.
const LONGEST: usize = 256;

/// A new key: the prefix and 43 characters of base64url.
pub(super) fn make(prefix: &str) -> Result<Secret, KeysError> {
    Ok(Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(chance::<RANDOM>()?))))
}

/// A new id: the prefix and 32 hex digits that sort by time.
pub(super) fn make_id(prefix: &str, unix_millis: u64) -> Result<String, KeysError> {
    let id = RequestId::from_parts(unix_millis, u128::from_le_bytes(chance::<16>()?));
    Ok(format!("{prefix}_{id}"))
}

/// Whether a text has the shape of an id, so that it may be asked for.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    rest.is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Random bytes from the operating system's generator.
pub(super) fn chance<const N: usize>() -> Result<[u8; N], KeysError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| KeysError::NoChance)?;
    Ok(bytes)
}

/// The part of a key that people may see: its first 6 and last 4 characters.
pub(super) fn hint(key: &Secret) -> String {
    let text = key.expose();
    match (text.get(..6), text.len().checked_sub(4).and_then(|from| text.get(from..))) {
        (Some(first), Some(last)) if text.len() > 20 => format!("{first}…{last}"),
        _ => "…".to_owned(),
    }
}

/// Whether a presented text could be any key: printable ASCII without spaces, not too long. Looks at 257 bytes at most.
pub(super) fn is_plausible(presented: &str) -> bool {
    (1..=LONGEST).contains(&presented.len()) && presented.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a presented text has the shape of a key that [`make`] made.
pub(super) fn is_well_formed(presented: &str, prefix: &str) -> bool {
    presented.strip_prefix(prefix).is_some_and(|rest| {
        rest.len() == RANDOM_TEXT
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_has_its_shape_and_never_comes_twice() {
        let (one, other) = (make(CALLER).unwrap(), make(CALLER).unwrap());
        assert_eq!(one.expose().len(), 46);
        assert!(is_well_formed(one.expose(), CALLER) && is_plausible(one.expose()));
        assert_ne!(one, other);
        assert!(!is_well_formed(make(ADMIN).unwrap().expose(), CALLER));
    }

    #[test]
    fn a_hint_shows_ten_characters_and_nothing_of_a_short_key() {
        let key = Secret::new(format!("tg-abc{}wxyz", "0".repeat(36)));
        assert_eq!(hint(&key), "tg-abc…wxyz");
        assert_eq!(hint(&Secret::new("sk-1234567890")), "…");
    }

    #[test]
    fn ids_have_a_shape() {
        assert!(is_id(&make_id("key", 1).unwrap(), "key"));
        for bad in ["", "key_", "team_00000000000000000000000000000000", "key_' OR '1'='1", "key_\0"] {
            assert!(!is_id(bad, "key"), "{bad:?}");
        }
    }
}

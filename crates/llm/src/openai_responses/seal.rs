//! Carries other vendors' reasoning seals through callers that know only `encrypted_content`.
//!
//! Anthropic wants its thinking back with its signature (cases 54, 56, 57), Gemini likewise. A responses caller returns
//! reasoning items unchanged, so the seal travels in `encrypted_content`, marked with whose it is. The mark also keeps
//! it from being taken for one of OpenAI's own (cases 55, 59).

use std::sync::LazyLock;

use crate::Dialect;
use crate::hub::Reasoning;
use memchr::memmem::Finder;

const MARK: &str = "tidegate.seal.1:";

/// Whether a body has a foreign seal in it: such a body cannot pass through even when the dialects agree, because OpenAI
/// refuses an `encrypted_content` that it did not write. Cheap; may be true for nothing.
pub fn holds_foreign_seal(body: &[u8]) -> bool {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));
    FINDER.find(body).is_some()
}

/// The `encrypted_content` for a seal of `origin`; `None` when there is no seal or nobody knows whose it is.
pub(super) fn write(
    signature: Option<&str>,
    encrypted: Option<&str>,
    origin: Option<Dialect>,
) -> Option<String> {
    let origin = origin?;
    if origin == Dialect::OpenaiResponses {
        return encrypted.map(str::to_owned);
    }
    let (word, value) = match (signature, encrypted) {
        (Some(signature), _) => ("signature", signature),
        (None, Some(encrypted)) => ("encrypted", encrypted),
        (None, None) => return None,
    };
    Some(format!("{MARK}{origin}:{word}:{value}"))
}

/// Puts what `encrypted_content` holds into `reasoning`, with its origin.
pub(super) fn read(encrypted_content: String, reasoning: &mut Reasoning) {
    if let Some((origin, word, value)) = parse(&encrypted_content) {
        reasoning.origin = Some(origin);
        match word {
            "signature" => reasoning.signature = Some(value.to_owned()),
            _ => reasoning.encrypted = Some(value.to_owned()),
        }
    } else {
        reasoning.encrypted = Some(encrypted_content);
    }
}

fn parse(text: &str) -> Option<(Dialect, &str, &str)> {
    let (origin, rest) = text.strip_prefix(MARK)?.split_once(':')?;
    let (word, value) = rest.split_once(':')?;
    Some((Dialect::from_name(origin)?, word, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_56_foreign_seals_travel_in_encrypted_content() {
        for (signature, encrypted) in [(Some("sig:1=="), None), (None, Some("abc:=="))] {
            let packed = write(signature, encrypted, Some(Dialect::Anthropic)).unwrap();
            assert!(holds_foreign_seal(format!("{{\"encrypted_content\":\"{packed}\"}}").as_bytes()));
            let mut reasoning = Reasoning::default();
            read(packed, &mut reasoning);
            assert_eq!(reasoning.signature.as_deref(), signature);
            assert_eq!(reasoning.encrypted.as_deref(), encrypted);
            assert_eq!(reasoning.origin, Some(Dialect::Anthropic));
        }
    }

    #[test]
    fn case_59_only_openais_own_seal_is_written_bare() {
        assert_eq!(write(None, Some("gAAAA"), Some(Dialect::OpenaiResponses)).as_deref(), Some("gAAAA"));
        assert_eq!(write(Some("s"), None, Some(Dialect::OpenaiResponses)), None);
        assert_eq!(write(Some("s"), Some("e"), None), None);
    }
}

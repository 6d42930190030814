//! The names under which a model may be found: as asked for, then without dates and prefixes.

/// The names to try for a model, best first, in lower case: the name itself; without a resource prefix
/// (`models/…`, `accounts/x/models/…`); then without version suffixes, one after the other. A fine-tuned
/// `ft:base:organisation::id` is tried as `ft:base` only: it never has the price of its base.
pub(super) fn candidates(model: &str) -> Vec<String> {
    let asked = model.to_ascii_lowercase();
    let mut names = vec![asked];
    let mut add = |name: &str| {
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    let lower = model.to_ascii_lowercase();
    let mut name = without_prefix(&lower);
    add(name);
    if let Some(tuned) = lower.strip_prefix("ft:") {
        let base = tuned.split(':').next().unwrap_or(tuned);
        name = lower.get(..3 + base.len()).unwrap_or(name);
        add(name);
    }
    while let Some(shorter) = without_version(name) {
        name = shorter;
        add(name);
    }
    names
}

fn without_prefix(name: &str) -> &str {
    match name.strip_prefix("models/") {
        Some(rest) => rest,
        None => name.split_once("/models/").map_or(name, |(_, rest)| rest),
    }
}

/// The name without its last version mark. Four-digit marks (`-0613`, `-2411`) stay: models under such names differ
/// in price too often.
fn without_version(name: &str) -> Option<&str> {
    for suffix in ["-latest", "@latest", "@default"] {
        if let Some(rest) = name.strip_suffix(suffix) {
            return Some(rest);
        }
    }
    // -2025-04-14, -20250929, @20250929, -preview-09-2025, -preview-05-06, -001
    for shape in ["-dddd-dd-dd", "-dddddddd", "@dddddddd", "-preview-dd-dddd", "-preview-dd-dd", "-00d"] {
        if let Some(rest) = strip_shape(name, shape) {
            return Some(rest);
        }
    }
    None
}

/// Strips a suffix of that shape, in which `d` stands for a digit.
fn strip_shape<'a>(name: &'a str, shape: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(shape.len()).filter(|at| *at > 0)?;
    let (rest, suffix) = (name.get(..at)?, name.get(at..)?);
    let fits = |(want, have): (u8, u8)| if want == b'd' { have.is_ascii_digit() } else { want == have };
    // The letters of "-preview-" have no d.
    shape.bytes().zip(suffix.bytes()).all(fits).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_prefixes_are_stripped() {
        for (asked, found) in [
            ("gpt-4.1-2025-04-14", "gpt-4.1"),
            ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
            ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
            ("mistral-small-latest", "mistral-small"),
            ("models/gemini-2.5-pro", "gemini-2.5-pro"),
            ("models/gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
            ("gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
            ("gemini-2.0-flash-001", "gemini-2.0-flash"),
            ("accounts/fireworks/models/kimi-k3", "kimi-k3"),
            ("GPT-4o", "gpt-4o"),
        ] {
            assert_eq!(candidates(asked).last().map(String::as_str), Some(found), "{asked}");
        }
    }

    #[test]
    fn the_name_as_asked_comes_first() {
        assert_eq!(candidates("gpt-5-chat-latest"), ["gpt-5-chat-latest", "gpt-5-chat"]);
        assert_eq!(candidates("gpt-4o-2024-05-13"), ["gpt-4o-2024-05-13", "gpt-4o"]);
    }

    #[test]
    fn other_marks_stay() {
        for name in ["mistral-large-2411", "gpt-4-0613", "-2025-04-14", "llama-3.3-70b", "öö-20250101x", ""]
        {
            assert_eq!(candidates(name).len(), 1, "{name}");
        }
    }

    #[test]
    fn a_fine_tuned_model_is_not_its_base() {
        assert_eq!(
            candidates("ft:gpt-4o-2024-08-06:acme::abc"),
            ["ft:gpt-4o-2024-08-06:acme::abc", "ft:gpt-4o-2024-08-06", "ft:gpt-4o"]
        );
    }
}

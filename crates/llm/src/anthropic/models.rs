//! What each generation of Claude takes and refuses, told from the model's name.
//!
//! | generation | thinking | off by | efforts | sampling | forced tools |
//! |---|---|---|---|---|---|
//! | not Claude | budget | `disabled` | as asked in this dialect | yes | not while thinking |
//! | up to 4.5 | budget | `disabled` | – (Opus 4.5: low–high) | yes (4.1, 4.5: temperature *or* top_p) | not while thinking |
//! | 4.6 | budget or adaptive | `disabled` | low–high, max | temperature *or* top_p | not while thinking |
//! | 4.7, 4.8 | adaptive | leaving it out | low–max | no | not while thinking |
//! | 5 | adaptive, by default | `disabled` | low–max | no | yes |
//! | Haiku 5.5 | adaptive, by default | `disabled` | low–max | no | yes |
//! | Sonnet 5.5 | adaptive, by default | `between_tools` | low–max | no | no |
//! | Opus 5.5, Fable, Mythos | adaptive, always | – | low–max | no | no (Fable 5, Mythos 5: yes) |
//!
//! Sources: platform.claude.com "Adaptive thinking", "Effort", "Structured outputs" and the migration guides of
//! Opus 4.7, Opus 5, Fable 5, Opus 5.5 and Sonnet 5.5, read in November 2026.

/// How a model is asked to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThinkingForm {
    /// `thinking: {type: enabled, budget_tokens}` only.
    Budget,
    /// Either.
    Both,
    /// `thinking: {type: adaptive}` only.
    Adaptive,
}

/// How a model is asked not to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffForm {
    /// `thinking: {type: disabled}`.
    Disabled,
    /// By saying nothing; `disabled` is refused by some.
    Unset,
    /// `thinking: {type: between_tools}`.
    BetweenTools,
    /// Not at all.
    Never,
}

/// Which sampling numbers a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SamplingRule {
    /// All of them.
    All,
    /// `temperature` or `top_p`, not both.
    EitherOr,
    /// None but the defaults.
    None,
}

/// Whether a tool call can be forced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForcedTools {
    /// Always.
    Yes,
    /// Unless thinking is on.
    WithoutThinking,
    /// Never.
    No,
}

/// What one model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traits {
    pub(super) thinking: ThinkingForm,
    pub(super) off: OffForm,
    /// Whether it thinks when nobody says anything.
    pub(super) thinks_by_default: bool,
    /// Values of `output_config.effort`; empty where the field is refused.
    pub(super) efforts: &'static [&'static str],
    pub(super) sampling: SamplingRule,
    pub(super) forced_tools: ForcedTools,
    /// Whether it knows `output_config.format` and strict tools.
    pub(super) json_schema: bool,
}

const ALL_EFFORTS: &[&str] = &["low", "medium", "high", "xhigh", "max"];

/// Claude since 5, unless said otherwise.
const ADAPTIVE: Traits = Traits {
    thinking: ThinkingForm::Adaptive,
    off: OffForm::Disabled,
    thinks_by_default: true,
    efforts: ALL_EFFORTS,
    sampling: SamplingRule::None,
    forced_tools: ForcedTools::Yes,
    json_schema: true,
};

/// The dialect as it was in 2025.
const BUDGETED: Traits = Traits {
    thinking: ThinkingForm::Budget,
    off: OffForm::Disabled,
    thinks_by_default: false,
    efforts: &[],
    sampling: SamplingRule::All,
    forced_tools: ForcedTools::WithoutThinking,
    json_schema: false,
};

/// What the model of that name takes. A Claude without a version is taken for a new one; a name that is no Claude's
/// belongs to somebody who copied the dialect.
pub(super) fn traits(model: &str) -> Traits {
    let name = model.to_ascii_lowercase();
    let Some((_, rest)) = name.split_once("claude") else {
        return Traits { json_schema: true, efforts: ALL_EFFORTS, ..BUDGETED };
    };
    let words: Vec<&str> =
        rest.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let has = |word: &str| words.contains(&word);
    let always_thinks = has("fable") || has("mythos");
    let version = version(&words).unwrap_or(if always_thinks { (5, 0) } else { (4, 8) });
    match version {
        (0..4, _) | (4, 0..=5) => old(version, has("opus")),
        (4, 6) => Traits {
            thinking: ThinkingForm::Both,
            efforts: &["low", "medium", "high", "max"],
            sampling: SamplingRule::EitherOr,
            json_schema: true,
            ..BUDGETED
        },
        (4, _) => Traits {
            off: OffForm::Unset,
            thinks_by_default: false,
            forced_tools: ForcedTools::WithoutThinking,
            ..ADAPTIVE
        },
        _ if always_thinks => Traits {
            off: OffForm::Never,
            forced_tools: if version >= (5, 1) { ForcedTools::No } else { ForcedTools::Yes },
            ..ADAPTIVE
        },
        (5, 0..5) => ADAPTIVE,
        _ if has("opus") => Traits { off: OffForm::Never, forced_tools: ForcedTools::No, ..ADAPTIVE },
        _ if has("sonnet") => {
            Traits { off: OffForm::BetweenTools, forced_tools: ForcedTools::No, ..ADAPTIVE }
        }
        _ => ADAPTIVE,
    }
}

fn old(version: (u32, u32), is_opus: bool) -> Traits {
    let efforts: &[&str] = if is_opus && version == (4, 5) { &["low", "medium", "high"] } else { &[] };
    let sampling = if version >= (4, 1) { SamplingRule::EitherOr } else { SamplingRule::All };
    Traits { efforts, sampling, json_schema: version >= (4, 5), ..BUDGETED }
}

/// `opus-4-6-v1` is 4.6, `3-7-sonnet-latest` 3.7, `sonnet-4-20250514` 4.0, `v2:1` 2.0: the first short number, and the
/// short number right behind it; or a number behind a `v`.
fn version(words: &[&str]) -> Option<(u32, u32)> {
    let short = |word: &&str| if word.len() <= 2 { word.parse::<u32>().ok() } else { None };
    let by_v = || words.iter().find_map(|word| word.strip_prefix('v')?.parse().ok());
    let Some(first) = words.iter().position(|word| short(word).is_some()) else {
        return by_v().map(|major| (major, 0));
    };
    let major = words.get(first).and_then(short)?;
    Some((major, words.get(first + 1).and_then(short).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_spelling() {
        let cases = [
            ("claude-sonnet-4-5-20250929", Some((4, 5))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-3-7-sonnet-latest", Some((3, 7))),
            ("us.anthropic.claude-opus-4-6-v1:0", Some((4, 6))),
            ("anthropic/claude-4.6-opus", Some((4, 6))),
            ("claude-opus-5-20260724", Some((5, 0))),
            ("claude-fable-5-1", Some((5, 1))),
            ("claude-v2", Some((2, 0))),
            ("claude-mythos-preview", None),
        ];
        for (name, expected) in cases {
            let rest = name.split_once("claude").unwrap().1;
            let words: Vec<&str> = rest.split(['-', '.', ':']).filter(|word| !word.is_empty()).collect();
            assert_eq!(version(&words), expected, "{name}");
        }
    }

    #[test]
    fn the_table_of_generations_holds() {
        use {ForcedTools as F, OffForm as O, SamplingRule as S, ThinkingForm as T};
        let cases = [
            ("deepseek-chat", T::Budget, O::Disabled, S::All, F::WithoutThinking),
            ("claude-3-5-haiku-20241022", T::Budget, O::Disabled, S::All, F::WithoutThinking),
            ("claude-sonnet-4-5", T::Budget, O::Disabled, S::EitherOr, F::WithoutThinking),
            ("claude-opus-4-6", T::Both, O::Disabled, S::EitherOr, F::WithoutThinking),
            ("claude-opus-4-7", T::Adaptive, O::Unset, S::None, F::WithoutThinking),
            ("claude-opus-5", T::Adaptive, O::Disabled, S::None, F::Yes),
            ("claude-haiku-5-5", T::Adaptive, O::Disabled, S::None, F::Yes),
            ("claude-sonnet-5-5", T::Adaptive, O::BetweenTools, S::None, F::No),
            ("claude-opus-5-5", T::Adaptive, O::Never, S::None, F::No),
            ("claude-fable-5", T::Adaptive, O::Never, S::None, F::Yes),
            ("claude-mythos-5-1", T::Adaptive, O::Never, S::None, F::No),
        ];
        for (name, thinking, off, sampling, forced) in cases {
            let traits = traits(name);
            let got = (traits.thinking, traits.off, traits.sampling, traits.forced_tools);
            assert_eq!(got, (thinking, off, sampling, forced), "{name}");
        }
        assert!(traits("claude-sonnet-4-5").json_schema && !traits("claude-opus-4-1").json_schema);
    }
}

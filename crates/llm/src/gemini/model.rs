//! What a model's name says about its abilities.

/// The generations that want different requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Generation {
    /// No Gemini by its name, or 1.x and 2.0: no thinking, the schema subset only.
    Plain,
    /// 2.5: `thinkingBudget`, full JSON schema.
    TwoFive,
    /// 3 and later: `thinkingLevel`, thought signatures are checked, JSON output together with functions.
    Three,
}

/// What a model's name says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Model {
    /// Its generation.
    pub generation: Generation,
    /// `3.1` of `gemini-3.1-pro-preview`; 0 when unknown.
    version: f32,
    is_pro: bool,
    is_lite: bool,
}

impl Model {
    /// Reads a name such as `models/gemini-2.5-flash`. Aliases (`gemini-flash-latest`) count as the newest
    /// generation.
    pub(crate) fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let tail = name.split_once("gemini").map(|(_, tail)| tail);
        let version = tail.and_then(|tail| tail.split(['-', '@', '_', ':']).find_map(version_of));
        let generation = match (tail, version) {
            (Some(_), Some(version)) if version >= 3.0 => Generation::Three,
            (Some(_), Some(version)) if version >= 2.5 => Generation::TwoFive,
            (Some(tail), None) if tail.ends_with("-latest") => Generation::Three,
            _ => Generation::Plain,
        };
        Self {
            generation,
            version: version.unwrap_or(0.0),
            is_pro: name.contains("-pro"),
            is_lite: name.contains("flash-lite"),
        }
    }

    /// The levels of `thinkingLevel`, lowest first. Sources: the tables of supported thinking levels of the Gemini API
    /// and of Vertex AI. 3 Pro has low and high; later pro models and flash models from 3.7 on have low, medium and
    /// high; earlier flash models and flash-lite models have minimal too.
    pub(crate) fn thinking_levels(&self) -> &'static [&'static str] {
        match () {
            () if self.is_pro && self.version == 3.0 => &["low", "high"],
            () if self.is_pro || self.version == 0.0 => &["low", "medium", "high"],
            () if !self.is_lite && self.version >= 3.7 => &["low", "medium", "high"],
            () => &["minimal", "low", "medium", "high"],
        }
    }

    /// Least and most `thinkingBudget` of a 2.5 model, and whether 0 switches thinking off. Source: the table of
    /// thinking budgets of the Gemini API documentation.
    pub(crate) fn budget_range(&self) -> (u64, u64, bool) {
        match () {
            () if self.is_pro => (128, 32_768, false),
            () if self.is_lite => (512, 24_576, true),
            () => (1, 24_576, true),
        }
    }
}

fn version_of(word: &str) -> Option<f32> {
    if word.starts_with(|c: char| c.is_ascii_digit()) { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_generation() {
        for (name, generation) in [
            ("gemini-2.0-flash", Generation::Plain),
            ("gemma-3-27b-it", Generation::Plain),
            ("models/gemini-2.5-flash-lite", Generation::TwoFive),
            ("gemini-3-pro-preview", Generation::Three),
            ("google/gemini-3.8-flash", Generation::Three),
            ("gemini-flash-latest", Generation::Three),
            ("gemini-omni-4", Generation::Three),
        ] {
            assert_eq!(Model::of(name).generation, generation, "{name}");
        }
    }
}

//! Tokens of answers whose provider told none, or told nonsense: guessed from sizes and marked as such.

use tidegate_llm::Usage;
use tidegate_llm::progress::Progress;

/// The tokens of an answer: as told where that can be believed, else filled in from the sizes of request and text.
/// `is_whole` is false for an answer that broke off: no report of it can have been the last.
pub fn tokens(told: Option<Usage>, is_whole: bool, request_bytes: usize, text_bytes: u64) -> Usage {
    let mut usage = told.filter(Usage::is_possible).unwrap_or_default();
    let output = text_bytes.div_ceil(Progress::BYTES_PER_TOKEN);
    let is_believable = usage.input > 0 && (usage.output > 0 || output == 0);
    if !is_whole || !is_believable {
        usage.estimated = true;
        usage.output = usage.output.max(output);
        if usage.input == 0 {
            usage.input = input(request_bytes);
        }
    }
    usage
}

/// The tokens of a request, guessed from its size.
pub fn input(request_bytes: usize) -> u64 {
    (request_bytes as u64).div_ceil(Progress::BYTES_PER_TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_believed_unless_it_cannot_be() {
        let told = |input, output| Some(Usage { input, output, ..Usage::default() });
        assert_eq!(tokens(told(20, 10), true, 400, 40), told(20, 10).unwrap());
        assert_eq!(tokens(told(20, 0), true, 400, 0), told(20, 0).unwrap());
        for (usage, expected) in [
            (tokens(None, true, 400, 40), (100, 10)),
            (tokens(told(0, 0), true, 400, 40), (100, 10)),
            (tokens(told(20, 0), true, 400, 40), (20, 10)),
            (tokens(told(1_000_000_000_000, 5), true, 400, 40), (100, 10)),
            (tokens(told(20, 3), false, 400, 40), (20, 10)),
        ] {
            assert_eq!(((usage.input, usage.output), usage.estimated), (expected, true));
        }
    }
}

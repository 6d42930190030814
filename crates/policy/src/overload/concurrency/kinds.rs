//! What streams and whole answers have in common.

use super::Answer;

/// What is kept of earlier answers with each one: they are forgotten after a hundred or so.
const KEPT: f64 = 1.0 - 1.0 / 128.0;
/// So many of a kind tell something.
const FEW: f64 = 3.0;

/// The first token of a stream comes long before the end of a whole answer. How much earlier is learnt, so that both tell how slow the target is.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    streams: Lately,
    wholes: Lately,
    /// How much later whole answers come, as a logarithm.
    apart: f64,
}

#[derive(Debug, Default)]
struct Lately {
    sum: f64,
    count: f64,
}

impl Kinds {
    /// The latency of an answer as that of a stream. Latencies are logarithms.
    pub(super) fn as_stream(&mut self, answer: Answer, latency: f64) -> f64 {
        // Both are forgotten at the same pace, so that a target that becomes slower drives them no further apart.
        self.streams.take((answer == Answer::Stream).then_some(latency));
        self.wholes.take((answer == Answer::Whole).then_some(latency));
        if let (Some(streams), Some(wholes)) = (self.streams.mean(), self.wholes.mean()) {
            self.apart = wholes - streams;
        }
        if answer == Answer::Whole { latency - self.apart } else { latency }
    }
}

impl Lately {
    fn take(&mut self, latency: Option<f64>) {
        self.sum = self.sum * KEPT + latency.unwrap_or(0.0);
        self.count = self.count * KEPT + f64::from(u8::from(latency.is_some()));
    }

    fn mean(&self) -> Option<f64> {
        (self.count >= FEW).then(|| self.sum / self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of both made it look as if cuts had been in vain, and others as if they had helped.
    #[test]
    fn streams_and_whole_answers_tell_the_same_of_a_target() {
        let mut kinds = Kinds::default();
        // It becomes ten times slower meanwhile.
        for turn in 0..400 {
            let slower = f64::from(turn) / 400.0 * std::f64::consts::LN_10;
            let stream = kinds.as_stream(Answer::Stream, 0.3_f64.ln() + slower);
            let whole = kinds.as_stream(Answer::Whole, slower);
            assert!((stream - 0.3_f64.ln() - slower).abs() < 1e-9, "{stream} at {turn}");
            assert!(turn < 10 || (stream - whole).abs() < 0.05, "{stream} and {whole} at {turn}");
        }
    }

    #[test]
    fn answers_of_one_kind_are_taken_as_they_are() {
        let mut kinds = Kinds::default();
        for answer in [Answer::Whole; 50].into_iter().chain([Answer::Stream]) {
            assert_eq!(kinds.as_stream(answer, 2.5), 2.5);
        }
    }
}

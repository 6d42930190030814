//! "Did you mean …?"

/// The candidate nearest to `name` by edit distance, if it is near enough to be a slip of the hand (at most a third of the
/// letters). Case does not count.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let bound = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance; names are short, so two rows do.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut row = Vec::with_capacity(above.len());
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = above[j] + usize::from(x != *y);
            row.push(change.min(above[j + 1] + 1).min(row[j] + 1));
        }
        above = row;
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_slip_and_nothing_far_away() {
        let known = ["openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "smart"];
        assert_eq!(nearest("openai/gpt4.1", known), Some("openai/gpt-4.1"));
        assert_eq!(nearest("Smar", known), Some("smart"));
        assert_eq!(nearest("something else", known), None);
    }
}

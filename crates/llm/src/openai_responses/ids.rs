//! Ids of answers and of their items, the same for the same exchange.

/// The answer's id, with the prefix that this dialect's clients expect.
pub(super) fn response_id(given: &str, exchange: &str) -> String {
    match given {
        "" => format!("resp_{exchange}"),
        given if given.starts_with("resp_") => given.to_owned(),
        given => format!("resp_{given}"),
    }
}

/// What item ids are made from: the exchange's id, else the answer's own.
pub(super) fn base<'a>(given: &'a str, exchange: &'a str) -> &'a str {
    if exchange.is_empty() { given.trim_start_matches("resp_") } else { exchange }
}

/// The id of the item at `output_index`: `msg_…_0`, `fc_…_1`, `rs_…_2`.
pub(super) fn item_id(prefix: &str, base: &str, output_index: usize) -> String {
    format!("{prefix}_{base}_{output_index}")
}

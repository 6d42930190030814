//! The `date` header, rendered once a second.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use tidegate_policy::edge::http_date;

thread_local! {
    /// The second, and the header's line for it.
    static LINE: RefCell<(u64, Vec<u8>)> = const { RefCell::new((0, Vec::new())) };
}

/// Writes the line of the header (RFC 9110 section 6.6.1).
pub(super) fn write_date(out: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LINE.with_borrow_mut(|(second, line)| {
        if *second != now || line.is_empty() {
            let date = http_date::format(i64::try_from(now).unwrap_or_default());
            (*second, *line) = (now, format!("date: {date}\r\n").into_bytes());
        }
        out.extend_from_slice(line);
    });
}

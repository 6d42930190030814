//! Listings come in pages; an opaque cursor says where the next one begins.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::KeysError;

/// A page when nobody says how long.
const USUAL: u32 = 100;
/// Longest page.
const LONGEST: u32 = 1000;

/// One page of a listing.
#[derive(Clone, Debug, Serialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of up to `length + 1` items; one too many says that there are more.
    pub(super) fn of(mut items: Vec<T>, length: usize, place: impl Fn(&T) -> String) -> Self {
        let is_last = items.len() <= length;
        items.truncate(length);
        let next = if is_last { None } else { items.last().map(|item| write_cursor(&place(item))) };
        Self { items, next }
    }

    /// A page with nothing on it.
    pub(super) fn empty() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

/// The length of a page that was asked for.
pub(super) fn length(asked: Option<u32>) -> usize {
    asked.unwrap_or(USUAL).clamp(1, LONGEST) as usize
}

fn write_cursor(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// The place that a cursor stands for.
pub(super) fn read_cursor(cursor: &str) -> Result<String, KeysError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| KeysError::BadCursor)?;
    String::from_utf8(bytes).map_err(|_| KeysError::BadCursor)
}

/// A text to be found anywhere, as a pattern for `LIKE … ESCAPE '\'`; `None` if nothing can have it.
pub(super) fn pattern(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    if text.is_empty() {
        return Some(String::new());
    }
    let plain = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Some(format!("%{plain}%"))
}

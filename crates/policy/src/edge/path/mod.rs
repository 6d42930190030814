//! One spelling for each path: routes, access rules and upstreams all see what [`normalise`] returns, and nothing else.
//!
//! - Escapes of characters that may stand in a segment as themselves are undone (`%41` → `A`, `%3a` → `:`); other escapes stay,
//!   with capital digits. `+` and `%2B` stay apart, as applications tell them apart.
//! - Characters that no path may hold are escaped (`{` → `%7B`), as is text beyond ASCII.
//! - `//` becomes `/`; `.` and `..` are resolved, after escapes, so `%2e%2e` is `..`.
//! - What two servers may read differently is refused: `%2f`, `\`, `%5c`, control characters (`%00`), `;`, escapes of escapes
//!   (`%252e`), overlong UTF-8 (`%c0%ae`), more `..` than there are segments.

use std::borrow::Cow;

mod alphabet;
mod escapes;
mod segments;
#[cfg(test)]
mod tests;

pub(crate) use alphabet::is_unreserved;
pub(crate) use escapes::{hex_pair, push_escape};

/// What a listener lets pass although some upstreams read it differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathRules {
    /// `%2f` inside a segment stays an escape (`/@scope%2Fpackage`); it never separates segments.
    pub encoded_slash: bool,
    /// Parameters of a segment (`/cart;jsessionid=1`) stay part of it.
    pub parameters: bool,
}

/// Why a path is refused. All of them are answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It does not begin with `/`.
    #[error("the path must begin with `/`")]
    Relative,
    /// `%` without two hexadecimal digits.
    #[error("`%` must be followed by two hexadecimal digits")]
    Escape,
    /// A control character, a space or `#`, as itself or (control characters) as an escape.
    #[error("the path has a character that no path may have")]
    Character,
    /// `%2f`.
    #[error("the path has an escaped slash")]
    EncodedSlash,
    /// `\` or `%5c`.
    #[error("the path has a backslash")]
    Backslash,
    /// `;` or `%3b`, where they are not allowed, or behind nothing but dots.
    #[error("the path has parameters (`;`)")]
    Parameters,
    /// An escape of an escape, such as `%252e`.
    #[error("the path is escaped twice")]
    EscapedTwice,
    /// UTF-8 in more bytes than needed, such as `%c0%ae`.
    #[error("the path has overlong UTF-8")]
    Overlong,
    /// `..` where nothing is left to leave.
    #[error("the path leads above the root")]
    AboveRoot,
}

/// The one spelling of a path (without its query). Borrowed when nothing had to be changed, which is the usual case.
pub fn normalise(raw: &str, rules: PathRules) -> Result<Cow<'_, str>, PathFault> {
    if !raw.starts_with('/') {
        return Err(PathFault::Relative);
    }
    if is_normal(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    let spelled = escapes::respell(raw.as_bytes(), rules)?;
    segments::resolve(&spelled).map(Cow::Owned)
}

/// Whether nothing needs a second look: plain characters only, and no segment that is empty or begins with a dot.
fn is_normal(raw: &[u8]) -> bool {
    let mut previous = 0;
    for &byte in raw {
        let may_follow = if previous == b'/' { byte != b'/' && byte != b'.' } else { true };
        if !may_follow || !(byte == b'/' || alphabet::is_plain(byte)) {
            return false;
        }
        previous = byte;
    }
    true
}

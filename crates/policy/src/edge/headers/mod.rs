//! Headers on their way through a proxy: what ends here, what is said about the client, what a route sets.

use http::{HeaderMap, HeaderName};

pub mod forwarded;
pub mod hop_by_hop;
mod list;
mod rules;
mod told;
mod trailers;

pub use hop_by_hop::remove_hop_by_hop;
pub use list::elements;
pub use rules::{HeaderChange, HeaderRules};
pub use told::{Told, append_via, tell_upstream};
pub use trailers::tidy_trailers;

/// Adds a name to `Vary`, unless it is there (or `*` is).
pub fn vary_on(headers: &mut HeaderMap, name: &HeaderName) {
    let is_there = elements(headers, http::header::VARY)
        .any(|known| known == "*" || known.eq_ignore_ascii_case(name.as_str()));
    if !is_there {
        headers.append(http::header::VARY, name.clone().into());
    }
}

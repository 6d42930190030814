//! Steps on the hub's model that no single dialect can do: names, ids and seals that one side knows and the other refuses.
//! They run on a request before it is encoded for a target of another dialect, and backwards on the answer.

mod fingerprint;
mod signatures;
mod tool_ids;
mod tool_names;

use crate::Dialect;
use crate::hub::{ChatRequest, ChatResponse, Event};
use crate::quirks::Quirks;

pub use signatures::holds_packed_signature;
pub use tool_names::ToolNames;

/// What adapting a request brought about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adapted {
    /// Names that the answer must be given back with.
    pub names: ToolNames,
    /// What was taken away, as [`crate::codec::Encoded::dropped`] names it.
    pub dropped: Vec<String>,
}

/// Makes a request that came in `caller`'s dialect acceptable to `target`. The answer must go through
/// [`adapt_response`] or [`adapt_event`] with the names that are given back.
pub fn adapt_request(request: &mut ChatRequest, caller: Dialect, target: Dialect, quirks: Quirks) -> Adapted {
    signatures::unpack(request, caller);
    let dropped = signatures::strip_foreign(request, caller, target, quirks);
    if caller == target {
        return Adapted { dropped, ..Adapted::default() };
    }
    tool_ids::sanitise(request, target);
    Adapted { names: ToolNames::adapt(request, target), dropped }
}

/// Gives an answer of `target` back in the words of the caller.
pub fn adapt_response(response: &mut ChatResponse, caller: Dialect, names: &ToolNames) {
    names.restore_response(response);
    signatures::pack_response(response, caller);
}

/// The same for one event of a stream.
pub fn adapt_event(event: &mut Event, caller: Dialect, names: &ToolNames) {
    names.restore_event(event);
    signatures::pack_event(event, caller);
}

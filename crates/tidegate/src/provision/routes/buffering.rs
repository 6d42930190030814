//! What is read ahead of a slow side.

use tidegate_proxy::edge::BufferRules;

use super::{Building, RoutePlace};
use crate::config::written::{BufferingEntry, BufferingTerms, BufferingWord, RouteEntry};

impl Building<'_> {
    /// How bodies of requests wait, and how answers do.
    pub(super) fn buffering(
        &mut self,
        entry: &RouteEntry,
        place: &RoutePlace,
    ) -> (Option<BufferRules>, Option<BufferRules>) {
        let terms = match &entry.buffering {
            None => return (None, None),
            Some(BufferingEntry::Word(of)) => BufferingTerms { of: *of, ..BufferingTerms::default() },
            Some(BufferingEntry::Terms(terms)) => terms.clone(),
        };
        let usual = BufferRules::default();
        let rules = BufferRules {
            memory: terms.memory.map_or(usual.memory, |size| size.0),
            disk: terms.disk.map_or(usual.disk, |size| size.0),
            folder: terms.folder.as_deref().map_or(usual.folder, |folder| self.path(folder)),
        };
        if !rules.folder.is_dir() {
            let words = format!("there is no folder {}", rules.folder.display());
            self.wrong(place, &["buffering", "folder"], words);
        }
        let (request, answer) = match terms.of {
            BufferingWord::Off => (false, false),
            BufferingWord::Request => (true, false),
            BufferingWord::Response => (false, true),
            BufferingWord::Both => (true, true),
        };
        (request.then(|| rules.clone()), answer.then_some(rules))
    }
}

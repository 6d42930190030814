//! What has to be asked for anew, without looking at everything that is kept: each answer carries the stamp of when it was asked for, and
//! each change has one too.

use std::collections::{HashMap, HashSet};

use tidegate_policy::access::Key;

/// Changes that are remembered one by one. With more, everything older is asked for anew.
const MOST: usize = 4096;

/// What has changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Changed {
    pub(super) keys: HashSet<String>,
    pub(super) teams: HashSet<String>,
    /// Nobody knows what: everything may have.
    pub(super) all: bool,
}

impl Changed {
    pub(super) fn is_empty(&self) -> bool {
        !self.all && self.keys.is_empty() && self.teams.is_empty()
    }
}

/// The changes so far, with their stamps.
#[derive(Clone, Debug, Default)]
pub(super) struct Forgotten {
    /// The stamp of the last change, and of answers that are asked for after it.
    now: u64,
    /// Answers with a smaller stamp are void.
    floor: u64,
    keys: HashMap<String, u64>,
    teams: HashMap<String, u64>,
}

impl Forgotten {
    /// The stamp of an answer that is asked for now; to be taken before the question.
    pub(super) fn stamp(&self) -> u64 {
        self.now
    }

    /// Whether an answer still holds.
    pub(super) fn holds(&self, key: &Key, stamp: u64) -> bool {
        let is_newer = |changes: &HashMap<String, u64>, id: &str| {
            changes.is_empty() || changes.get(id).is_none_or(|change| stamp >= *change)
        };
        stamp >= self.floor
            && is_newer(&self.keys, &key.id)
            && key.team.as_ref().is_none_or(|team| is_newer(&self.teams, &team.id))
    }

    /// The same after a change.
    pub(super) fn after(&self, changed: &Changed) -> Self {
        let now = self.now + 1;
        let count = self.keys.len() + self.teams.len() + changed.keys.len() + changed.teams.len();
        if changed.all || count > MOST {
            return Self { now, floor: now, ..Self::default() };
        }
        let mut after = Self { now, ..self.clone() };
        after.keys.extend(changed.keys.iter().map(|id| (id.clone(), now)));
        after.teams.extend(changed.teams.iter().map(|id| (id.clone(), now)));
        after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(keys: &[&str], teams: &[&str], all: bool) -> Changed {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Changed { keys: set(keys), teams: set(teams), all }
    }

    #[test]
    fn only_what_has_changed_is_void_and_only_if_asked_for_before() {
        let key = Key {
            id: "key_a".into(),
            team: Some(tidegate_policy::access::Team { id: "team_a".into(), ..Default::default() }.into()),
            ..Key::default()
        };
        let before = Forgotten::default();
        let stamp = before.stamp();
        for (what, holds) in [
            (changed(&["key_a"], &[], false), false),
            (changed(&["key_b"], &["team_b"], false), true),
            (changed(&[], &["team_a"], false), false),
            (changed(&[], &[], true), false),
        ] {
            let after = before.after(&what);
            assert_eq!(after.holds(&key, stamp), holds, "{what:?}");
            assert!(after.holds(&key, after.stamp()), "{what:?}");
            assert_eq!(after.after(&changed(&["key_c"], &[], false)).holds(&key, stamp), holds, "{what:?}");
        }
    }

    #[test]
    fn with_too_many_changes_everything_older_is_void() {
        let key = Key { id: "key_a".into(), ..Key::default() };
        let mut forgotten = Forgotten::default();
        for number in 0..=MOST {
            assert!(forgotten.holds(&key, 0), "{number}");
            forgotten = forgotten.after(&changed(&[&number.to_string()], &[], false));
        }
        assert!(!forgotten.holds(&key, 0) && forgotten.keys.is_empty());
    }
}

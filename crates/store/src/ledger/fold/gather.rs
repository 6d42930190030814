//! A stretch of a journal becomes what a batch writes: blocks of rows by day, and sums.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::mem::take;

use super::clean::clean;
use crate::ledger::block::Block;
use crate::ledger::calendar::{DAY_MICROS, HOUR_MICROS};
use crate::ledger::journal::{Found, Stretch};
use crate::ledger::{Row, Sums};

/// What all rows of a sum have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Group<T> {
    /// Counted from 1970-01-01.
    pub(super) hour: i64,
    pub(super) key: T,
    pub(super) team: T,
    pub(super) user: T,
    pub(super) model: T,
    pub(super) provider: T,
    pub(super) target_model: T,
    pub(super) endpoint: T,
    pub(super) outcome: T,
}

/// Rows that are brought into the database together.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) found: Found,
    pub(super) blocks: Vec<Block>,
    pub(super) sums: Vec<(Group<String>, Sums)>,
    /// Tags and the keys that had them.
    pub(super) tags: BTreeSet<(String, String)>,
}

/// Gathers up to `most` rows.
pub(super) fn gather(stretch: &Stretch, most: usize) -> Gathered {
    let mut gathering = Gathering { room: stretch.len(), ..Gathering::default() };
    let found = stretch.rows(most, |line, row| gathering.add(line, row));
    gathering.end(found)
}

#[derive(Default)]
struct Gathering<'t> {
    blocks: Vec<Block>,
    /// Room for the first block's text: mostly there is just one, as long as all lines together.
    room: usize,
    /// The sum of the rows just seen that have all in common: such rows come in runs, and cost no look-up.
    run: Option<(Group<Cow<'t, str>>, Sums)>,
    sums: HashMap<Group<Cow<'t, str>>, Sums>,
    /// The last key with tags, and its tags.
    tagged: (Cow<'t, str>, Cow<'t, [String]>),
    tags: BTreeSet<(String, String)>,
}

impl<'t> Gathering<'t> {
    fn add(&mut self, line: &'t str, row: &mut Row<'t>) {
        let is_changed = clean(row);
        let rewritten = if is_changed { line_of(row) } else { String::new() };
        let line = if is_changed { &rewritten } else { line };
        self.block(row.ended / DAY_MICROS).push(row.ended, line);
        self.add_tags(row);
        let sums = Sums::of(row);
        let group = group(row);
        match &mut self.run {
            Some((run, sum)) if *run == group => sum.add(&sums),
            run => {
                if let Some((group, sums)) = run.replace((group, sums)) {
                    self.sums.entry(group).or_default().add(&sums);
                }
            }
        }
    }

    fn add_tags(&mut self, row: &mut Row<'t>) {
        if row.tags.is_empty()
            || row.key.is_empty()
            || (&row.key, &row.tags) == (&self.tagged.0, &self.tagged.1)
        {
            return;
        }
        self.tags.extend(row.tags.iter().map(|tag| (tag.clone(), row.key.clone().into_owned())));
        self.tagged = (row.key.clone(), take(&mut row.tags));
    }

    fn block(&mut self, day: i64) -> &mut Block {
        let place = self.blocks.iter().rposition(|block| block.day == day).unwrap_or_else(|| {
            self.blocks.push(Block::new(day, take(&mut self.room)));
            self.blocks.len() - 1
        });
        &mut self.blocks[place]
    }

    fn end(mut self, found: Found) -> Gathered {
        if let Some((group, sums)) = self.run.take() {
            self.sums.entry(group).or_default().add(&sums);
        }
        self.blocks.iter_mut().for_each(Block::close);
        let sums = self.sums.into_iter().map(|(group, sums)| (group.into_owned(), sums)).collect();
        Gathered { found, blocks: self.blocks, sums, tags: self.tags }
    }
}

fn line_of(row: &Row<'_>) -> String {
    let mut line = Vec::new();
    row.write(&mut line);
    String::from_utf8_lossy(&line).into_owned()
}

/// Takes the texts out of the row.
fn group<'t>(row: &mut Row<'t>) -> Group<Cow<'t, str>> {
    Group {
        hour: row.ended / HOUR_MICROS,
        key: take(&mut row.key),
        team: take(&mut row.team),
        user: take(&mut row.user),
        model: take(&mut row.model),
        provider: take(&mut row.provider),
        target_model: take(&mut row.target_model),
        endpoint: take(&mut row.endpoint),
        outcome: take(&mut row.outcome),
    }
}

impl Group<Cow<'_, str>> {
    fn into_owned(self) -> Group<String> {
        Group {
            hour: self.hour,
            key: self.key.into_owned(),
            team: self.team.into_owned(),
            user: self.user.into_owned(),
            model: self.model.into_owned(),
            provider: self.provider.into_owned(),
            target_model: self.target_model.into_owned(),
            endpoint: self.endpoint.into_owned(),
            outcome: self.outcome.into_owned(),
        }
    }
}

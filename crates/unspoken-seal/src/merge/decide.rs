//! What a merge comes to, as a pure function of three views.
//!
//! It compares and chooses; it seals nothing and moves no value.

use std::collections::{BTreeMap, BTreeSet};

use unspoken_model::{Expiry, KeyId, RecipientName, SecretName};

use super::view::{Same, View, same_comments};
use super::{Choices, Conflict, Edit, MergeError, Side};
use crate::recipient::key_id;

/// Whose version of a thing counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Winner {
    /// They are the same.
    Both,
    One(Side),
    /// Both made one of their own, so somebody must choose, or make a third.
    Neither,
}

/// What the merged document is made of.
#[derive(Debug)]
pub(super) struct Decision {
    /// The names that it has, and whose value each gets.
    pub(super) values: BTreeMap<String, Side>,
    pub(super) expires: BTreeMap<SecretName, Expiry>,
    pub(super) exposed: BTreeMap<SecretName, BTreeSet<RecipientName>>,
    /// The readers' public keys, the environment key first.
    pub(super) recipients: Vec<String>,
    pub(super) key_id: Option<KeyId>,
    pub(super) key_history: Vec<(KeyId, String)>,
    /// Under whose data key it is.
    pub(super) winner: Winner,
    /// Whose metadata and data key are the ground to build on.
    pub(super) frame: Side,
    /// Whose order and comments are kept.
    pub(super) skeleton: Side,
}

/// The three views, and what has been found so far.
struct Table<'t, 'v, V> {
    base: Option<&'t View<'v, V>>,
    ours: &'t View<'v, V>,
    theirs: &'t View<'v, V>,
    choices: &'t Choices,
    conflicts: Vec<Conflict>,
}

/// Three-way: what one side left alone is the other side's to change.
fn three_way<T>(base: &T, ours: &T, theirs: &T, same: impl Fn(&T, &T) -> bool) -> Winner {
    if same(ours, theirs) {
        Winner::Both
    } else if same(base, ours) {
        Winner::One(Side::Theirs)
    } else if same(base, theirs) {
        Winner::One(Side::Ours)
    } else {
        Winner::Neither
    }
}

impl Winner {
    /// The side to take it from, where it is not for somebody to choose.
    fn side(self) -> Side {
        match self {
            Self::One(side) => side,
            Self::Both | Self::Neither => Side::Ours,
        }
    }
}

/// Decides, or lists everything that somebody must choose.
pub(super) fn decide<V: Same + Copy>(
    base: Option<&View<'_, V>>,
    ours: &View<'_, V>,
    theirs: &View<'_, V>,
    choices: &Choices,
) -> Result<Decision, MergeError> {
    let sealed = ours.block.is_some();
    let bases = base.is_none_or(|base| base.block.is_some() == sealed);
    if theirs.block.is_some() != sealed || !bases {
        return Err(MergeError::Mixed);
    }
    let mut table = Table { base, ours, theirs, choices, conflicts: Vec::new() };
    let winner = table.data_key();
    let key_id = table.key_id(winner);
    let frame = winner.side();
    if !sealed {
        table.compare_metadata();
    }
    let skeleton = table.skeleton();
    let (mut values, mut expires, mut exposed) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let dropped = table.dropped(winner);
    for name in ours.values.keys().chain(theirs.values.keys()).collect::<BTreeSet<_>>() {
        let Some((value, expiry)) = table.name(name) else { continue };
        let readers = table.exposed(name, value, winner, &dropped);
        let side = if value == Winner::Both { frame } else { value.side() };
        values.insert(name.to_string(), side);
        expires.extend(expiry.map(|expiry| (name.clone(), expiry)));
        if !readers.is_empty() {
            exposed.insert(name.clone(), readers);
        }
    }
    let recipients = table.recipients(frame, key_id.as_ref());
    let key_history = table.key_history();
    if !table.conflicts.is_empty() {
        return Err(MergeError::Conflicts(table.conflicts));
    }
    Ok(Decision {
        values,
        expires,
        exposed,
        recipients,
        key_id,
        key_history,
        winner,
        frame,
        skeleton,
    })
}

impl<'v, V: Same + Copy> Table<'_, 'v, V> {
    fn side(&self, side: Side) -> &View<'v, V> {
        side.of(self.ours, self.theirs)
    }

    fn data_key(&mut self) -> Winner {
        let base = self.base.map(|base| base.seal_key);
        let (ours, theirs) = (Some(self.ours.seal_key), Some(self.theirs.seal_key));
        let sealed = self.ours.block.is_some();
        match three_way(&base, &ours, &theirs, PartialEq::eq) {
            Winner::Both => Winner::Both,
            // Without a seal nothing shows who made the new key.
            Winner::One(side) if sealed => Winner::One(side),
            Winner::Neither if sealed && self.choices.new_data_key => Winner::Neither,
            _ => {
                self.conflicts.push(Conflict::DataKeys);
                Winner::Neither
            }
        }
    }

    /// Which environment key it is for. Another one comes with a new data key.
    fn key_id(&self, winner: Winner) -> Option<KeyId> {
        let of = |view: &View<'_, V>| view.block.map(|block| block.key_id.clone());
        let side = match winner {
            Winner::One(side) => side,
            Winner::Both | Winner::Neither => {
                let base = self.base.and_then(of);
                three_way(&base, &of(self.ours), &of(self.theirs), PartialEq::eq).side()
            }
        };
        of(self.side(side))
    }

    /// What no seal covers is not merged: recipients and rules must be the same.
    fn compare_metadata(&mut self) {
        if !self.ours.metadata.is_same_but_for_content(self.theirs.metadata) {
            self.conflicts.push(Conflict::Metadata);
        }
    }

    /// Whose comments are kept, and with them the order.
    fn skeleton(&mut self) -> Side {
        let base: &[V] = self.base.map_or(&[], |base| &base.comments);
        let same = |one: &&[V], two: &&[V]| same_comments(one, two);
        let (ours, theirs) = (&self.ours.comments[..], &self.theirs.comments[..]);
        let winner = three_way(&base, &ours, &theirs, same);
        if winner == Winner::Neither && self.choices.comments.is_none() {
            self.conflicts.push(Conflict::Comments);
        }
        match (winner, self.choices.comments) {
            (Winner::Neither, Some(side)) => side,
            _ => winner.side(),
        }
    }

    /// Whose value a name gets, and its expiry. `None` when it is to be gone, or
    /// must be chosen.
    fn name(&mut self, name: &SecretName) -> Option<(Winner, Option<Expiry>)> {
        let value = |view: &View<'_, V>| view.values.get(name).copied();
        let (ours, theirs) = (value(self.ours), value(self.theirs));
        let base = self.base.and_then(value);
        let expiry = |view: &View<'_, V>| view.block?.expires.get(name).copied();
        let (our_date, their_date) = (expiry(self.ours), expiry(self.theirs));
        let base_date = self.base.and_then(expiry);

        let same = |one: &Option<V>, two: &Option<V>| match (one, two) {
            (Some(one), Some(two)) => one.is_same(two),
            (None, None) => true,
            _ => false,
        };
        let value = three_way(&base, &ours, &theirs, same);
        let date = three_way(&base_date, &our_date, &their_date, PartialEq::eq);
        let expiry = date.side().of(our_date, their_date);
        let torn = value == Winner::Neither || date == Winner::Neither;
        match (value.side().of(ours, theirs), self.choices.names.get(name)) {
            (Some(_), _) if !torn => return Some((value, expiry)),
            (None, _) if !torn && expiry.is_none() => {}
            (_, Some(&side)) => {
                let from = if value == Winner::Both { value } else { Winner::One(side) };
                let kept = side.of(ours, theirs).is_some();
                return kept.then_some((from, side.of(our_date, their_date)));
            }
            // Also when one side removed what the other gave a new expiry.
            _ => {
                let edit = |value: Option<V>| match (base, value) {
                    (None, Some(_)) => Edit::Added,
                    (Some(_), None) => Edit::Removed,
                    (Some(base), Some(value)) if !base.is_same(&value) => Edit::Changed,
                    _ => Edit::Expiry,
                };
                let (ours, theirs) = (edit(ours), edit(theirs));
                self.conflicts.push(Conflict::Name { name: name.clone(), ours, theirs });
            }
        }
        None
    }

    /// The people whom the winning side has dropped since the base.
    fn dropped(&self, winner: Winner) -> BTreeSet<RecipientName> {
        let noted = |view: &View<'_, V>| -> BTreeSet<RecipientName> {
            let exposed = view.block.into_iter().flat_map(|block| block.exposed.values());
            exposed.flatten().cloned().collect()
        };
        let before = self.base.map(noted).unwrap_or_default();
        let after = match winner {
            Winner::Both => return BTreeSet::new(),
            Winner::One(side) => noted(self.side(side)),
            Winner::Neither => &noted(self.ours) | &noted(self.theirs),
        };
        &after - &before
    }

    /// Who could read a value that is kept and may not any more. A side that
    /// has set it anew knows best; but what was set while the others dropped
    /// somebody was still sealed for him.
    fn exposed(
        &self,
        name: &SecretName,
        value: Winner,
        winner: Winner,
        dropped: &BTreeSet<RecipientName>,
    ) -> BTreeSet<RecipientName> {
        let noted = |side: Side| -> BTreeSet<RecipientName> {
            let block = self.side(side).block;
            block.and_then(|block| block.exposed.get(name)).cloned().unwrap_or_default()
        };
        let Winner::One(side) = value else { return &noted(Side::Ours) | &noted(Side::Theirs) };
        if winner == Winner::Both || winner == Winner::One(side) {
            return noted(side);
        }
        let empty = |plain: &V| plain.is_empty();
        if self.side(side).values.get(name).is_some_and(empty) {
            return noted(side);
        }
        &noted(side) | dropped
    }

    /// Everybody whom one side added and nobody whom one side dropped, the
    /// environment key first.
    fn recipients(&self, frame: Side, id: Option<&KeyId>) -> Vec<String> {
        let (ours, theirs) = (self.ours.recipients(), self.theirs.recipients());
        let base = self.base.map(View::recipients).unwrap_or_default();
        let (first, second) = frame.of((&ours, &theirs), (&theirs, &ours));
        let in_both = |text: &str| ours.contains(&text) && theirs.contains(&text);
        let stays = |text: &&&str| in_both(text) || !base.contains(text);
        let own = first.iter().chain(second).find(|text| Some(&key_id(text)) == id);
        let own = own.or(first.first());
        let mut merged: Vec<String> = Vec::new();
        for text in own.into_iter().chain(first.iter().chain(second).filter(stays)) {
            if merged.iter().all(|known| known != text) {
                merged.push((*text).to_owned());
            }
        }
        merged
    }

    /// The environment keys of both sides' past.
    fn key_history(&self) -> Vec<(KeyId, String)> {
        let mut merged: Vec<(KeyId, String)> = Vec::new();
        for block in [self.ours.block, self.theirs.block].into_iter().flatten() {
            for entry in &block.key_history {
                if !merged.contains(entry) {
                    merged.push(entry.clone());
                }
            }
        }
        merged.sort_by(|one, two| one.1.cmp(&two.1));
        merged
    }
}

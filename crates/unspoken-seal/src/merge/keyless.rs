//! Merging with no key: where the outcome is one of the two documents as it
//! stands.

use super::decide::{Decision, Winner, decide};
use super::view::{View, same_comments};
use super::{Choices, Conflict, MergeError, Side};
use crate::document::Verified;

/// Merges sealed documents without opening them, where everything that one side
/// changed is in the other side too. Its bytes are then the result.
///
/// Without a key, two ciphertexts of one value are two values. So what is
/// listed as a conflict may be none to somebody who has the key; an empty list
/// means that a key is all that is missing.
pub fn merge_sealed(
    base: Option<&Verified<'_>>,
    ours: &Verified<'_>,
    theirs: &Verified<'_>,
) -> Result<Side, Vec<Conflict>> {
    let view = |verified| View::sealed(verified).and_then(Result::ok);
    let (Some(ours), Some(theirs)) = (view(ours), view(theirs)) else { return Err(Vec::new()) };
    let base = match base.map(view) {
        None => None,
        Some(None) => return Err(Vec::new()),
        Some(base) => base,
    };
    let decision = match decide(base.as_ref(), &ours, &theirs, &Choices::default()) {
        Ok(decision) => decision,
        Err(MergeError::Conflicts(conflicts)) => return Err(conflicts),
        Err(_) => return Err(Vec::new()),
    };
    let whole = |side: Side| is_whole(&decision, side, side.of(&ours, &theirs), &ours, &theirs);
    [Side::Ours, Side::Theirs].into_iter().find(|&side| whole(side)).ok_or_else(Vec::new)
}

/// Whether a document is what was decided, but for its revision and its time.
fn is_whole(
    decision: &Decision,
    side: Side,
    view: &View<'_, &str>,
    ours: &View<'_, &str>,
    theirs: &View<'_, &str>,
) -> bool {
    let Some(block) = view.block else { return false };
    let mut recipients: Vec<&str> = decision.recipients.iter().map(String::as_str).collect();
    let mut readers = view.recipients();
    recipients.sort_unstable();
    readers.sort_unstable();
    let skeleton = decision.skeleton.of(ours, theirs);
    let values = view.values.len() == decision.values.len()
        && view.values.iter().all(|(name, text)| {
            let from = decision.values.get(name.as_str());
            from.is_some_and(|from| from.of(ours, theirs).values.get(name) == Some(text))
        });
    values
        && matches!(decision.winner, Winner::Both)
            | matches!(decision.winner, Winner::One(winner) if winner == side)
        && recipients == readers
        && same_comments(&skeleton.comments, &view.comments)
        && decision.key_id.as_ref() == Some(&block.key_id)
        && decision.key_history == block.key_history
        && decision.expires == block.expires
        && decision.exposed == block.exposed
}

//! Unlocking: from identities to a document's data key.

use zeroize::Zeroizing;

use crate::hazmat::DataKey;
use crate::identity::Identity;
use crate::sops::metadata::{Metadata, Wrapped};
use crate::sops::shamir;

/// A data key that an identity has unwrapped. Opens one document.
#[derive(Debug)]
pub struct DocumentKey(pub(crate) DataKey);

/// Collects what identities unwrap, until it is enough for the data key.
///
/// One group needs one identity that fits. With several groups, each gives a
/// share, and the document's threshold says how many are needed.
#[derive(Debug)]
pub struct Unlock<'m> {
    groups: Vec<Group<'m>>,
    threshold: usize,
}

#[derive(Debug)]
struct Group<'m> {
    wrapped: Vec<Wrapped<'m>>,
    share: Option<Zeroizing<Vec<u8>>>,
}

impl<'m> Unlock<'m> {
    pub(crate) fn new(metadata: &'m Metadata<'_>) -> Self {
        let groups: Vec<_> =
            metadata.groups().into_iter().map(|wrapped| Group { wrapped, share: None }).collect();
        let threshold = metadata.threshold(groups.len());
        Self { groups, threshold }
    }

    /// Tries an identity on every group that is still locked. `Some` once the
    /// data key is whole.
    ///
    /// The entries that carry the identity's own name are tried first. Names
    /// prove nothing, so the others are tried too, except by a key that would
    /// ask somebody: see the rules in `identity.rs`.
    pub fn offer(&mut self, identity: &Identity) -> Option<DocumentKey> {
        for group in self.groups.iter_mut().filter(|group| group.share.is_none()) {
            let fitting =
                group.wrapped.iter().filter(|wrapped| identity.may_fit(wrapped.recipient));
            let (named, others): (Vec<Wrapped<'_>>, Vec<Wrapped<'_>>) =
                fitting.partition(|wrapped| identity.is_named(wrapped.recipient));
            let mut entries = named.into_iter().chain(others);
            group.share = entries.find_map(|wrapped| identity.unwrap_key(wrapped));
        }
        self.join()
    }

    fn join(&self) -> Option<DocumentKey> {
        let shares: Vec<_> = self.groups.iter().filter_map(|group| group.share.as_ref()).collect();
        let key = match (self.groups.len(), shares.as_slice()) {
            (1, [share]) => DataKey::new(share),
            (2.., shares) if shares.len() >= self.threshold => {
                let shares: Vec<_> = shares.iter().map(|share| (*share).clone()).collect();
                DataKey::new(&shamir::combine(&shares)?)
            }
            _ => None,
        };
        key.map(DocumentKey)
    }
}

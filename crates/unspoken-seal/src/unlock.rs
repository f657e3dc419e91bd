//! Unlocking: from identities to a document's data key.

use std::io::Read as _;

use age::armor::ArmoredReader;
use zeroize::Zeroizing;

use crate::hazmat::DataKey;
use crate::identity::{DocumentKey, Identity};
use crate::sops::metadata::{Metadata, Wrapped};
use crate::sops::shamir;

/// A data key or its share is 32 or 33 bytes; what is longer is not one.
const WRAPPED_MAX: u8 = 64;

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
    /// The entries that carry the identity's own name are tried first. The
    /// names are not proof of anything, so the others are tried too.
    pub fn offer(&mut self, identity: &Identity) -> Option<DocumentKey> {
        let own = identity.recipient();
        for group in self.groups.iter_mut().filter(|group| group.share.is_none()) {
            let (named, others): (Vec<Wrapped<'_>>, Vec<Wrapped<'_>>) =
                group.wrapped.iter().partition(|wrapped| wrapped.recipient == own.as_str());
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

/// Reads the small age file in which a data key or a share is wrapped.
pub(crate) fn read_wrapped(enc: &str, identity: &dyn age::Identity) -> Option<Zeroizing<Vec<u8>>> {
    // sops takes leading blank lines, the armour reader does not.
    let mut file = Vec::with_capacity(enc.len());
    ArmoredReader::new(enc.trim_start().as_bytes()).read_to_end(&mut file).ok()?;
    let decryptor = age::Decryptor::new_buffered(file.as_slice()).ok()?;
    let reader = decryptor.decrypt(std::iter::once(identity)).ok()?;
    let mut key = Zeroizing::new(Vec::with_capacity(WRAPPED_MAX.into()));
    reader.take(WRAPPED_MAX.into()).read_to_end(&mut key).ok()?;
    Some(key)
}

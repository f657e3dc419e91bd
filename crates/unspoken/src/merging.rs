//! Merging one document of three versions, and whom it trusts.
//!
//! Rules, whose reasons are in `docs/decisions/0010-merge-trust.md`:
//! - Each version is verified by its own seal, as the document of its place.
//! - Ours is under the key that HEAD pins. The base is under a key that HEAD or
//!   one of its ancestors has pinned. Theirs is under the one of these two.
//! - Where we made a new data key since the base, a reader whom they added is one
//!   whom HEAD's access list names: who was shut out still has the old key, and
//!   could let himself in again with it.
//! - So no merge seals a value of ours for somebody whom they brought along,
//!   unless a person has said so.

mod explain;

pub(crate) use explain::{explain, words};

use std::fmt;

use jiff::Timestamp;
use unspoken_model::{SealKey, shown};
use unspoken_seal::{
    Choices, Conflict, Document, MergeError, OpenDocument, OpenError, ParseError, SealError, Side,
    Verified, VerifyError, merge_sealed,
};
use unspoken_store::{DataKeyPolicy, NoKey, ProjectStore, StoreError};

use crate::failure::Failure;
use crate::git::{Git, GitError, Ground};

/// The versions of one document. Without a base, both sides have made it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Versions<'b> {
    pub(crate) base: Option<&'b [u8]>,
    pub(crate) ours: &'b [u8],
    pub(crate) theirs: &'b [u8],
}

/// Which of the three.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    Base,
    Ours,
    Theirs,
}

/// A document that is whole again.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) bytes: Vec<u8>,
    /// The key that it is sealed by, to be pinned.
    pub(crate) seal_key: Option<SealKey>,
}

/// Why there is none.
#[derive(Debug)]
pub(crate) enum Refusal {
    Parse {
        version: Version,
        error: ParseError,
    },
    Verify {
        version: Version,
        error: VerifyError,
    },
    /// It is under a data key that HEAD knows nothing of.
    OtherDataKey {
        version: Version,
    },
    /// They added readers under a data key that we have left behind.
    Readers {
        added: Vec<String>,
    },
    /// No key on this machine; what both sides have changed, as far as can be
    /// told.
    NoKey {
        no_key: Box<NoKey>,
        conflicts: Vec<Conflict>,
    },
    Open {
        version: Version,
        error: OpenError,
    },
    Merge(MergeError),
    Seal(SealError),
    TooLarge,
    Other(Failure),
}

/// Merges documents in the project that HEAD has.
#[derive(Debug)]
pub(crate) struct Merger<'m> {
    pub(crate) git: &'m Git,
    pub(crate) ground: &'m Ground,
    pub(crate) store: ProjectStore<'m>,
    pub(crate) policy: DataKeyPolicy,
    pub(crate) now: Timestamp,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "the common ancestor",
            Self::Ours => "our version",
            Self::Theirs => "their version",
        })
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl From<GitError> for Refusal {
    fn from(error: GitError) -> Self {
        Self::Other(error.into())
    }
}

impl Merger<'_> {
    pub(crate) fn merge(
        &self,
        versions: Versions<'_>,
        choices: &Choices,
    ) -> Result<Merged, Refusal> {
        let base = versions.base.map(|bytes| self.verify(Version::Base, bytes)).transpose()?;
        let ours = self.verify(Version::Ours, versions.ours)?;
        let theirs = self.verify(Version::Theirs, versions.theirs)?;
        self.decide_trust(base.as_ref(), &ours, &theirs)?;

        let conflicts = match merge_sealed(base.as_ref(), &ours, &theirs) {
            Ok(side) => {
                let (bytes, verified) = match side {
                    Side::Ours => (versions.ours, &ours),
                    Side::Theirs => (versions.theirs, &theirs),
                };
                return Ok(Merged { bytes: bytes.to_vec(), seal_key: seal_key(verified) });
            }
            Err(conflicts) => conflicts,
        };
        let base = base.map(|base| self.open(Version::Base, base, &conflicts)).transpose()?;
        let ours = self.open(Version::Ours, ours, &conflicts)?;
        let theirs = self.open(Version::Theirs, theirs, &conflicts)?;
        let merged = OpenDocument::merge(base.as_ref(), ours, theirs, choices, self.now)
            .map_err(Refusal::Merge)?;
        let sealed = merged.block().is_some();
        let seal_key = sealed.then(|| merged.seal_key());
        match merged.seal(self.now) {
            Ok(Some(text)) if text.len() <= Document::MAX_BYTES => {
                Ok(Merged { bytes: text.into_bytes(), seal_key })
            }
            // What was merged is changed, so there is a text.
            Ok(_) => Err(Refusal::TooLarge),
            Err(error) => Err(Refusal::Seal(error)),
        }
    }

    fn verify<'b>(&self, version: Version, bytes: &'b [u8]) -> Result<Verified<'b>, Refusal> {
        let document = Document::parse(self.ground.form, bytes)
            .map_err(|error| Refusal::Parse { version, error })?;
        // By whom it is sealed is decided once all three are read.
        let own = document.block().map(|block| block.seal_key);
        let place = self.ground.project.place(&self.ground.environment);
        document.verify(&place, own.as_ref()).map_err(|error| Refusal::Verify { version, error })
    }

    /// Whether the three may meet in one document.
    fn decide_trust(
        &self,
        base: Option<&Verified<'_>>,
        ours: &Verified<'_>,
        theirs: &Verified<'_>,
    ) -> Result<(), Refusal> {
        let pin = self.ground.pin();
        let error = VerifyError::Unsealed;
        let unsealed = |version| Err(Refusal::Verify { version, error: error.clone() });
        let (our_key, their_key) = (seal_key(ours), seal_key(theirs));
        let base_key = base.map(seal_key);
        if pin.is_none() && our_key.is_none() {
            // Documents of other programs, among themselves. A data key of its
            // own is found when they are opened.
            return match (base_key.flatten(), their_key) {
                (None, None) => Ok(()),
                (Some(_), _) => Err(Refusal::OtherDataKey { version: Version::Base }),
                _ => Err(Refusal::OtherDataKey { version: Version::Theirs }),
            };
        }
        let Some(our_key) = our_key else { return unsealed(Version::Ours) };
        let Some(their_key) = their_key else { return unsealed(Version::Theirs) };
        if base_key == Some(None) {
            return unsealed(Version::Base);
        }
        if self.policy == DataKeyPolicy::Any {
            return Ok(());
        }
        if pin != Some(our_key) {
            return Err(Refusal::OtherDataKey { version: Version::Ours });
        }
        let base_key = base_key.flatten();
        if let Some(key) = base_key
            && !self.ground.has_ever_pinned(self.git, &key)?
        {
            return Err(Refusal::OtherDataKey { version: Version::Base });
        }
        if their_key != our_key && Some(their_key) != base_key {
            return Err(Refusal::OtherDataKey { version: Version::Theirs });
        }
        let added = self.added(base, ours, theirs);
        if their_key != our_key && !added.is_empty() {
            return Err(Refusal::Readers { added });
        }
        Ok(())
    }

    /// The readers whom only their version has, and whom HEAD does not name.
    fn added(
        &self,
        base: Option<&Verified<'_>>,
        ours: &Verified<'_>,
        theirs: &Verified<'_>,
    ) -> Vec<String> {
        let mut known = ours.document().recipients();
        known.extend(base.into_iter().flat_map(|base| base.document().recipients()));
        let access = self.ground.project.file.access(&self.ground.environment);
        known.extend(access.into_iter().map(|(_, key)| key));
        let added = theirs.document().recipients().into_iter().filter(|text| !known.contains(text));
        added.map(shown).collect()
    }

    fn open<'b>(
        &self,
        version: Version,
        verified: Verified<'b>,
        conflicts: &[Conflict],
    ) -> Result<OpenDocument<'b>, Refusal> {
        let key = match self.store.unlock(&self.ground.environment, &verified) {
            Ok((key, _)) => key,
            Err(StoreError::NoKey(no_key)) => {
                return Err(Refusal::NoKey { no_key, conflicts: conflicts.to_vec() });
            }
            Err(error) => return Err(error.into()),
        };
        verified.open(&key).map_err(|error| Refusal::Open { version, error })
    }
}

fn seal_key(verified: &Verified<'_>) -> Option<SealKey> {
    verified.document().block().map(|block| block.seal_key)
}

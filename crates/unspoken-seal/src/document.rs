//! A sealed document: what anyone can read and check without a key.
//!
//! The way from bytes to values is one way: [`Document::parse`], then
//! [`Document::verify`], which gives a [`Verified`] document, and only that can
//! be unlocked and opened.

use thiserror::Error;
use unspoken_model::{DocumentForm, Place, SealKey, SecretName};

use crate::block::Block;
use crate::canonical::canonical;
use crate::hazmat::{sha256, verifies};
use crate::limit;
use crate::node::{Item, Node};
use crate::parse_error::{ParseError, ParseProblem};
use crate::sops::metadata::Metadata;
use crate::sops::{dotenv_store, json_store, yaml_store};
use crate::unlock::Unlock;

/// A document that has been read and not yet verified.
#[derive(Debug)]
pub struct Document<'a> {
    pub(crate) text: &'a str,
    pub(crate) form: DocumentForm,
    pub(crate) items: Vec<Item<'a>>,
    pub(crate) metadata: Metadata<'a>,
    pub(crate) block: Option<Block>,
}

/// A document whose seal, place and spelling are right, as far as it has a
/// seal.
#[derive(Debug)]
pub struct Verified<'a>(pub(crate) Document<'a>);

/// A document that a person vouches for in place of its seal.
#[derive(Debug)]
pub struct Reviewed<'a>(pub(crate) Document<'a>);

/// Why a document must not be used, found without a key.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum VerifyError {
    #[error("this is the document of `{found}`")]
    WrongPlace { found: Place },
    #[error("it has no seal")]
    Unsealed,
    #[error("it is sealed, and no seal key is pinned for it in the project file")]
    Unpinned { found: SealKey },
    #[error("its seal is by another key than the pinned one")]
    OtherSealKey { found: SealKey },
    #[error("its seal does not fit its content")]
    Seal,
    #[error("its bytes are not the ones that were written")]
    Spelling,
}

impl<'a> Document<'a> {
    /// The largest document that is read or written.
    pub const MAX_BYTES: usize = limit::BYTES;

    /// The most values that a document holds.
    pub const MAX_VALUES: usize = limit::VALUES;

    /// Reads a document, or says in which line it is wrong.
    pub fn parse(form: DocumentForm, bytes: &'a [u8]) -> Result<Self, ParseError> {
        let error = |problem| ParseError { line: 1, problem };
        if bytes.len() > Self::MAX_BYTES {
            return Err(error(ParseProblem::TooLarge));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
            ParseError {
                line: before.split(|&b| b == b'\n').count(),
                problem: ParseProblem::NotText,
            }
        })?;
        let read = match form {
            DocumentForm::Json => json_store::read(text),
            DocumentForm::Dotenv => dotenv_store::read(text),
            DocumentForm::Yaml => yaml_store::read(text),
        };
        let (items, metadata) = read.map_err(|error| match conflict(text) {
            Some(line) => ParseError { line, problem: ParseProblem::Conflict },
            None => error,
        })?;
        if items.iter().filter_map(Item::as_pair).count() > Self::MAX_VALUES {
            return Err(error(ParseProblem::TooMany));
        }
        let metadata = Metadata::new(metadata).ok_or(error(ParseProblem::NoMetadata))?;
        let block = metadata.node().get("unspoken").map(Block::read).transpose();
        let block = block.map_err(|e| error(ParseProblem::Block(e)))?;
        Ok(Self { text, form, items, metadata, block })
    }

    /// The names in the document, in its order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(Item::as_pair).map(|(name, _)| name)
    }

    /// The public keys of those who can open it.
    pub fn recipients(&self) -> Vec<&str> {
        let groups = self.metadata.groups();
        groups.into_iter().flatten().map(|wrapped| wrapped.recipient).collect()
    }

    /// How many comments stand in it.
    pub fn comments(&self) -> usize {
        self.items.iter().filter(|item| item.as_pair().is_none()).count()
    }

    /// The names with a fingerprint of what is stored under each, in the
    /// document's order: eight hex digits that are others once it was written
    /// anew. `None` for an empty value.
    ///
    /// A ciphertext is random, so its fingerprint says nothing of the value.
    pub fn fingerprints(&self) -> impl Iterator<Item = (&str, Option<String>)> {
        self.items.iter().filter_map(Item::as_pair).map(|(name, node)| {
            let text = node.as_text().filter(|text| !text.is_empty());
            let printed = match (text, node.is_vacant()) {
                (Some(text), _) => Some(fingerprint(text)),
                (None, true) => None,
                (None, false) => Some(fingerprint(&format!("{node:?}"))),
            };
            (name, printed)
        })
    }

    /// Our block, when the document has one.
    pub fn block(&self) -> Option<&Block> {
        self.block.as_ref()
    }

    /// Whether a value stands in the clear, by the look of it.
    pub fn is_clear(&self, name: &str) -> bool {
        let mut pairs = self.items.iter().filter_map(Item::as_pair);
        pairs.any(|(key, node)| {
            key == name
                && !node.as_text().is_some_and(|t| t.is_empty() || crate::sops::value::is_sealed(t))
        })
    }

    /// The names that have a value which is not empty.
    pub fn filled_names(&self) -> impl Iterator<Item = &str> {
        let filled = self.items.iter().filter_map(Item::as_pair);
        filled.filter(|(_, node)| !node.is_vacant()).map(|(name, _)| name)
    }

    /// Checks everything that can be checked with no private key: that this is
    /// the document of `place`, that it is sealed by the key that is pinned, and
    /// that not one byte of it was changed.
    ///
    /// A document without a seal, of another program, passes only where no key
    /// is pinned; its values are then under the sops MAC alone. A sealed one
    /// needs the pin: whoever knows the public recipients can make a document
    /// that opens, with a seal of their own.
    pub fn verify(self, place: &Place, pin: Option<&SealKey>) -> Result<Verified<'a>, VerifyError> {
        let Some(block) = &self.block else {
            return if pin.is_some() { Err(VerifyError::Unsealed) } else { Ok(Verified(self)) };
        };
        if block.place != *place {
            return Err(VerifyError::WrongPlace { found: block.place.clone() });
        }
        match pin {
            None => return Err(VerifyError::Unpinned { found: block.seal_key }),
            Some(pin) if *pin != block.seal_key => {
                return Err(VerifyError::OtherSealKey { found: block.seal_key });
            }
            Some(_) => {}
        }
        self.verify_seal(block)?;
        Ok(Verified(self))
    }

    /// Takes a document whose seal is lost or does not fit, for a person who has
    /// reviewed it to seal it again. What the old seal protected is unprotected
    /// until then.
    pub fn review(self) -> Reviewed<'a> {
        Reviewed(self)
    }

    /// Whether the block's signature is over what the document holds.
    fn is_signed(&self, block: &Block) -> bool {
        canonical(block, self.items.iter(), &self.metadata)
            .is_some_and(|message| verifies(&block.seal_key, &message, &block.seal))
    }

    fn verify_seal(&self, block: &Block) -> Result<(), VerifyError> {
        if !self.is_signed(block) {
            return Err(VerifyError::Seal);
        }
        // What the signature leaves open (white space, the order of metadata,
        // spare fields) is fixed by there being one spelling only, made of
        // nothing but what is signed.
        let metadata = self.metadata.sealed(block.to_node());
        let spelled = print(self.form, self.items.iter(), metadata.node());
        let names_fit = || self.names().all(|name| SecretName::check(name).is_ok());
        if spelled == self.text && names_fit() { Ok(()) } else { Err(VerifyError::Spelling) }
    }
}

impl<'a> Verified<'a> {
    pub fn document(&self) -> &Document<'a> {
        &self.0
    }

    /// Begins to look for the key.
    pub fn unlock(&self) -> Unlock<'_> {
        Unlock::new(&self.0.metadata)
    }
}

impl<'a> Reviewed<'a> {
    /// The same document without its block, to be opened under the sops MAC
    /// alone; and the block that it had, if its seal fitted.
    pub fn without_seal(self) -> (Verified<'a>, Option<Block>) {
        let mut document = self.0;
        let block = document.block.clone().filter(|block| document.is_signed(block));
        document.block = None;
        document.metadata.remove("unspoken");
        (Verified(document), block)
    }
}

fn fingerprint(text: &str) -> String {
    sha256(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The line of git's first conflict mark.
fn conflict(text: &str) -> Option<usize> {
    text.lines().position(|line| line.starts_with("<<<<<<< ")).map(|at| at + 1)
}

/// Prints a document in one of its forms.
pub(crate) fn print<'n>(
    form: DocumentForm,
    items: impl Iterator<Item = &'n Item<'n>>,
    metadata: &'n Node<'n>,
) -> String {
    match form {
        DocumentForm::Json => json_store::print(items, metadata),
        DocumentForm::Dotenv => dotenv_store::print(items, metadata),
        DocumentForm::Yaml => yaml_store::print(items, metadata),
    }
}

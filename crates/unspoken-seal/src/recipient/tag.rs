//! `age1tag1…` and `age1tagpq1…`: keys in hardware, found by a tag.
//!
//! Wrapping needs no hardware and no program; opening is a plugin's.

use crate::key_text;

#[derive(Clone)]
pub(super) enum TagRecipient {
    Classic(Box<age::tag::Recipient>),
    Hybrid(Box<age::tagpq::Recipient>),
}

/// Whether a text begins as one of these keys does.
pub(crate) fn is_tag(text: &str) -> bool {
    text.starts_with("age1tag1") || text.starts_with("age1tagpq1")
}

pub(super) fn parse(text: &str) -> Option<TagRecipient> {
    if text.starts_with("age1tag1") {
        key_text::parse("age1tag", text)?;
        return text.parse().ok().map(Box::new).map(TagRecipient::Classic);
    }
    let key: age::tagpq::Recipient = text.parse().ok()?;
    // The lattice part could be encoded otherwise, for the same key.
    let canonical = key_text::parse("age1tagpq", text).is_some() && key.to_string() == text;
    canonical.then(|| TagRecipient::Hybrid(Box::new(key)))
}

impl TagRecipient {
    pub(super) fn is_post_quantum(&self) -> bool {
        matches!(self, Self::Hybrid(_))
    }

    pub(super) fn to_age(&self) -> Box<dyn age::Recipient> {
        match self {
            Self::Classic(key) => key.clone(),
            Self::Hybrid(key) => key.clone(),
        }
    }

    pub(super) fn as_age(&self) -> &dyn age::Recipient {
        match self {
            Self::Classic(key) => key.as_ref(),
            Self::Hybrid(key) => key.as_ref(),
        }
    }
}

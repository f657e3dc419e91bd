//! Kinds: what a credential is called, and what to do about it.

use std::fmt;

use crate::rule;

/// A kind of credential that we know by its form.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Kind {
    id: &'static str,
    title: &'static str,
    hint: &'static str,
}

impl Kind {
    pub(crate) const fn new(id: &'static str, title: &'static str, hint: &'static str) -> Self {
        Self { id, title, hint }
    }

    /// Every kind, each once, in the order of their ids.
    pub fn all() -> Vec<Self> {
        let mut kinds: Vec<_> = rule::all().flat_map(|rule| rule.kinds).copied().collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// The kind with this id.
    pub fn find(id: &str) -> Option<Self> {
        Self::all().into_iter().find(|kind| kind.id == id)
    }

    /// Its stable name, in lowercase letters, digits and `-`.
    pub fn id(self) -> &'static str {
        self.id
    }

    /// Its name for a person.
    pub fn title(self) -> &'static str {
        self.title
    }

    /// What to do with one that got out.
    pub fn hint(self) -> &'static str {
        self.hint
    }

    /// Whether it is a private key that opens documents of ours.
    pub fn opens_documents(self) -> bool {
        self == rule::key::AGE || self == rule::key::BUNDLE
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.id)
    }
}

#[test]
fn every_kind_has_an_id_of_its_own_and_says_what_to_do() {
    let kinds = Kind::all();
    assert!(kinds.len() >= 60, "{}", kinds.len());
    for pair in kinds.windows(2) {
        assert_ne!(pair[0].id, pair[1].id);
    }
    for kind in kinds {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(kind.id.chars().all(fits), "{kind:?}");
        assert!(kind.hint.ends_with('.'), "{kind:?}");
        assert_eq!(Kind::find(kind.id), Some(kind));
        assert_eq!(format!("{kind:?}"), format!("Kind({})", kind.id));
    }
}

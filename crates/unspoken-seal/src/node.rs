//! The tree that every document is read into, whatever it is stored as.

use std::borrow::Cow;

/// One value of a tree, as it stands in the file.
///
/// Numbers keep their text, because their spelling is part of what is signed.
/// Texts borrow from the file where nothing was escaped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// A time that YAML knows as such, as RFC 3339.
    Time(Cow<'a, str>),
    /// A comment in a list, without its `#`.
    Comment(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Vec<Item<'a>>),
}

/// One entry of a map: order counts, and keys may repeat.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item<'a> {
    Pair(Cow<'a, str>, Node<'a>),
    /// A comment, without its `#`.
    Comment(Cow<'a, str>),
}

impl<'a> Node<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// The value of `key`, when this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        match self {
            Self::Map(items) => items.iter().find_map(|item| match item {
                Item::Pair(name, node) if name == key => Some(node),
                _ => None,
            }),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Node<'a>]> {
        match self {
            Self::List(nodes) => Some(nodes),
            _ => None,
        }
    }

    pub(crate) fn as_map(&self) -> Option<&[Item<'a>]> {
        match self {
            Self::Map(items) => Some(items),
            _ => None,
        }
    }

    /// Whether sops leaves such a metadata value out when it writes.
    pub(crate) fn is_vacant(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(nodes) => nodes.is_empty(),
            Self::Map(items) => items.is_empty(),
            Self::Bool(value) => !value,
            Self::Number(_) | Self::Time(_) | Self::Comment(_) => false,
        }
    }
}

impl<'a> Item<'a> {
    /// The key and value, when this is no comment.
    pub(crate) fn as_pair(&self) -> Option<(&str, &Node<'a>)> {
        match self {
            Self::Pair(key, node) => Some((key, node)),
            Self::Comment(_) => None,
        }
    }
}

//! Which values of a document are encrypted.
//!
//! One rule per file. None means `unencrypted_suffix: _unencrypted`, as sops
//! assumes it. An expression that does not compile is refused: sops takes it
//! for "no match" and would leave a whole file in the clear.

use regex::Regex;
use thiserror::Error;

use crate::node::Node;

/// The suffix that sops assumes, and always writes, when nobody chose a rule.
pub(crate) const DEFAULT_SUFFIX: &str = "_unencrypted";

#[derive(Debug)]
pub(crate) enum Rule {
    UnencryptedSuffix(String),
    EncryptedSuffix(String),
    UnencryptedRegex(Regex),
    EncryptedRegex(Regex),
    UnencryptedCommentRegex(Regex),
    EncryptedCommentRegex(Regex),
}

/// Why a document's rule cannot be followed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum RuleError {
    #[error("`{first}` and `{second}` exclude each other")]
    Two { first: &'static str, second: &'static str },
    #[error("`{key}` is not a regular expression")]
    Expression { key: &'static str },
    #[error("`{key}` must be a text")]
    NotText { key: &'static str },
}

/// The comments that stand above an item, one list per level of nesting.
pub(crate) type CommentStack = Vec<Vec<String>>;

const KEYS: [&str; 6] = [
    "encrypted_comment_regex",
    "encrypted_regex",
    "encrypted_suffix",
    "unencrypted_comment_regex",
    "unencrypted_regex",
    "unencrypted_suffix",
];

impl Rule {
    /// Reads the rule out of a document's metadata.
    pub(crate) fn read(metadata: &Node<'_>) -> Result<Self, RuleError> {
        let mut found: Option<(&'static str, &str)> = None;
        for key in KEYS {
            let Some(node) = metadata.get(key).filter(|node| !node.is_vacant()) else { continue };
            let text = node.as_text().ok_or(RuleError::NotText { key })?;
            if let Some((first, _)) = found {
                return Err(RuleError::Two { first, second: key });
            }
            found = Some((key, text));
        }
        let (key, text) = found.unwrap_or(("unencrypted_suffix", DEFAULT_SUFFIX));
        let regex = || Regex::new(text).map_err(|_| RuleError::Expression { key });
        Ok(match key {
            "encrypted_comment_regex" => Self::EncryptedCommentRegex(regex()?),
            "encrypted_regex" => Self::EncryptedRegex(regex()?),
            "encrypted_suffix" => Self::EncryptedSuffix(text.to_owned()),
            "unencrypted_comment_regex" => Self::UnencryptedCommentRegex(regex()?),
            "unencrypted_regex" => Self::UnencryptedRegex(regex()?),
            _ => Self::UnencryptedSuffix(text.to_owned()),
        })
    }

    /// Whether a value under these keys and comments is encrypted.
    pub(crate) fn encrypts(&self, path: &[&str], comments: &CommentStack) -> bool {
        match self {
            Self::UnencryptedSuffix(suffix) => !path.iter().any(|key| key.ends_with(suffix)),
            Self::EncryptedSuffix(suffix) => path.iter().any(|key| key.ends_with(suffix)),
            Self::UnencryptedRegex(regex) => !path.iter().any(|key| regex.is_match(key)),
            Self::EncryptedRegex(regex) => path.iter().any(|key| regex.is_match(key)),
            Self::UnencryptedCommentRegex(regex) => {
                !comments.iter().flatten().any(|comment| regex.is_match(comment))
            }
            Self::EncryptedCommentRegex(regex) => {
                comments.iter().flatten().any(|comment| regex.is_match(comment))
            }
        }
    }

    /// Whether comments decide, so that they must be opened first.
    pub(crate) fn reads_comments(&self) -> bool {
        matches!(self, Self::UnencryptedCommentRegex(_) | Self::EncryptedCommentRegex(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Item;

    fn rule(pairs: &[(&'static str, &'static str)]) -> Result<Rule, RuleError> {
        let items =
            pairs.iter().map(|&(key, text)| Item::Pair(key.into(), Node::text(text))).collect();
        Rule::read(&Node::Map(items))
    }

    #[test]
    fn each_rule_looks_at_every_key_of_the_path() {
        #[track_caller]
        fn case(key: &'static str, text: &'static str, path: &[&str], encrypted: bool) {
            let rule = rule(&[(key, text)]).unwrap();
            assert_eq!(rule.encrypts(path, &Vec::new()), encrypted, "{key} {text} {path:?}");
        }

        case("unencrypted_suffix", "_plain", &["a"], true);
        case("unencrypted_suffix", "_plain", &["a_plain", "b"], false);
        case("encrypted_suffix", "_secret", &["a"], false);
        case("encrypted_suffix", "_secret", &["a_secret", "b"], true);
        case("unencrypted_regex", "^pub", &["x", "public"], false);
        case("unencrypted_regex", "^pub", &["republic"], true);
        case("encrypted_regex", "key", &["monkeys"], true);
        case("encrypted_regex", "key", &["other"], false);
    }

    #[test]
    fn no_rule_is_the_rule_that_sops_assumes() {
        let rule = rule(&[]).unwrap();
        assert!(rule.encrypts(&["A"], &Vec::new()));
        assert!(!rule.encrypts(&["A_unencrypted"], &Vec::new()));
    }

    #[test]
    fn a_rule_that_cannot_be_followed_is_refused() {
        assert_eq!(
            rule(&[("encrypted_regex", "(")]).unwrap_err(),
            RuleError::Expression { key: "encrypted_regex" }
        );
        assert_eq!(
            rule(&[("encrypted_regex", "a"), ("unencrypted_suffix", "b")]).unwrap_err(),
            RuleError::Two { first: "encrypted_regex", second: "unencrypted_suffix" }
        );
    }
}

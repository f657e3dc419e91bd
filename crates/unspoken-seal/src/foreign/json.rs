//! A plain JSON object of names and values.

use unspoken_model::shown;

use crate::foreign::entry::Collector;
use crate::foreign::plain_tree::{PlainTree, scalar};
use crate::foreign::{ForeignError, Imported, Names};

/// Reads an object of names and texts, numbers or booleans. Numbers keep their
/// spelling.
pub fn parse(bytes: &[u8], names: &Names) -> Result<Imported, Vec<ForeignError>> {
    let tree = PlainTree::parse(bytes)?;
    let mut collector = Collector::new(names);
    for (name, node) in tree.pairs("one JSON object of names and values")? {
        match scalar(node) {
            Some(bytes) => collector.add(name, bytes, None),
            None => collector.refuse(ForeignError::Nested { name: shown(name) }),
        }
    }
    collector.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(bytes: &[u8]) -> Vec<String> {
        let errors = parse(bytes, &Names::default()).unwrap_err();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn texts_numbers_and_booleans_are_values() {
        let bytes = br#"{"A":"line\nline","B":12.50,"C":true,"D":""}"#;
        let entries = parse(bytes, &Names::default()).unwrap().entries;
        let found: Vec<_> =
            entries.iter().map(|entry| (entry.name.as_str(), entry.secret.expose())).collect();
        assert_eq!(found, [("A", "line\nline"), ("B", "12.50"), ("C", "true"), ("D", "")]);
    }

    #[test]
    fn every_wrong_entry_is_named_and_no_value_is_shown() {
        let shown = errors(
            br#"{"lower":"canary","A":["canary"],"B":"can\u0000ary","C":"canary","C":"canary"}"#,
        );
        assert_eq!(shown.len(), 4, "{shown:?}");
        assert!(shown[0].starts_with("`lower`: 'l' at byte 0"));
        assert_eq!(shown[1], "`A` is null, a list or an object, not a value");
        assert!(shown[2].starts_with("`B`: the value holds a NUL"));
        assert_eq!(shown[3], "`C` stands there twice");
        assert!(shown.iter().all(|text| !text.contains("canary")));
        assert_eq!(errors(b"[]"), ["expected one JSON object of names and values"]);
        assert_eq!(errors(b"\xff"), ["the file is not UTF-8 text"]);
    }

    #[test]
    fn two_names_do_not_become_one() {
        let names = Names::new(Vec::new(), true);
        let errors = parse(br#"{"a-b":"canary","A_B":"canary"}"#, &names).unwrap_err();
        assert_eq!(errors[0].to_string(), "`A_B` and `a-b` would both be `A_B`");
        let imported = parse(br#"{"a-b":"canary"}"#, &names).unwrap();
        assert_eq!(imported.entries[0].name.as_str(), "A_B");
    }
}

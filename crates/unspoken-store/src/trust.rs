//! Which rotation hooks a person has agreed to, as a pure record.
//!
//! Rules:
//! - What is agreed to is a whole: the project's path, the hook's name, its
//!   program, every argument, and the bytes of the program. With any of them
//!   different the hook is not trusted.
//! - Strict. A record that does not read trusts nothing.
//!
//! Where records lie, and what lies in a project, is not known here.

use std::collections::BTreeMap;

use toml_edit::{Array, DocumentMut, Item, Table, value};
use unspoken_model::SecretName;
use unspoken_seal::Checksum;

use crate::record::{Record, RecordError, RecordKind, VERSION, begin};

/// The hooks of one project that may be started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trust {
    /// The project's root, with no link in it.
    pub root: String,
    pub hooks: BTreeMap<SecretName, TrustedHook>,
}

/// A hook as it was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustedHook {
    /// The program's path below the root, and its arguments.
    pub command: Vec<String>,
    /// What the program's file held.
    pub checksum: Checksum,
}

/// Why a hook must not be started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Distrust {
    /// Nobody has agreed to a hook of this name at this path.
    Never,
    /// It is not what was agreed to. What is the same is `None`.
    Changed { command: Option<Vec<String>>, checksum: Option<Checksum> },
}

impl Record for Trust {
    const KIND: RecordKind = RecordKind::Trust;

    fn root(&self) -> &str {
        &self.root
    }

    fn read(text: &str) -> Result<Self, RecordError> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.print()
    }
}

impl Trust {
    const KEYS: [&'static str; 3] = ["version", "root", "hooks"];

    /// Says whether a hook that is there `now` is the one that was agreed to.
    pub fn judge(&self, name: &SecretName, now: &TrustedHook) -> Result<(), Distrust> {
        let Some(was) = self.hooks.get(name) else { return Err(Distrust::Never) };
        if was == now {
            return Ok(());
        }
        Err(Distrust::Changed {
            command: (was.command != now.command).then(|| was.command.clone()),
            checksum: (was.checksum != now.checksum).then_some(was.checksum),
        })
    }

    /// Reads a record.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let (document, root) = begin(text, &Self::KEYS)?;
        let table = document.as_table();
        let hooks = table.get("hooks").and_then(Item::as_table);
        let hooks = hooks.ok_or(RecordError::Field { key: "hooks" })?;
        let hooks = hooks.iter().map(|(name, item)| {
            let name = SecretName::parse(name).map_err(|_| RecordError::Field { key: "hooks" })?;
            Ok((name, TrustedHook::read(item)?))
        });
        Ok(Self { root, hooks: hooks.collect::<Result<_, _>>()? })
    }

    /// Writes a record.
    pub fn print(&self) -> String {
        let mut document = DocumentMut::new();
        document.insert("version", value(VERSION));
        document.insert("root", value(self.root.as_str()));
        let mut hooks = Table::new();
        hooks.set_implicit(!self.hooks.is_empty());
        for (name, hook) in &self.hooks {
            let mut table = Table::new();
            table.insert("command", value(hook.command.iter().collect::<Array>()));
            table.insert("sha256", value(hook.checksum.to_string()));
            hooks.insert(name.as_str(), Item::Table(table));
        }
        document.insert("hooks", Item::Table(hooks));
        document.to_string()
    }
}

impl TrustedHook {
    fn read(item: &Item) -> Result<Self, RecordError> {
        let table = item.as_table().filter(|table| table.len() == 2);
        let table = table.ok_or(RecordError::Field { key: "hooks" })?;
        let words = table.get("command").and_then(Item::as_array);
        let words = words.map(|words| words.iter().map(|word| word.as_str().map(str::to_owned)));
        let command: Option<Vec<String>> = words.and_then(Iterator::collect);
        let command = command.filter(|command| !command.is_empty());
        let checksum = table.get("sha256").and_then(Item::as_str);
        let checksum = checksum.and_then(|text| Checksum::parse(text).ok());
        Ok(Self {
            command: command.ok_or(RecordError::Field { key: "command" })?,
            checksum: checksum.ok_or(RecordError::Field { key: "sha256" })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> SecretName {
        SecretName::parse(text).unwrap()
    }

    fn hook(command: &[&str], content: &str) -> TrustedHook {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        TrustedHook { command, checksum: Checksum::of(content.as_bytes()) }
    }

    fn trust() -> Trust {
        let hooks = BTreeMap::from([
            (name("A"), hook(&["scripts/a", "it's \"quoted\"", "two\nlines", ""], "a")),
            (name("B"), hook(&["b"], "b")),
        ]);
        Trust { root: "/home/ada/acme web".to_owned(), hooks }
    }

    #[test]
    fn only_the_very_same_hook_is_trusted() {
        #[track_caller]
        fn case(of: &str, now: &TrustedHook, expected: &Result<(), Distrust>) {
            assert_eq!(trust().judge(&name(of), now), *expected, "{of}");
        }

        let (was, checksum) = (vec!["b".to_owned()], Checksum::of(b"b"));

        case("B", &hook(&["b"], "b"), &Ok(()));
        case("C", &hook(&["b"], "b"), &Err(Distrust::Never));
        for command in [&["b", ""][..], &["b", "x"], &["c"]] {
            let changed = Distrust::Changed { command: Some(was.clone()), checksum: None };
            case("B", &hook(command, "b"), &Err(changed));
        }
        let changed = Distrust::Changed { command: None, checksum: Some(checksum) };
        case("B", &hook(&["b"], "B"), &Err(changed));
        let changed = Distrust::Changed { command: Some(was), checksum: Some(checksum) };
        case("B", &hook(&["c"], "B"), &Err(changed));
        // One word with a blank is not two words.
        let joined = hook(&["scripts/a it's \"quoted\"", "two\nlines", ""], "a");
        assert!(trust().judge(&name("A"), &joined).is_err());
    }

    #[test]
    fn a_record_is_read_as_it_was_printed() {
        for trust in [trust(), Trust { hooks: BTreeMap::new(), ..trust() }] {
            assert_eq!(Trust::parse(&trust.print()), Ok(trust));
        }
    }

    #[test]
    fn a_record_that_is_not_ours_trusts_nothing() {
        #[track_caller]
        fn case(text: &str, expected: RecordError) {
            assert_eq!(Trust::parse(text), Err(expected), "{text}");
        }

        let text = trust().print();
        let field = |key| RecordError::Field { key };

        case("", field("version"));
        case("version = 1\nversion = 1", RecordError::Syntax);
        case(&text.replace("version = 1", "version = 2"), RecordError::Newer);
        case(&text.replace("version = 1", "version = 0"), field("version"));
        case(&format!("more = 1\n{text}"), field("version"));
        case(&text.replace("\"/home", "\"home"), field("root"));
        case("version = 1\nroot = \"/a\"\n", field("hooks"));
        case(&text.replace("hooks.B", "hooks.b"), field("hooks"));
        case(&format!("{text}more = 1\n"), field("hooks"));
        case(&text.replace("[\"b\"]", "[]"), field("command"));
        case(&text.replace("[\"b\"]", "[1]"), field("command"));
        case(&text.replace("sha256 = \"", "sha256 = \"0"), field("sha256"));
    }

    proptest! {
        #[test]
        fn any_words_are_kept_and_any_text_is_survived(
            words in proptest::collection::vec(any::<String>(), 1..4),
            text in any::<String>(),
        ) {
            let hook = TrustedHook { command: words, checksum: Checksum::of(b"") };
            let trust = Trust { root: format!("/{text}"), hooks: BTreeMap::from([(name("A"), hook)]) };
            prop_assert_eq!(Trust::parse(&trust.print()), Ok(trust));
            let _ = Trust::parse(&text);
            let _ = Trust::parse(&format!("version = 1\nroot = \"/\"\n[hooks.A]\n{text}"));
        }
    }
}

//! `[generate]` and `[descriptions]`: which types are made, and what they say.

use std::collections::BTreeMap;

use toml_edit::Table;

use super::{Reader, is_plain};
use crate::project_file::{ProjectFile, ProjectFileError, ProjectFileProblem};
use crate::{Language, SecretName};

/// The folder of the documents, in which nothing else is written.
const SECRETS: &str = "secrets";

impl Reader<'_> {
    pub(super) fn generate(
        &self,
        root: &Table,
    ) -> Result<BTreeMap<Language, String>, ProjectFileError> {
        let mut paths = BTreeMap::new();
        for (name, item) in self.table(root, "generate")? {
            let wrong = |problem| self.error(item.span(), problem);
            let Some(language) = Language::ALL.into_iter().find(|found| found.key() == name) else {
                let (key, within) = (name.to_owned(), "generate".to_owned());
                return Err(wrong(ProjectFileProblem::UnknownKey { key, within }));
            };
            let Some(path) = item.as_str() else {
                let key = format!("generate.{name}");
                return Err(wrong(ProjectFileProblem::NotText { key }));
            };
            if !is_output(language, path) {
                return Err(wrong(ProjectFileProblem::Output { language }));
            }
            paths.insert(language, path.to_owned());
        }
        Ok(paths)
    }

    pub(super) fn descriptions(
        &self,
        root: &Table,
    ) -> Result<BTreeMap<SecretName, String>, ProjectFileError> {
        let mut descriptions = BTreeMap::new();
        for (name, item) in self.table(root, "descriptions")? {
            let key = format!("descriptions.{name}");
            let wrong = |problem| self.error(item.span(), problem);
            let parsed = SecretName::parse(name)
                .map_err(|error| wrong(ProjectFileProblem::Secret { key: key.clone(), error }))?;
            let Some(text) = item.as_str() else {
                return Err(wrong(ProjectFileProblem::NotText { key }));
            };
            let spoils = |c: char| c.is_control() && c != '\n';
            let is_long = text.len() > ProjectFile::MAX_DESCRIPTION;
            if text.trim().is_empty() || is_long || text.chars().any(spoils) {
                return Err(wrong(ProjectFileProblem::Description { key }));
            }
            descriptions.insert(parsed, text.to_owned());
        }
        Ok(descriptions)
    }
}

/// Whether generated types may be written there: source text of the language,
/// beside no document.
fn is_output(language: Language, path: &str) -> bool {
    let folder = path.split('/').next().unwrap_or_default();
    is_plain(path)
        && !folder.eq_ignore_ascii_case(SECRETS)
        && language.endings().iter().any(|ending| path.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "project = \"p\"\ndefault = \"d\"\n[environments.d]\nrequired = [\"DATABASE_URL\"]\n";

    fn parse(tail: &str) -> Result<ProjectFile, String> {
        ProjectFile::parse(&format!("{HEAD}{tail}")).map_err(|error| error.to_string())
    }

    #[test]
    fn both_tables_are_read_and_survive_an_edit() {
        let tail = "[generate]\ntypescript = \"src/unspoken.d.ts\"\npython = \"app/names.pyi\"\n\
                    [descriptions]\nDATABASE_URL = \"\"\"Where it all is.\n\nAsk \"ops\".\"\"\"\n";
        let mut file = parse(tail).unwrap();
        file.add(&crate::EnvironmentName::parse("e").unwrap(), crate::EnvironmentEntry::default());
        let again = ProjectFile::parse(file.print()).unwrap();
        for file in [file, again] {
            let paths: Vec<(Language, &str)> =
                file.generate.iter().map(|(language, path)| (*language, path.as_str())).collect();
            assert_eq!(
                paths,
                [(Language::TypeScript, "src/unspoken.d.ts"), (Language::Python, "app/names.pyi")]
            );
            let texts: Vec<&str> = file.descriptions.values().map(String::as_str).collect();
            assert_eq!(texts, ["Where it all is.\n\nAsk \"ops\"."]);
        }
        let without = parse("").unwrap();
        assert!(without.generate.is_empty() && without.descriptions.is_empty());
    }

    #[test]
    fn an_output_is_source_text_below_the_root_and_beside_no_document() {
        for (language, path, fits) in [
            ("typescript", "unspoken.d.ts", true),
            ("typescript", "src/names.mts", true),
            ("typescript", "src/names.js", false),
            ("typescript", "package.json", false),
            ("go", "internal/secrets/secrets.go", true),
            ("go", "secrets/names.go", false),
            ("go", "Secrets/names.go", false),
            ("go", "names.rs", false),
            ("python", "app/names.py", true),
            ("python", "app/names.pyi", true),
            ("rust", "src/secrets.rs", true),
            ("rust", "src/../../secrets.rs", false),
            ("rust", "/src/secrets.rs", false),
            ("rust", "./src/secrets.rs", false),
            ("rust", ".git/hooks/x.rs", false),
            ("rust", "a/.env.rs", false),
            ("rust", "a b.rs", false),
            ("rust", "a\\nb.rs", false),
            ("rust", "", false),
        ] {
            let tail = format!("[generate]\n{language} = \"{path}\"\n");
            assert_eq!(parse(&tail).is_ok(), fits, "{language} {path:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        #[track_caller]
        fn case(tail: &str, message: &str) {
            assert_eq!(parse(tail).unwrap_err(), message);
        }

        case("[generate]\nperl = \"x.pl\"", "line 6: unknown key `perl` in `[generate]`");
        case("[generate]\ngo = 7", "line 6: `generate.go` must be a text in quotes");
        case(
            "[generate]\n\npython = \"../x.py\"",
            "line 7: `generate.python` must be a plain path below the root, outside of `secrets`, \
             that ends in `.py` or `.pyi`",
        );
        case("[[generate]]", "line 5: `generate` must be a table");
        case("[descriptions]\nA = 1", "line 6: `descriptions.A` must be a text in quotes");
        case(
            "[descriptions]\na = \"x\"",
            "line 6: `descriptions.a` is no secret's name: 'a' at byte 0 cannot stand in a secret \
             name (A-Z, then A-Z, 0-9 and `_`)",
        );
        let long = "ä".repeat(501);
        for text in ["", " \\n", "a\\rb", "a\\tb", "\\u001b[2J", "\\u0085", &long] {
            case(
                &format!("[descriptions]\nA = \"{text}\""),
                "line 6: `descriptions.A` must be a text of 1 to 1000 bytes, with no control \
                 character but line ends",
            );
        }
        assert!(parse(&format!("[descriptions]\nA = \"{}\"", "x".repeat(1000))).is_ok());
    }
}

//! Names that are missing: required ones, and those that others have.

use std::collections::BTreeSet;

use unspoken_model::{EnvironmentName, ProjectFile, SecretName, shown};

use super::Sheets;
use crate::finding::{Finding, Rule};

/// Looks for what an environment lacks, its own or inherited. Where part of it
/// may not be used, nothing can be said.
pub(super) fn look(
    file: &ProjectFile,
    sheets: &Sheets,
    environment: &EnvironmentName,
) -> Vec<Finding> {
    let Some(names) = names_of(file, sheets, environment) else { return Vec::new() };
    let path = if file.is_in_vault(environment) {
        ProjectFile::NAME.to_owned()
    } else {
        file.document_path(environment)
    };
    let topic = environment.as_str();
    let required: BTreeSet<&str> =
        file.required(environment).into_iter().map(SecretName::as_str).collect();
    let missing = required.difference(&names).map(|name| {
        Finding::of(Rule::Required, topic, format!("`{name}` is required and missing"))
            .hint(format!("Run `unspoken set {name} -e {environment}`."))
            .at(&path, None)
    });
    let all: BTreeSet<&str> = sheets.values().flatten().map(String::as_str).collect();
    let gaps = all.into_iter().filter(|name| !names.contains(name) && !required.contains(name));
    let gaps = gaps.map(|name| {
        let has = |sheet: &(&EnvironmentName, &BTreeSet<String>)| sheet.1.contains(name);
        let others: Vec<String> =
            sheets.iter().filter(has).map(|(other, _)| format!("`{other}`")).collect();
        let name = shown(name);
        Finding::of(Rule::Gap, topic, format!("`{name}` is in {} and not here", others.join(", ")))
            .hint(format!("Run `unspoken set {name} -e {environment}`, if it is needed here."))
            .at(&path, None)
    });
    missing.chain(gaps).collect()
}

/// Looks for names that may be seen and that no environment has: most likely
/// misspelt, so that what was meant is left out of output all the same. Where a
/// document may not be used, nothing can be said.
pub(super) fn look_at_visible(file: &ProjectFile, sheets: &Sheets) -> Vec<Finding> {
    if sheets.len() < file.environments.len() {
        return Vec::new();
    }
    let is_there = |name: &SecretName| sheets.values().any(|sheet| sheet.contains(name.as_str()));
    let unmet = file.visible.iter().filter(|name| !is_there(name));
    let finding = |name: &SecretName| {
        let text = format!("`visible` names `{name}`, which no environment has");
        let hint = format!("Mend or remove it in `visible`, in `{}`.", ProjectFile::NAME);
        Finding::of(Rule::Visible, "project", text).hint(hint).at(ProjectFile::NAME, None)
    };
    unmet.map(finding).collect()
}

/// All names that an environment has, if all of its documents may be used.
fn names_of<'s>(
    file: &ProjectFile,
    sheets: &'s Sheets,
    environment: &EnvironmentName,
) -> Option<BTreeSet<&'s str>> {
    let mut names = BTreeSet::new();
    for ancestor in file.ancestry(environment).ok()? {
        names.extend(sheets.get(&ancestor)?.iter().map(String::as_str));
    }
    Some(names)
}

#[test]
fn what_is_missing_is_told_once_and_inheritance_counts() {
    let text = "project = \"p\"\ndefault = \"a\"\nrequired = [\"R\"]\n\
                [environments.a]\n[environments.b]\ninherits = \"a\"\nrequired = [\"S\"]\n\
                [environments.c]\n[environments.d]\ninherits = \"torn\"\n[environments.torn]\n";
    let file = ProjectFile::parse(text).unwrap();
    let name = |text: &str| EnvironmentName::parse(text).unwrap();
    let sheet = |env: &str, names: &[&str]| {
        (name(env), names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>())
    };
    let sheets: Sheets = [
        sheet("a", &["A", "R"]),
        sheet("b", &["B"]),
        sheet("c", &["A", "lower\u{1b}"]),
        sheet("d", &[]),
    ]
    .into();
    let case = |env: &str, expected: &[&str]| {
        let found: Vec<_> =
            look(&file, &sheets, &name(env)).into_iter().map(|finding| finding.text).collect();
        assert_eq!(found, expected, "{env}");
    };

    case("a", &["`B` is in `b` and not here", "`lower\\u{1b}` is in `c` and not here"]);
    case("b", &["`S` is required and missing", "`lower\\u{1b}` is in `c` and not here"]);
    case("c", &["`R` is required and missing", "`B` is in `b` and not here"]);
    // What it inherits from may not be used, so nobody knows what it has.
    case("d", &[]);
}

#[test]
fn a_visible_name_is_somewhere_as_far_as_all_is_known() {
    let text = "project = \"p\"\ndefault = \"a\"\nvisible = [\"A\", \"B\", \"C\"]\n\
                [environments.a]\n[environments.b]\n";
    let file = ProjectFile::parse(text).unwrap();
    let sheet = |env: &str, secret: &str| {
        (EnvironmentName::parse(env).unwrap(), BTreeSet::from([secret.to_owned()]))
    };
    let all = Sheets::from([sheet("a", "A"), sheet("b", "C")]);
    let found: Vec<_> = look_at_visible(&file, &all).into_iter().map(|found| found.text).collect();
    assert_eq!(found, ["`visible` names `B`, which no environment has"]);
    assert!(look_at_visible(&file, &Sheets::from([sheet("a", "A")])).is_empty());
}

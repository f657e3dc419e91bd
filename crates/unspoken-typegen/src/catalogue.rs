//! What an application may ask for: which names there are, and where.

use std::collections::{BTreeMap, BTreeSet};

use unspoken_model::{EnvironmentName, Expiry, InheritError, ProjectFile, ProjectName, SecretName};

/// What one environment's own document shows without a key.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sheet {
    pub names: BTreeSet<SecretName>,
    pub expires: BTreeMap<SecretName, Expiry>,
}

/// The secrets of a project, in the order of their names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Catalogue {
    pub project: ProjectName,
    pub entries: Vec<Entry>,
}

/// One secret, as all environments together have it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    pub name: SecretName,
    pub description: Option<String>,
    /// The environments in which it is not; empty when an application can rely
    /// on it.
    pub missing: Vec<EnvironmentName>,
    /// Until when the value is good, where that is known.
    pub expires: BTreeMap<Expiry, Vec<EnvironmentName>>,
}

impl Catalogue {
    /// Puts the environments together, each with what it inherits.
    ///
    /// A name is missing where an environment lacks it that has secrets at all,
    /// unless the project requires it everywhere.
    pub fn of(
        file: &ProjectFile,
        sheets: &BTreeMap<EnvironmentName, Sheet>,
    ) -> Result<Self, InheritError> {
        let mut entries: BTreeMap<&SecretName, Entry> = BTreeMap::new();
        let mut used = Vec::new();
        for environment in file.environments.keys() {
            let mut seen = BTreeSet::new();
            // The nearest wins, as it does when the set is opened.
            for ancestor in file.ancestry(environment)? {
                let Some(sheet) = sheets.get(&ancestor) else { continue };
                for name in sheet.names.iter().filter(|name| seen.insert(*name)) {
                    let entry = entries.entry(name).or_insert_with(|| Entry::new(name, file));
                    if let Some(expiry) = sheet.expires.get(name) {
                        entry.expires.entry(*expiry).or_default().push(environment.clone());
                    }
                }
            }
            if !seen.is_empty() {
                used.push((environment, seen));
            }
        }
        let is_required = |name: &SecretName| {
            file.environments.keys().all(|environment| file.required(environment).contains(name))
        };
        for (name, entry) in entries.iter_mut().filter(|(name, _)| !is_required(name)) {
            let lacking = used.iter().filter(|(_, names)| !names.contains(*name));
            entry.missing = lacking.map(|(environment, _)| (*environment).clone()).collect();
        }
        Ok(Self { project: file.project.clone(), entries: entries.into_values().collect() })
    }
}

impl Entry {
    fn new(name: &SecretName, file: &ProjectFile) -> Self {
        Self {
            name: name.clone(),
            description: file.descriptions.get(name).cloned(),
            missing: Vec::new(),
            expires: BTreeMap::new(),
        }
    }

    /// Whether an environment can be without it.
    pub fn is_optional(&self) -> bool {
        !self.missing.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SecretName {
        SecretName::parse(text).unwrap()
    }

    fn sheet(environment: &str, names: &[&str]) -> (EnvironmentName, Sheet) {
        let names = names.iter().map(|text| name(text)).collect();
        let sheet = Sheet { names, expires: BTreeMap::new() };
        (EnvironmentName::parse(environment).unwrap(), sheet)
    }

    /// `NAME` for what is everywhere, `NAME?a,b` for what is missing there.
    fn shown(catalogue: &Catalogue) -> Vec<String> {
        let print = |entry: &Entry| {
            let missing: Vec<&str> = entry.missing.iter().map(EnvironmentName::as_str).collect();
            let mark = if entry.is_optional() { "?" } else { "" };
            format!("{}{mark}{}", entry.name, missing.join(","))
        };
        catalogue.entries.iter().map(print).collect()
    }

    #[test]
    fn a_name_is_optional_where_a_used_environment_lacks_it() {
        let text = "project = \"p\"\ndefault = \"a\"\nrequired = [\"R\", \"NOWHERE\"]\n\
                    [environments.a]\n[environments.b]\ninherits = \"a\"\n\
                    [environments.c]\n[environments.empty]\n";
        let file = ProjectFile::parse(text).unwrap();
        let sheets = BTreeMap::from([
            sheet("a", &["A", "EVERYWHERE", "R"]),
            sheet("b", &["B"]),
            sheet("c", &["EVERYWHERE"]),
            sheet("empty", &[]),
        ]);

        let catalogue = Catalogue::of(&file, &sheets).unwrap();

        assert_eq!(shown(&catalogue), ["A?c", "B?a,c", "EVERYWHERE", "R"]);
        assert!(Catalogue::of(&file, &BTreeMap::new()).unwrap().entries.is_empty());
    }

    #[test]
    fn what_each_environment_requires_is_required_by_all_only_together() {
        let text = "project = \"p\"\ndefault = \"a\"\n\
                    [environments.a]\nrequired = [\"A\", \"B\"]\n\
                    [environments.b]\nrequired = [\"B\"]\n";
        let file = ProjectFile::parse(text).unwrap();
        let sheets = BTreeMap::from([sheet("a", &["A", "B"]), sheet("b", &["X"])]);

        let catalogue = Catalogue::of(&file, &sheets).unwrap();

        assert_eq!(shown(&catalogue), ["A?b", "B", "X?a"]);
    }

    #[test]
    fn an_expiry_is_the_nearest_documents() {
        let text = "project = \"p\"\ndefault = \"a\"\n[descriptions]\nK = \"x\"\n\
                    [environments.a]\n[environments.b]\ninherits = \"a\"\n\
                    [environments.c]\ninherits = \"a\"\n";
        let file = ProjectFile::parse(text).unwrap();
        let mut sheets = BTreeMap::from([sheet("a", &["K"]), sheet("b", &["K"])]);
        let day = Expiry::parse("2031-01-31").unwrap();
        let a = EnvironmentName::parse("a").unwrap();
        sheets.get_mut(&a).unwrap().expires.insert(name("K"), day);

        let catalogue = Catalogue::of(&file, &sheets).unwrap();

        let [entry] = catalogue.entries.as_slice() else { panic!("{catalogue:?}") };
        let c = EnvironmentName::parse("c").unwrap();
        // B has a value of its own, which does not expire.
        assert_eq!(entry.expires, BTreeMap::from([(day, vec![a, c])]));
        assert_eq!(entry.description.as_deref(), Some("x"));
    }
}

//! What is wrong in a document that may be used.

use std::collections::BTreeSet;

use jiff::civil::Date;
use unspoken_model::{
    EnvironmentName, Expiry, ExpiryState, ProjectFile, RecipientName, SecretName, shown,
};
use unspoken_seal::{Document, Recipient};

use crate::access::{Standing, environment_key, reader, standings};
use crate::finding::{Finding, Rule};
use crate::ui::counted;

/// A verified document, and what it is looked at beside.
pub(super) struct Page<'p> {
    pub(super) file: &'p ProjectFile,
    pub(super) environment: &'p EnvironmentName,
    pub(super) path: &'p str,
    pub(super) text: &'p str,
    pub(super) document: &'p Document<'p>,
    pub(super) today: Date,
}

impl Page<'_> {
    pub(super) fn look(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.document.block().is_none() {
            let text = "not sealed: names, order and recipients are not protected";
            let hint = format!("Review it, then run `unspoken accept -e {}`.", self.environment);
            findings.push(self.finding(Rule::Unsealed, text, hint));
        }
        for name in self.document.names().filter(|name| self.document.is_clear(name)) {
            let text = format!("the value of `{}` is not encrypted", shown(name));
            let hint = format!(
                "Whoever can read the file knows it: replace it at its provider, then see `unspoken \
                 set --help`. The rule that leaves it out is in `{}`.",
                self.path
            );
            findings.push(self.of_name(Rule::ClearValue, name, text, hint));
        }
        findings.extend(self.access());
        findings.extend(self.environment_key());
        findings.extend(self.post_quantum());
        findings.extend(self.exposures());
        findings.extend(self.expiries());
        findings
    }

    fn finding(&self, rule: Rule, text: impl Into<String>, hint: String) -> Finding {
        Finding::of(rule, self.environment.as_str(), text).hint(hint).at(self.path, None)
    }

    /// The same, in the line where a name stands.
    fn of_name(&self, rule: Rule, name: &str, text: String, hint: String) -> Finding {
        self.finding(rule, text, hint).at(self.path, line_of(self.text, name))
    }

    fn sync(&self) -> String {
        format!("Run `unspoken recipients sync -e {}`.", self.environment)
    }

    fn access(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (reader, standing) in standings(self.file, self.environment, self.document) {
            let text = match standing {
                Standing::Reads => continue,
                Standing::Unlisted => {
                    format!("`{reader}` can read it and is not on the access list")
                }
                Standing::Waiting => {
                    format!("`{reader}` is on the access list and cannot read it yet")
                }
            };
            findings.push(self.finding(Rule::Access, text, self.sync()));
        }
        findings
    }

    fn environment_key(&self) -> Option<Finding> {
        let text = match (environment_key(self.document), self.document.recipients().first()) {
            (Some(own), Some(&first)) if own == first => return None,
            (Some(_), _) => "the environment key is not the first who can read it",
            (None, _) => "the environment key cannot read it",
        };
        // Bringing the list in line changes nothing here.
        let hint = format!("Run `unspoken rotate -e {}`.", self.environment);
        Some(self.finding(Rule::Access, text, hint))
    }

    fn post_quantum(&self) -> Option<Finding> {
        let own = environment_key(self.document);
        let recipients = self.document.recipients();
        let (post_quantum, classical): (Vec<&str>, Vec<&str>) =
            recipients.into_iter().partition(|key| is_post_quantum(key));
        if post_quantum.is_empty() || classical.is_empty() {
            return None;
        }
        let called = |key: &&str| match own {
            Some(own) if own == *key => "the environment key".to_owned(),
            _ => format!("`{}`", reader(self.file, key)),
        };
        let who: Vec<String> = classical.iter().map(called).collect();
        let text = format!(
            "{} can read it by post-quantum keys, and by classical ones {}: it is as strong as the \
             weakest",
            counted(post_quantum.len(), "recipient"),
            who.join(", ")
        );
        let hint = "Ask them for an `age1pq1…` key, and put it into `unspoken.toml`.".to_owned();
        Some(self.finding(Rule::MixedPostQuantum, text, hint))
    }

    fn exposures(&self) -> Vec<Finding> {
        let exposed = self.document.block().map(|block| &block.exposed);
        let finding = |(name, readers): (&SecretName, &BTreeSet<RecipientName>)| {
            let who: Vec<&str> = readers.iter().map(RecipientName::as_str).collect();
            let text = format!(
                "`{name}` was readable by {} and has not been changed since",
                who.join(", ")
            );
            let hint = format!(
                "Replace it at its provider, then run `unspoken set {name} -e {}`.",
                self.environment
            );
            self.of_name(Rule::Exposed, name.as_str(), text, hint)
        };
        exposed.into_iter().flatten().map(finding).collect()
    }

    fn expiries(&self) -> Vec<Finding> {
        let expires = self.document.block().map(|block| &block.expires);
        let finding = |(name, expiry): (&SecretName, &Expiry)| {
            let found = self::expiry(self.environment, name, *expiry, self.today)?;
            Some(found.at(self.path, line_of(self.text, name.as_str())))
        };
        expires.into_iter().flatten().filter_map(finding).collect()
    }
}

/// What is said of a value that expires soon, or has.
pub(super) fn expiry(
    environment: &EnvironmentName,
    name: &SecretName,
    expiry: Expiry,
    today: Date,
) -> Option<Finding> {
    let (rule, text) = match expiry.state(today) {
        ExpiryState::Expired { .. } => (Rule::Expired, format!("`{name}` expired on {expiry}")),
        ExpiryState::Soon { .. } => (Rule::ExpiresSoon, format!("`{name}` expires on {expiry}")),
        ExpiryState::Later { .. } => return None,
    };
    let hint = format!("Run `unspoken set {name} -e {environment} --expires 'in 90 days'`.");
    Some(Finding::of(rule, environment.as_str(), text).hint(hint))
}

/// Whether what is wrapped for a key stays shut to a quantum computer.
fn is_post_quantum(key: &str) -> bool {
    Recipient::parse(key).is_ok_and(|key| key.is_post_quantum())
}

/// The line in which a name begins, however the document is written.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let begins = |line: &str| {
        let line = line.trim_start();
        let rest = line.strip_prefix('"').unwrap_or(line).strip_prefix(name)?;
        rest.strip_prefix('"').unwrap_or(rest).starts_with([':', '=']).then_some(())
    };
    text.lines().position(|line| begins(line).is_some()).map(|at| at + 1)
}

#[test]
fn a_name_is_found_in_its_line() {
    let json = "{\n\t\"A\": \"x\",\n\t\"AB\": \"A\"\n}\n";
    assert_eq!(line_of(json, "AB"), Some(3));
    assert_eq!(line_of(json, "B"), None);
    assert_eq!(line_of("#c\nA=1\nB=2\n", "B"), Some(3));
    assert_eq!(line_of("AB: 1\nA: 2\n", "A"), Some(2));
}

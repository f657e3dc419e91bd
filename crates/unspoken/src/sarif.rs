//! Findings as SARIF 2.1.0, which code hosts show beside the lines of a change.

use serde_json::{Value, json};

use crate::finding::{Finding, Level, Rule};

/// One result, in one place.
pub(crate) struct Row<'a> {
    pub(crate) rule: &'a str,
    /// The rule's place in the list of rules.
    pub(crate) index: usize,
    pub(crate) level: Level,
    pub(crate) text: String,
    pub(crate) path: String,
    /// Whether the path is relative to the repository's root.
    pub(crate) is_in_repository: bool,
    pub(crate) line: usize,
    pub(crate) column: Option<usize>,
    /// What stays when lines move. Everybody may read it.
    pub(crate) fingerprint: String,
}

/// Prints findings as the result of one run. Paths are made relative to the
/// repository's root, `prefix` being the project's folder in it.
pub(crate) fn print(findings: &[Finding], prefix: &str, default: &str) -> Value {
    let rules = Rule::ALL.map(|each| rule(each.id(), each.meaning(), each.level()));
    let results = findings.iter().filter_map(|finding| of_check(finding, prefix, default));
    document(&rules, &results.collect::<Vec<_>>())
}

pub(crate) fn document(rules: &[Value], results: &[Value]) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "unspoken",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

pub(crate) fn rule(id: &str, meaning: &str, level: Level) -> Value {
    json!({
        "id": id,
        "shortDescription": { "text": meaning },
        "defaultConfiguration": { "level": level.word() },
        "properties": { "tags": ["security"] },
    })
}

fn of_check(finding: &Finding, prefix: &str, default: &str) -> Option<Value> {
    let rule = finding.rule.filter(|_| finding.level != Level::Fine)?;
    let text = match &finding.hint {
        Some(hint) => format!("{}: {}. {hint}", finding.topic, finding.text),
        None => format!("{}: {}.", finding.topic, finding.text),
    };
    // Code hosts show nothing that has no place, nor a place without a line.
    let (file, line) = match &finding.spot {
        Some(spot) => (spot.file.as_str(), spot.line.unwrap_or(1)),
        None => (default, 1),
    };
    Some(result(&Row {
        rule: rule.id(),
        index: Rule::ALL.iter().position(|each| *each == rule)?,
        level: finding.level,
        text,
        path: format!("{prefix}{file}"),
        is_in_repository: true,
        line,
        column: None,
        fingerprint: format!("{}:{}:{}", rule.id(), finding.topic, finding.text),
    }))
}

pub(crate) fn result(row: &Row<'_>) -> Value {
    let mut file = json!({ "uri": uri(&row.path) });
    if row.is_in_repository {
        file["uriBaseId"] = json!("%SRCROOT%");
    }
    let mut region = json!({ "startLine": row.line });
    if let Some(column) = row.column {
        region["startColumn"] = json!(column);
    }
    json!({
        "ruleId": row.rule,
        "ruleIndex": row.index,
        "level": row.level.word(),
        "message": { "text": row.text },
        "locations": [{ "physicalLocation": { "artifactLocation": file, "region": region } }],
        "partialFingerprints": { "unspoken/v1": row.fingerprint },
    })
}

/// A path as a relative reference of RFC 3986.
fn uri(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/@+".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[test]
fn a_path_is_a_relative_reference_whatever_stands_in_it() {
    assert_eq!(uri("secrets/a.json"), "secrets/a.json");
    assert_eq!(uri("my app/a:b%ü"), "my%20app/a%3Ab%25%C3%BC");
}

#[test]
fn only_what_has_a_rule_is_a_result() {
    let findings = [
        Finding::fine("a", "fine".to_owned()),
        Finding::of(Rule::Gap, "a", "gap").at("secrets/a.json", 7),
        Finding::of(Rule::Permissions, "keys", "loose").hint("Mend it.".to_owned()),
    ];
    let printed = print(&findings, "app/", "unspoken.toml");
    let results = printed["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "app/secrets/a.json");
    assert_eq!(place["region"]["startLine"], 7);
    assert_eq!(results[0]["level"], "warning");
    assert_eq!(results[1]["message"]["text"], "keys: loose. Mend it.");
    let rules = printed["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}

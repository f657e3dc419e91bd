//! What one recipient may read, and could.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use unspoken_model::{ProjectFile, RecipientName, SecretName, is_same_key, shown};

use super::{Book, Chapter, reach_json, until};
use crate::access::{Standing, short};
use crate::failure::Failure;
use crate::history::Reach;

/// What the holder of some keys may do in one environment.
struct Finding<'c> {
    chapter: &'c Chapter,
    standing: Option<Standing>,
    names: Vec<String>,
    /// What they could read and cannot any more, and whether it is noted that
    /// the value is still the same.
    past: BTreeMap<&'c str, (&'c Reach, bool)>,
}

/// What a key's holder is called.
pub(super) fn title(book: &Book, key: &str) -> String {
    book.holders.names_of(key).first().map_or_else(|| short(key), |name| (*name).to_owned())
}

/// Says what the holder of these keys may read, in words and as JSON.
pub(super) fn answer(
    file: &ProjectFile,
    book: &Book,
    title: &str,
    keys: &[&str],
) -> Result<(String, Value), Failure> {
    let marks: BTreeSet<String> = keys.iter().flat_map(|key| book.holders.marks_of(key)).collect();
    let mut findings = Vec::new();
    for chapter in &book.chapters {
        findings.push(find(file, chapter, keys, &marks)?);
    }
    let mut words = format!("{}{}\n", shown(title), remark(file, title, keys, book));
    for finding in &findings {
        words.push_str(&finding.print());
    }
    let environments: Vec<Value> = findings.iter().map(Finding::to_json).collect();
    let object = json!({
        "name": title,
        "keys": keys,
        "listed": is_listed(file, keys),
        "environments": environments,
    });
    Ok((words, object))
}

fn is_listed(file: &ProjectFile, keys: &[&str]) -> bool {
    file.recipients.values().any(|text| keys.iter().any(|key| is_same_key(text, key)))
}

/// What there is to know about the name itself.
fn remark(file: &ProjectFile, title: &str, keys: &[&str], book: &Book) -> String {
    let mut remarks = Vec::new();
    for chapter in &book.chapters {
        let is_own = |key: &str| chapter.environment_key.as_deref() == Some(key);
        let was_own = |key: &str| chapter.past.was_environment_key(key);
        if keys.iter().any(|key| is_own(key)) {
            remarks.push(format!("the environment key of `{}`", chapter.environment));
        } else if keys.iter().any(|key| was_own(key)) {
            remarks.push(format!("an earlier environment key of `{}`", chapter.environment));
        }
    }
    let now =
        file.recipients.iter().find(|(_, text)| keys.iter().any(|key| is_same_key(text, key)));
    match now {
        // No person has it, or should.
        None if !remarks.is_empty() => {}
        None => remarks.push("not in unspoken.toml now".to_owned()),
        Some((name, _)) if name.as_str() != title => remarks.push(format!("called `{name}` now")),
        Some(_) => {}
    }
    let others: BTreeSet<&str> = keys
        .iter()
        .flat_map(|key| book.holders.names_of(key))
        .filter(|name| *name != title && now.is_none_or(|(now, _)| now.as_str() != *name))
        .collect();
    remarks.extend(others.into_iter().map(|name| format!("called `{name}` before")));
    if keys.len() > 1 {
        remarks.push(format!("{} keys over time", keys.len()));
    }
    if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join(", ")) }
}

fn find<'c>(
    file: &ProjectFile,
    chapter: &'c Chapter,
    keys: &[&str],
    marks: &BTreeSet<String>,
) -> Result<Finding<'c>, Failure> {
    let document = chapter.document()?;
    let is_theirs = |text: &str| keys.iter().any(|key| is_same_key(text, key));
    let listed = file.access(&chapter.environment).into_iter().any(|(_, text)| is_theirs(text));
    let own = chapter.environment_key.as_deref().is_some_and(is_theirs);
    let standing = match (document.recipients().into_iter().any(is_theirs), listed || own) {
        (true, true) => Some(Standing::Reads),
        (true, false) => Some(Standing::Unlisted),
        (false, true) if listed => Some(Standing::Waiting),
        (false, _) => None,
    };
    let reads = matches!(standing, Some(Standing::Reads | Standing::Unlisted));
    let names: Vec<String> =
        if reads { document.names().map(str::to_owned).collect() } else { Vec::new() };
    let is_exposed = |name: &str| {
        let name = SecretName::parse(name).ok();
        let readers = name.and_then(|name| document.block()?.exposed.get(&name));
        readers.is_some_and(|all| all.iter().map(RecipientName::as_str).any(|n| marks.contains(n)))
    };
    let past = chapter.past.readable_by(keys.iter().copied());
    let past = past
        .into_iter()
        .filter(|(name, _)| !names.iter().any(|now| now == name))
        .map(|(name, reach)| (name, (reach, is_exposed(name))))
        .collect();
    Ok(Finding { chapter, standing, names, past })
}

impl Finding<'_> {
    fn print(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| shown(name)).collect();
        let names = if names.is_empty() { "nothing yet".to_owned() } else { names.join(", ") };
        let now = match self.standing {
            None if self.past.is_empty() => "cannot read it, and never could".to_owned(),
            None => "cannot read it any more".to_owned(),
            Some(Standing::Reads) => format!("reads {names}"),
            Some(Standing::Unlisted) => format!("reads {names}, and is not on the access list"),
            Some(Standing::Waiting) => "is on the access list, and cannot read it yet".to_owned(),
        };
        let mut text = format!("  {}: {now}\n", self.chapter.environment);
        // What ended at once stands in one line.
        let mut ends: Vec<(String, Vec<String>)> = Vec::new();
        for (name, (reach, is_exposed)) in &self.past {
            let mark = if *is_exposed { " (still the same value)" } else { "" };
            let (end, name) = (until(reach), format!("{}{mark}", shown(name)));
            match ends.iter_mut().find(|(known, _)| *known == end) {
                Some((_, names)) => names.push(name),
                None => ends.push((end, vec![name])),
            }
        }
        for (end, names) in ends {
            text.push_str(&format!("    could read, {end}: {}\n", names.join(", ")));
        }
        text
    }

    fn to_json(&self) -> Value {
        let past = self.past.iter().map(|(name, (reach, is_exposed))| {
            let mut object = reach_json(reach);
            if let Value::Object(map) = &mut object {
                map.shift_insert(0, "name".to_owned(), json!(name));
                map.insert("exposed".to_owned(), json!(is_exposed));
            }
            object
        });
        json!({
            "environment": self.chapter.environment.as_str(),
            "standing": self.standing.map(Standing::word),
            "names": self.names,
            "past": past.collect::<Vec<_>>(),
        })
    }
}

//! Who may read one secret, and who could.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use unspoken_model::{
    EnvironmentName, ProjectFile, RecipientName, SecretName, is_same_key, nearest,
};

use super::{Book, Chapter, reach_json, until};
use crate::access::{Reader, Standing, standings};
use crate::failure::{Code, Failure};
use crate::history::Reach;

/// What there is to know about the name in one environment.
struct Finding<'c> {
    chapter: &'c Chapter,
    /// Whether the environment's own document has it.
    has: bool,
    /// Where it comes from, when it is not the own document.
    from: Option<EnvironmentName>,
    readers: Vec<(Reader, Standing)>,
    past: Vec<Former<'c>>,
}

/// Somebody who could read it.
struct Former<'c> {
    reader: Reader,
    reach: &'c Reach,
    /// Whether the document notes that it is still the value that they knew.
    is_exposed: bool,
}

/// Says who may read a secret, in words and as JSON.
pub(super) fn answer(
    file: &ProjectFile,
    book: &Book,
    name: &SecretName,
) -> Result<(String, Value), Failure> {
    let mut findings = Vec::new();
    for chapter in &book.chapters {
        findings.push(find(file, book, chapter, name)?);
    }
    if findings.iter().all(|finding| !finding.has && finding.past.is_empty()) {
        return Err(unknown(book, name)?);
    }
    let mut words = format!("{name}\n");
    for finding in &findings {
        words.push_str(&finding.print());
    }
    let environments: Vec<Value> = findings.iter().map(Finding::to_json).collect();
    Ok((words, json!({ "name": name.as_str(), "environments": environments })))
}

fn unknown(book: &Book, name: &SecretName) -> Result<Failure, Failure> {
    let mut names = BTreeSet::new();
    for chapter in &book.chapters {
        names.extend(chapter.document()?.names().map(str::to_owned));
    }
    let text = format!("no secret `{name}` in any environment, now or earlier");
    let failure = Failure::new(Code::Missing, text);
    Ok(match nearest(name.as_str(), names.iter().map(String::as_str)) {
        Some(nearest) => failure.hint(format!("Did you mean `{nearest}`?")),
        None => failure.hint("Run `unspoken list` to see which there are."),
    })
}

fn find<'c>(
    file: &ProjectFile,
    book: &Book,
    chapter: &'c Chapter,
    name: &SecretName,
) -> Result<Finding<'c>, Failure> {
    let document = chapter.document()?;
    let environment = &chapter.environment;
    let has = document.names().any(|each| each == name.as_str());
    let from = if has { None } else { origin(file, book, environment, name)? };
    let mut readers = Vec::new();
    if has {
        readers.extend(standings(file, environment, &document));
        readers.retain(|(_, standing)| *standing != Standing::Waiting);
    }
    let exposed: BTreeSet<&RecipientName> =
        document.block().and_then(|block| block.exposed.get(name)).into_iter().flatten().collect();
    let recipients = document.recipients();
    let mut past = Vec::new();
    for (key, reach) in chapter.past.readers_of(name.as_str()) {
        if has && recipients.iter().any(|text| is_same_key(text, key)) {
            continue;
        }
        let marks = book.holders.marks_of(key);
        let is_exposed = exposed.iter().any(|each| marks.contains(each.as_str()));
        past.push(Former { reader: book.reader(file, chapter, key), reach, is_exposed });
    }
    past.sort_by(|a, b| (&a.reader, a.reach.last.time).cmp(&(&b.reader, b.reach.last.time)));
    Ok(Finding { chapter, has, from, readers, past })
}

/// The environment that one inherits the name from.
fn origin(
    file: &ProjectFile,
    book: &Book,
    environment: &EnvironmentName,
    name: &SecretName,
) -> Result<Option<EnvironmentName>, Failure> {
    for ancestor in file.ancestry(environment).unwrap_or_default() {
        let Some(chapter) = book.chapters.iter().find(|each| each.environment == ancestor) else {
            continue;
        };
        if chapter.document()?.names().any(|each| each == name.as_str()) {
            return Ok(Some(ancestor));
        }
    }
    Ok(None)
}

impl Finding<'_> {
    fn print(&self) -> String {
        let readers: Vec<String> = self
            .readers
            .iter()
            .map(|(reader, standing)| match standing {
                Standing::Unlisted => format!("{reader} (not on the access list)"),
                _ => reader.to_string(),
            })
            .collect();
        let now = match &self.from {
            _ if self.has => format!("read by {}", readers.join(", ")),
            Some(from) => format!("from {from}"),
            None => "not there".to_owned(),
        };
        let mut text = format!("  {}: {now}\n", self.chapter.environment);
        for former in &self.past {
            let mark = match (self.has, former.is_exposed) {
                (true, true) => "; it is still the same value",
                (true, false) => "; not noted as still the same value",
                (false, _) => "",
            };
            text.push_str(&format!("    {} could, {}{mark}\n", former.reader, until(former.reach)));
        }
        text
    }

    fn to_json(&self) -> Value {
        let readers = self.readers.iter().map(
            |(reader, standing)| json!({ "reader": reader.id(), "standing": standing.word() }),
        );
        let past = self.past.iter().map(|former| {
            let mut object = reach_json(former.reach);
            if let Value::Object(map) = &mut object {
                map.shift_insert(0, "reader".to_owned(), json!(former.reader.id()));
                map.insert("exposed".to_owned(), json!(former.is_exposed));
            }
            object
        });
        json!({
            "environment": self.chapter.environment.as_str(),
            "has": self.has,
            "from": self.from.as_ref().map(EnvironmentName::as_str),
            "readers": readers.collect::<Vec<_>>(),
            "past": past.collect::<Vec<_>>(),
        })
    }
}

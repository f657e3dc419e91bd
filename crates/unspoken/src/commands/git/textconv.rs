//! `unspoken git textconv`: a document as `git diff` shows it, without a key.

use std::fmt::Write as _;
use std::path::PathBuf;

use unspoken_model::{DocumentForm, KeyId, ProjectFile, RecipientName, SecretName, shown};
use unspoken_seal::{Block, Document, ParseError, Recipient};
use unspoken_store::read_limited;

use crate::context::Context;
use crate::failure::Failure;

/// Show a document's names, readers and expiries as text (git calls this)
///
/// Beside each name stands a fingerprint of its ciphertext, so that `git diff`
/// and `git log -p` show which names were added, removed or written anew. No
/// key is needed and no value is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  unspoken git textconv secrets/production.json")]
pub(crate) struct Textconv {
    /// The file, which may be a temporary one of git's
    file: PathBuf,
}

impl Textconv {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let bytes = match read_limited(&self.file, Document::MAX_BYTES as u64) {
            Ok(bytes) => bytes,
            // Git would not go on with the other files.
            Err(error) => return cx.ui.print(&format!("not a document: {error}\n")),
        };
        let named = DocumentForm::of(&self.file.to_string_lossy());
        let text = match parse(named, &bytes) {
            Ok(document) => {
                print(&document, cx.project().ok().map(|project| project.file).as_ref())
            }
            Err(error) => format!("not a document: {error}\n"),
        };
        cx.ui.print(&text)
    }
}

/// Reads it in the form that its name says, else in whichever it reads.
fn parse(form: Option<DocumentForm>, bytes: &[u8]) -> Result<Document<'_>, ParseError> {
    let forms = [DocumentForm::Json, DocumentForm::Dotenv, DocumentForm::Yaml];
    Document::parse(form.unwrap_or(DocumentForm::Json), bytes).or_else(|error| {
        let mut read = forms.into_iter().map(|form| Document::parse(form, bytes));
        read.find_map(Result::ok).ok_or(error)
    })
}

fn print(document: &Document<'_>, file: Option<&ProjectFile>) -> String {
    let block = document.block();
    let mut text = match block {
        Some(block) => format!(
            "place {}\nrevision {}\nseal key {}\n",
            block.place, block.revision, block.seal_key
        ),
        None => "not sealed\n".to_owned(),
    };
    text.push_str("readers\n");
    for key in document.recipients() {
        let _ = writeln!(text, "  {}{}", shown(key), holder(key, block, file));
    }
    text.push_str("names\n");
    for (name, fingerprint) in document.fingerprints() {
        let stored = fingerprint.unwrap_or_else(|| "empty".to_owned());
        let clear = if document.is_clear(name) { ", not encrypted" } else { "" };
        let _ = writeln!(text, "  {} {stored}{clear}{}", shown(name), notes(name, block));
    }
    if document.comments() > 0 {
        let _ = writeln!(text, "comments {}", document.comments());
    }
    text
}

/// Whose key it is, where that is known.
fn holder(key: &str, block: Option<&Block>, file: Option<&ProjectFile>) -> String {
    let id: Option<KeyId> = Recipient::parse(key).ok().map(|recipient| recipient.key_id());
    if id.is_some() && id.as_ref() == block.map(|block| &block.key_id) {
        return " (the environment key)".to_owned();
    }
    let name: Option<&RecipientName> = file.and_then(|file| file.name_of(key));
    name.map_or_else(String::new, |name| format!(" ({name})"))
}

/// When a value expires, and who could read it and may not any more.
fn notes(name: &str, block: Option<&Block>) -> String {
    let mut text = String::new();
    let (Ok(name), Some(block)) = (SecretName::parse(name), block) else { return text };
    if let Some(expiry) = block.expires.get(&name) {
        let _ = write!(text, ", until {expiry}");
    }
    if let Some(readers) = block.exposed.get(&name) {
        let names: Vec<&str> = readers.iter().map(RecipientName::as_str).collect();
        let _ = write!(text, ", was read by {}", names.join(" and "));
    }
    text
}

//! `unspoken access [NAME]`: who may read what, and who could, from files and
//! their history alone.

mod person;
mod secret;
mod table;

use clap_complete::ArgValueCandidates;
use serde_json::{Value, json};
use unspoken_model::{DocumentForm, EnvironmentName, ProjectFile, SecretName, nearest};
use unspoken_seal::Document;

use crate::access::{Reader, environment_key, reader};
use crate::complete;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::history::{Commit, Gaps, Holders, Past, Reach, VERSIONS, documents, holders};
use crate::repository::Repository;
use crate::ui::counted;

/// Say who may read what, from files alone
///
/// Without NAME: everybody on the access list, and everybody who can open a
/// document, by environment. With the name or public key of a recipient: what
/// they may read, and what git's history says that they could read before. With
/// the name of a secret: who may read it, who could, and whether it is still the
/// value that they knew.
///
/// The history is that of the current commit, of documents where they are now.
/// It cannot tell who was given a key or a value by somebody else, nor what was
/// on other branches or was rewritten.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken access\n  unspoken access bob\n  unspoken access DATABASE_URL --json"
)]
pub(crate) struct Access {
    /// A recipient's name or public key, or a secret's name
    #[arg(add = ArgValueCandidates::new(complete::subjects))]
    name: Option<String>,
}

/// What is asked about. The grammars of the two kinds of name share no text.
enum Subject {
    Secret(SecretName),
    Person(String),
    Key(String),
}

/// One environment, as its document and the history have it.
struct Chapter {
    environment: EnvironmentName,
    bytes: Vec<u8>,
    form: DocumentForm,
    environment_key: Option<String>,
    past: Past,
}

/// All that answers are made from.
struct Book {
    chapters: Vec<Chapter>,
    holders: Holders,
    /// Whether there is a history.
    is_kept: bool,
    is_shallow: bool,
    gaps: Gaps,
}

impl Access {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let subject = self.name.as_deref().map(Subject::parse).transpose()?;
        let workspace = cx.workspace()?;
        say_elsewhere(cx, &workspace);
        let Some(subject) = subject else { return table::print(cx, &workspace) };
        let book = Book::read(cx, &workspace)?;
        let file = &workspace.project.file;
        let (words, mut object) = match &subject {
            Subject::Secret(name) => secret::answer(file, &book, name)?,
            Subject::Person(name) => {
                let keys = book.holders.keys_of(name);
                if keys.is_empty() {
                    return Err(unknown_person(&book, name));
                }
                person::answer(file, &book, name, &keys)?
            }
            Subject::Key(key) => person::answer(file, &book, &person::title(&book, key), &[key])?,
        };
        if cx.ui.json {
            if let Value::Object(map) = &mut object {
                map.insert("history".to_owned(), book.history_json());
            }
            return cx.ui.print_json(&object);
        }
        cx.ui.print(&words)?;
        book.warn(cx);
        Ok(())
    }
}

/// Says what this does not tell: who may read in a vault is the vault's to say.
fn say_elsewhere(cx: &Context, workspace: &Workspace) {
    let file = &workspace.project.file;
    let there = file.environments.keys().filter(|name| file.is_in_vault(name));
    let there: Vec<String> = there.map(|name| format!("`{name}`")).collect();
    if !there.is_empty() {
        cx.ui.note(&format!("not told here: {}, which the vault decides on", there.join(", ")));
    }
}

impl Subject {
    fn parse(text: &str) -> Result<Self, Failure> {
        // A private key by mistake: it is not repeated.
        if text.trim_start().to_ascii_uppercase().starts_with("AGE-SECRET-KEY-")
            || text.contains("PRIVATE KEY")
        {
            return Err(Failure::new(Code::Usage, "this is a private key, not a public one")
                .hint("It stands in your shell's history now: replace it."));
        }
        if text.starts_with("ssh-") || (text.starts_with("age1") && text.len() > 50) {
            return Ok(Self::Key(text.trim_end().to_owned()));
        }
        if text.bytes().all(|byte| !byte.is_ascii_uppercase()) {
            return Ok(Self::Person(text.to_owned()));
        }
        let wrong = |error: unspoken_model::NameError| {
            Failure::new(Code::Usage, format!("neither a recipient's name nor a secret's: {error}"))
                .hint("Run `unspoken access` to see who there is, `unspoken list` for secrets.")
        };
        SecretName::parse(text).map(Self::Secret).map_err(wrong)
    }
}

fn unknown_person(book: &Book, name: &str) -> Failure {
    let name = unspoken_model::shown(name);
    let failure = Failure::new(Code::Missing, format!("no recipient `{name}`, now or earlier"));
    let names = book.holders.names();
    match nearest(&name, names) {
        Some(nearest) => failure.hint(format!("Did you mean `{nearest}`?")),
        None => failure.hint("Run `unspoken access` to see who there is."),
    }
}

impl Book {
    fn read(cx: &Context, workspace: &Workspace) -> Result<Self, Failure> {
        let file = &workspace.project.file;
        let repository = Repository::find(&workspace.project.root)?;
        let (holders, mut gaps) = holders(repository.as_ref(), file)?;
        let mut chapters = Vec::new();
        // Who may read in a vault is the vault's to say.
        for environment in file.environments.keys().filter(|name| !file.is_in_vault(name)) {
            let bytes = read_verified(cx, workspace, environment)?;
            let (path, (_, form)) =
                (file.document_path(environment), workspace.project.document(environment));
            let past = match &repository {
                None => Past::default(),
                Some(repository) => {
                    let (past, more) = documents(repository, &path, form)?;
                    gaps.unread += more.unread;
                    gaps.is_cut |= more.is_cut;
                    past
                }
            };
            let environment = environment.clone();
            let mut chapter = Chapter { environment, bytes, form, environment_key: None, past };
            let own = environment_key(&chapter.document()?).map(str::to_owned);
            chapter.environment_key = own;
            chapters.push(chapter);
        }
        Ok(Self {
            chapters,
            holders,
            is_kept: repository.is_some(),
            is_shallow: repository.is_some_and(|found| found.is_shallow),
            gaps,
        })
    }

    /// Whom a key belongs to, or belonged to last.
    fn reader(&self, file: &ProjectFile, chapter: &Chapter, key: &str) -> Reader {
        if chapter.past.was_environment_key(key) {
            return Reader::OldEnvironmentKey(key.to_owned());
        }
        match self.holders.names_of(key).first().map(|name| name.parse()) {
            Some(Ok(name)) => Reader::Person(name),
            _ => reader(file, key),
        }
    }

    /// Says what the history could not tell.
    fn warn(&self, cx: &Context) {
        if !self.is_kept {
            cx.ui.warn("this is in no git repository, so nobody knows what was before");
        }
        if self.is_shallow {
            cx.ui.warn(
                "this clone is shallow: what is older is not known; run `git fetch --unshallow`",
            );
        }
        if self.gaps.is_cut {
            cx.ui.warn(&format!("only the newest {VERSIONS} versions of a file were looked at"));
        }
        if self.gaps.unread > 0 {
            let count = counted(self.gaps.unread, "earlier version");
            cx.ui.warn(&format!("{count} could not be read and were passed over"));
        }
    }

    fn history_json(&self) -> Value {
        json!({
            "searched": self.is_kept,
            "shallow": self.is_shallow,
            "cut": self.gaps.is_cut,
            "unread": self.gaps.unread,
        })
    }
}

/// A document's bytes, verified: in a forged one, readers are inventions.
fn read_verified(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
) -> Result<Vec<u8>, Failure> {
    let store = cx.store(workspace);
    let bytes = store.read(environment)?;
    store.verify(environment, &bytes)?;
    Ok(bytes)
}

impl Chapter {
    fn document(&self) -> Result<Document<'_>, Failure> {
        // It has been verified, so it reads.
        Document::parse(self.form, &self.bytes)
            .map_err(|error| Failure::because(Code::Integrity, &error))
    }
}

/// When it ended, for a sentence.
fn until(reach: &Reach) -> String {
    match &reach.until {
        Some(commit) => format!("until {}", called(commit)),
        None => format!("last in {}", called(&reach.last)),
    }
}

fn called(commit: &Commit) -> String {
    let day = commit.time.to_zoned(jiff::tz::TimeZone::UTC).date();
    format!("{day} ({})", commit.short())
}

fn commit_json(commit: &Commit) -> Value {
    json!({ "commit": commit.id, "time": commit.time.to_string(), "author": commit.author })
}

fn reach_json(reach: &Reach) -> Value {
    json!({
        "last": commit_json(&reach.last),
        "until": reach.until.as_deref().map(commit_json),
    })
}

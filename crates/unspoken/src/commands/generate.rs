//! `unspoken generate`: the names of the secrets as types, with no key.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use unspoken_model::Language;

use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, quoted};
use crate::generated::{self, Generated, Target};
use crate::ui::counted;

/// Generate types from the names of the secrets, with no key
///
/// Writes source text that knows every name, so that an editor completes it and
/// a compiler refuses a misspelt one. A name that some environment lacks is
/// optional. Descriptions in `unspoken.toml`, and expiries, become comments.
///
/// Without a language, the files that `[generate]` in `unspoken.toml` names are
/// written; commands that change names then keep them fresh. With one, its text
/// goes to `--out`, else to its configured file, else to standard output.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken generate\n  unspoken generate --check\n  unspoken generate typescript --out src/unspoken.d.ts\n  unspoken generate go --out internal/secrets/secrets.go"
)]
pub(crate) struct Generate {
    /// One language alone [default: all that `unspoken.toml` configures]
    #[arg(value_enum)]
    language: Option<Kind>,

    /// Write to this file; one that was not generated is not replaced
    #[arg(short, long, value_name = "FILE", requires = "language",
          value_hint = clap::ValueHint::FilePath)]
    out: Option<PathBuf>,

    /// Write nothing; fail with 1 when a file is not as it must be
    #[arg(long)]
    check: bool,
}

/// The languages, as they are typed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    Typescript,
    Go,
    Python,
    Rust,
}

impl Generate {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let workspace = cx.workspace()?;
        let language = self.language.map(Language::from);
        let targets = self.targets(&workspace, language)?;
        let catalogue = generated::catalogue(cx, &workspace)?;
        if let (Some(language), true) = (language, targets.is_empty()) {
            let text = generated::form(language, None).print(&catalogue)?;
            if cx.ui.json {
                return cx.ui.print_json(&json!({ "language": language.key(), "text": text }));
            }
            return cx.ui.print(&text);
        }
        // First all are made, then the first is written.
        let files: Vec<Generated> = targets
            .into_iter()
            .map(|target| target.print(&catalogue))
            .collect::<Result<_, Failure>>()?;
        if self.check {
            return self.say_stale(cx, &files);
        }
        match &self.out {
            None => generated::make_folders(&files)?,
            Some(path) => demand_folder(path)?,
        }
        files.iter().try_for_each(Generated::write)?;
        let written: Vec<&str> = stale(&files).map(|file| file.target.shown.as_str()).collect();
        let words = if written.is_empty() {
            format!("{} as it must be already", counted(files.len(), "file"))
        } else {
            format!("wrote {}", written.join(", "))
        };
        let to_json = |file: &Generated| {
            let change = if file.is_fresh { "unchanged" } else { "written" };
            describe(file, "change", &json!(change))
        };
        let list: Vec<Value> = files.iter().map(to_json).collect();
        cx.ui.report(&json!({ "files": list }), &words)
    }

    /// The files that are meant; none when the text goes to standard output.
    fn targets(
        &self,
        workspace: &Workspace,
        language: Option<Language>,
    ) -> Result<Vec<Target>, Failure> {
        if let (Some(language), Some(path)) = (language, &self.out) {
            let shown = path.display().to_string();
            return Ok(vec![Target { language, path: path.clone(), shown }]);
        }
        let mut targets = generated::configured(workspace)?;
        targets.retain(|target| language.is_none_or(|language| target.language == language));
        if !targets.is_empty() || (language.is_some() && !self.check) {
            return Ok(targets);
        }
        let what = language.map_or("no language".to_owned(), |one| format!("no file for {one}"));
        let message = format!("{what} is configured in `unspoken.toml`");
        let example = language.unwrap_or(Language::TypeScript);
        let path = example_path(example);
        Err(Failure::new(Code::Usage, message).hint(format!(
            "Add it there, below a line `[generate]`: `{key} = \"{path}\"`. Or name the file: \
             `unspoken generate {key} --out {path}`.",
            key = example.key()
        )))
    }

    fn say_stale(&self, cx: &Context, files: &[Generated]) -> Result<(), Failure> {
        if cx.ui.json {
            let to_json = |file| describe(file, "stale", &json!(!file.is_fresh));
            let list: Vec<Value> = files.iter().map(to_json).collect();
            cx.ui.print_json(&json!({ "files": list }))?;
        }
        let stale: Vec<String> =
            stale(files).map(|file| format!("`{}`", file.target.shown)).collect();
        if stale.is_empty() {
            if !cx.ui.json {
                cx.ui.note(&format!("{} as it must be", counted(files.len(), "file")));
            }
            return Ok(());
        }
        let verb = if stale.len() == 1 { "is" } else { "are" };
        let message = format!("{} {verb} not as the names are now", stale.join(", "));
        let language = self.language.map(|kind| format!(" {}", Language::from(kind).key()));
        let out = self.out.as_deref().map(|path| format!(" --out {}", quoted(path)));
        Err(Failure::new(Code::Other, message).hint(format!(
            "Run `unspoken generate{}{}`, and commit what it writes.",
            language.unwrap_or_default(),
            out.unwrap_or_default()
        )))
    }
}

/// A folder that somebody has typed is not made.
fn demand_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Some(folder) = folder.filter(|folder| !folder.exists()) else { return Ok(()) };
    Err(Failure::new(Code::Other, format!("the folder `{}` does not exist", folder.display()))
        .hint(format!("Run `mkdir -p {}`.", quoted(folder))))
}

fn stale(files: &[Generated]) -> impl Iterator<Item = &Generated> {
    files.iter().filter(|file| !file.is_fresh)
}

fn describe(file: &Generated, key: &str, value: &Value) -> Value {
    let Target { language, shown, .. } = &file.target;
    json!({ "language": language.key(), "file": shown, key: value })
}

fn example_path(language: Language) -> &'static str {
    match language {
        Language::TypeScript => "src/unspoken.d.ts",
        Language::Go => "internal/secrets/secrets.go",
        Language::Python => "app/names.py",
        Language::Rust => "src/secrets.rs",
    }
}

impl From<Kind> for Language {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Typescript => Self::TypeScript,
            Kind::Go => Self::Go,
            Kind::Python => Self::Python,
            Kind::Rust => Self::Rust,
        }
    }
}

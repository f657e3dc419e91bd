//! `unspoken import FILE`: takes over the values of a file, a plaintext one or
//! another tool's.

mod envless;
mod in_vault;
mod keys;
mod source;
mod take_over;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use unspoken_model::EnvironmentName;
use unspoken_seal::foreign::{Names, Rename};

pub(crate) use self::source::Source;
pub(crate) use self::take_over::Afterwards;
use self::take_over::is_added;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, quoted};
use crate::flags::EnvFlag;

/// Take over the values of a .env file, or of another tool's
///
/// Reads `.env` files as npm's dotenv does, and says where other readers would
/// read another value. Files of sops, dotenvx, Tako and envless are opened with
/// this machine's keys, in memory alone. If one line is wrong, nothing is written.
/// When all values were written, read back and compared, a plaintext file is
/// removed and added to `.gitignore`, unless `--keep` is given; an encrypted one
/// stays, unless `--remove` is given.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken import .env\n  unspoken import .env.production -e production --on-conflict overwrite\n  unspoken import .tako/secrets.json -e production\n  vault kv get -format=json -field=data app | unspoken import - --format json"
)]
pub(crate) struct Import {
    /// The file, `-` for standard input, or the folder of an envless repository
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    file: PathBuf,

    #[command(flatten)]
    env: EnvFlag,

    /// What to do with a name that has another value already
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Conflict::Fail)]
    on_conflict: Conflict,

    /// What kind of file it is [default: told from the file]
    #[arg(short, long, value_enum)]
    format: Option<Kind>,

    /// The environment in a file of several [default: the one named like `--env`]
    #[arg(long, value_name = "NAME", requires = "env")]
    from_env: Option<String>,

    /// Another name for a value of the file; may be repeated
    #[arg(long, value_name = "OLD=NEW")]
    rename: Vec<Rename>,

    /// Make capitals of the letters in names, and `_` of `-` and `.`
    #[arg(long)]
    uppercase: bool,

    /// The private keys of dotenvx [default: `.env.keys` beside the file]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    keys_file: Option<PathBuf>,

    /// The file with the passphrase of Tako, such as `/dev/fd/3`
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    passphrase_file: Option<PathBuf>,

    /// Do not remove the file
    #[arg(long, conflicts_with = "remove")]
    keep: bool,

    /// Remove a file that is encrypted, too
    #[arg(long)]
    remove: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Conflict {
    Fail,
    Skip,
    Overwrite,
}

/// The kinds of file, as they are typed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Kind {
    Dotenv,
    Json,
    Tako,
    Envless,
    Sops,
    Dotenvx,
    Doppler,
    Infisical,
}

/// What is needed to read a source, whichever it is.
struct Reading<'r> {
    cx: &'r Context,
    workspace: &'r Workspace,
    args: &'r Import,
    names: Names,
}

impl Import {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let cx = &*cx;
        let workspace = &cx.workspace()?;
        self.refuse_other_suffix(cx, workspace)?;
        let names = Names::new(self.rename.clone(), self.uppercase);
        let reading = Reading { cx, workspace, args: &self, names };
        let sources = reading.sources()?;
        reading.used_renames()?;
        // One environment after the other is written, so what would stop a later
        // one must be known before.
        if sources.len() > 1 && self.on_conflict == Conflict::Fail {
            for (environment, source) in &sources {
                source.check(cx, workspace, environment)?;
            }
        }
        let afterwards = match (self.keep, self.remove) {
            (true, _) => Afterwards::Keep,
            (_, true) => Afterwards::Remove,
            _ => Afterwards::Usual,
        };
        let mut reports = Vec::with_capacity(sources.len());
        for (environment, source) in sources {
            reports.push(source.take_over(
                cx,
                workspace,
                &environment,
                self.on_conflict,
                afterwards,
            )?);
        }
        mention_output(cx, &reports);
        if !cx.ui.json {
            return Ok(());
        }
        match reports.as_slice() {
            [report] => cx.ui.print_json(report),
            reports => cx.ui.print_json(&json!({ "environments": reports })),
        }
    }
}

impl Import {
    /// A `.env.production` that would go into another environment is most
    /// likely a mistake, and the file is removed afterwards.
    fn refuse_other_suffix(&self, cx: &Context, workspace: &Workspace) -> Result<(), Failure> {
        if self.env.env.is_some() {
            return Ok(());
        }
        let name = self.file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let suffix = name.strip_prefix(".env.").and_then(|text| EnvironmentName::parse(text).ok());
        let meant = cx.environment(&workspace.project, &self.env)?.value;
        match suffix {
            Some(named) if named != meant && workspace.project.file.entry(&named).is_some() => {
                let message = format!("`{name}` would go into `{meant}`, not into `{named}`");
                let path = quoted(&self.file);
                Err(Failure::new(Code::Usage, message).hint(format!(
                    "Nothing was changed. Say where it goes: `unspoken import {path} -e {named}`."
                )))
            }
            _ => Ok(()),
        }
    }
}

impl Reading<'_> {
    fn sources(&self) -> Result<Vec<(EnvironmentName, Source)>, Failure> {
        let path = &self.args.file;
        if let Some(repository) = envless::Repository::find(path, self.args.format)? {
            return self.envless(&repository);
        }
        self.foreign(path)?;
        let environment = self.environment()?;
        let source = self.read(path, &environment)?;
        Ok(vec![(environment, source)])
    }

    /// Refuses a document of this very project, which `--remove` would lose.
    fn foreign(&self, path: &Path) -> Result<(), Failure> {
        let project = &self.workspace.project;
        let Ok(path) = path.canonicalize() else { return Ok(()) };
        let file = &project.file;
        for environment in file.environments.keys().filter(|name| !file.is_in_vault(name)) {
            if project.document(environment).0.canonicalize().is_ok_and(|own| own == path) {
                let message = format!(
                    "`{}` is the document of `{environment}` in this project",
                    self.workspace.shown(&path)
                );
                return Err(Failure::new(Code::Refused, message).hint(format!(
                    "It is read where it is: `unspoken list -e {environment}`. To seal what another \
                     program wrote, run `unspoken accept -e {environment}`."
                )));
            }
        }
        Ok(())
    }

    /// Refuses flags that would have no effect.
    fn fits(&self, kind: Kind) -> Result<(), Failure> {
        let args = self.args;
        let flags = [
            ("--from-env", args.from_env.is_some(), &[Kind::Tako, Kind::Envless][..]),
            ("--passphrase-file", args.passphrase_file.is_some(), &[Kind::Tako]),
            ("--keys-file", args.keys_file.is_some(), &[Kind::Dotenvx]),
        ];
        match flags.into_iter().find(|(_, given, kinds)| *given && !kinds.contains(&kind)) {
            Some((flag, _, _)) => {
                let message = format!("`{flag}` has no meaning for a file of this kind");
                Err(Failure::new(Code::Usage, message)
                    .hint("Say what kind it is with `--format`, or leave the flag out."))
            }
            None => Ok(()),
        }
    }

    /// Where one file's values go.
    fn environment(&self) -> Result<EnvironmentName, Failure> {
        Ok(self.cx.environment(&self.workspace.project, &self.args.env)?.value)
    }

    fn used_renames(&self) -> Result<(), Failure> {
        let unused: Vec<String> = self.names.unused().map(|name| format!("`{name}`")).collect();
        if unused.is_empty() {
            return Ok(());
        }
        let message = format!("`--rename`: the file has no {}", unused.join(", "));
        Err(Failure::new(Code::Usage, message)
            .hint("Nothing was imported. Names stand as in the file."))
    }
}

/// Says what output will not show from now on, when something is new.
pub(crate) fn mention_output(cx: &Context, reports: &[Value]) {
    let entries = reports.iter().filter_map(|report| report["entries"].as_array()).flatten();
    if !cx.ui.json && entries.into_iter().any(is_added) {
        cx.ui.note(
            "`unspoken run` leaves these values out of piped output; settings that hide nothing can \
             be named in `visible`, at the top of `unspoken.toml`",
        );
    }
}

/// A path as it is called in messages.
fn called(path: Option<&Path>) -> String {
    path.map_or("standard input".to_owned(), |path| path.display().to_string())
}

//! `unspoken key`: an environment's own key, carried from machine to machine.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use unspoken_model::EnvironmentName;
use unspoken_seal::{BundleError, KeyBundle, PassphraseError, ReadBundle};
use unspoken_store::{StoreError, Written, read_limited};
use zeroize::Zeroizing;

use crate::agent_runtime::Guarded;
use crate::commands::env::refuse_home_inside;
use crate::commands::key_move::KeyMove;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::input::read_stdin;
use crate::prompt;

/// Carry an environment's key to another machine, or into the keychain
///
/// Whoever has an environment's key can read and change it, as long as the key
/// is not rotated. To give one person access that can be taken away again, use
/// `unspoken recipients add` instead.
#[derive(Debug, clap::Subcommand)]
#[command(
    visible_alias = "keys",
    after_help = "Examples:\n  unspoken key export -e production --passphrase\n  unspoken key import"
)]
pub(crate) enum Key {
    /// Print an environment's key as one line, the key bundle
    #[command(
        after_help = "Examples:\n  unspoken key export -e production --passphrase\n  unspoken key export -e production --yes | gh secret set UNSPOKEN_KEY"
    )]
    Export(Export),
    /// Take over a key bundle, from standard input or a masked prompt
    #[command(
        after_help = "Examples:\n  unspoken key import\n  unspoken key import -e production < bundle.txt"
    )]
    Import(Import),
    Move(KeyMove),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    #[command(flatten)]
    env: EnvFlag,

    /// Protect the bundle with a passphrase, which is asked for
    #[arg(long)]
    passphrase: bool,

    /// Protect the bundle with the passphrase in the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase")]
    passphrase_file: Option<PathBuf>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The environment that the key must be for [default: the one that the bundle names]
    #[command(flatten)]
    env: EnvFlag,

    /// The passphrase is in the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Key {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Export(command) => command.run(cx),
            Self::Import(command) => command.run(cx),
            Self::Move(command) => command.run(cx),
        }
    }
}

impl Export {
    fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        Guarded::KeyExport.refuse_agents(cx, &workspace, &environment)?;
        let bundle = bundle(cx, &workspace, &environment)?;
        let question = format!(
            "print the key of `{environment}`? Whoever sees it can read and change everything in it"
        );
        prompt::confirm_by_typing(&cx.ui, &question, environment.as_str(), self.yes)?;
        let passphrase = match &self.passphrase_file {
            Some(path) => Some(read_passphrase(path)?),
            None if self.passphrase => Some(prompt::new_passphrase(&cx.ui)?),
            None => None,
        };
        let line = match passphrase {
            Some(passphrase) => bundle.print_sealed(&passphrase).map_err(passphrase_failure)?,
            None => bundle.print(),
        };
        if cx.ui.json {
            let object = json!({
                "project": bundle.place.project.as_str(),
                "environment": environment.as_str(),
                "key_id": bundle.key_id().as_str(),
                "bundle": line.as_str(),
            });
            return cx.ui.print_json(&object);
        }
        let mut line = line;
        line.push('\n');
        cx.ui.write_value(line.as_bytes())?;
        cx.ui.note("On the other machine: `unspoken key import`, and paste the line.");
        Ok(())
    }
}

impl Import {
    fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let workspace = cx.workspace()?;
        let wanted = match &self.env.env {
            Some(_) => Some(cx.environment(&workspace.project, &self.env)?.value),
            None => None,
        };
        refuse_home_inside(&workspace.project.root, &workspace.home)?;
        let bundle = self.read(cx)?;
        let environment = bundle.place.environment.clone();
        check_place(&workspace, &bundle, wanted.as_ref())?;
        let proven = prove(cx, &workspace, &bundle)?;
        let id = bundle.key_id().clone();
        let text = bundle.identity.print_file(Some(&bundle.place), cx.now());
        let keys = workspace.home.keys();
        // The same key may be here with other words around it.
        let there = keys.read(&id)?.is_some();
        let written =
            if there { Written::Unchanged } else { keys.write_new(&id, text.as_bytes())? };
        let stored = written == Written::New;
        let words = if stored { "stored" } else { "there already" };
        let proof = if proven {
            format!("it opens the document of {environment}")
        } else {
            format!("{environment} has no document yet to try it on")
        };
        cx.ui.report(
            &json!({
                "environment": environment.as_str(),
                "key_id": id.as_str(),
                "stored": stored,
                "proven": proven,
            }),
            &format!("the key {id} is {words}; {proof}"),
        )
    }

    fn read(&self, cx: &Context) -> Result<KeyBundle, Failure> {
        let text = if cx.ui.stdin_is_terminal() {
            if !cx.ui.is_interactive() {
                return Err(Failure::new(Code::Refused, "nobody is there to paste a key bundle")
                    .hint("Pipe it in: `unspoken key import < FILE`."));
            }
            prompt::secret("Key bundle (not shown): ")?
        } else {
            read_stdin(LIMIT)?
        };
        let text = std::str::from_utf8(&text).map_err(|_| bundle_failure(BundleError::Form))?;
        match KeyBundle::parse(text).map_err(bundle_failure)? {
            ReadBundle::Open(bundle) => Ok(bundle),
            ReadBundle::Sealed(sealed) => {
                let passphrase = match &self.passphrase_file {
                    Some(path) => read_passphrase(path)?,
                    None => prompt::passphrase(&cx.ui)?,
                };
                sealed.open(&passphrase).map_err(bundle_failure)
            }
        }
    }
}

/// The bundle of an environment's key, which must be in the key folder.
fn bundle(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
) -> Result<KeyBundle, Failure> {
    let store = cx.store(workspace);
    let bytes = store.read(environment)?;
    let verified = store.verify(environment, &bytes)?;
    let id = match verified.document().block() {
        Some(block) => block.key_id.clone(),
        None => {
            let (path, _) = workspace.project.document(environment);
            return Err(StoreError::Unsealed { environment: environment.clone(), path }.into());
        }
    };
    let absent = || {
        Failure::new(
            Code::NoKey,
            format!("the key of `{environment}`, {id}, is not on this machine"),
        )
        .hint(format!(
            "To give somebody access, run `unspoken recipients add NAME PUBLIC-KEY -e \
                 {environment}`; that needs no environment key."
        ))
    };
    let text = workspace.home.keys().read(&id)?.ok_or_else(absent)?;
    let identities = unspoken_seal::Identity::parse_file(&text).map_err(|error| {
        let path = workspace.home.keys().path_of(&id);
        Failure::new(Code::NoKey, format!("`{}`: {error}", path.display()))
    })?;
    let place = workspace.project.place(environment);
    let bundles = identities.into_iter().filter_map(|key| KeyBundle::new(place.clone(), key));
    bundles.into_iter().find(|bundle| *bundle.key_id() == id).ok_or_else(absent)
}

/// A bundle must be for this project, and for the environment that was named.
fn check_place(
    workspace: &Workspace,
    bundle: &KeyBundle,
    wanted: Option<&EnvironmentName>,
) -> Result<(), Failure> {
    let project = &workspace.project.file;
    let place = &bundle.place;
    if place.project != project.project {
        let message = format!(
            "this is a key of the project `{}`, not of `{}`",
            place.project, project.project
        );
        return Err(Failure::new(Code::Refused, message)
            .hint("Nothing was stored. Run it in that project's folder."));
    }
    if let Some(wanted) = wanted.filter(|wanted| **wanted != place.environment) {
        let message = format!("this is the key of `{}`, not of `{wanted}`", place.environment);
        return Err(Failure::new(Code::Refused, message).hint("Nothing was stored."));
    }
    if project.entry(&place.environment).is_none() {
        let message = format!("this project has no environment `{}`", place.environment);
        return Err(Failure::new(Code::Missing, message)
            .hint("Nothing was stored. Run `git pull` if somebody has just added it."));
    }
    Ok(())
}

/// Whether the key opens the document that is there. One that does not is
/// refused.
fn prove(cx: &Context, workspace: &Workspace, bundle: &KeyBundle) -> Result<bool, Failure> {
    let environment = &bundle.place.environment;
    let store = cx.store(workspace);
    let bytes = match store.read(environment) {
        Ok(bytes) => bytes,
        Err(StoreError::NoDocument { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let verified = store.verify(environment, &bytes)?;
    if verified.unlock().offer(&bundle.identity).is_some() {
        return Ok(true);
    }
    let message = format!("this key does not open the document of `{environment}`");
    Err(Failure::new(Code::NoKey, message).hint(
        "Nothing was stored. It may be an older key, from before a rotation: ask for a new bundle.",
    ))
}

/// Reads a passphrase: the first line of a file.
pub(crate) fn read_passphrase(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(if path.starts_with("/dev/fd") || path.starts_with("/proc") {
        let mut bytes = Vec::with_capacity(LIMIT);
        let opened = std::fs::File::open(path);
        let read = opened.and_then(|file| file.take(LIMIT as u64).read_to_end(&mut bytes));
        read.map_err(|error| {
            Failure::new(Code::Other, format!("cannot read `{}`: {error}", path.display()))
        })?;
        bytes
    } else {
        read_limited(path, LIMIT as u64)?
    });
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok("") => Err(Failure::new(Code::Refused, "the passphrase is empty")),
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Failure::new(Code::Other, "the passphrase is not UTF-8 text")),
    }
}

/// How much of a passphrase file, or of a pasted bundle, is read.
const LIMIT: usize = 64 * 1024;

pub(crate) fn passphrase_failure(error: PassphraseError) -> Failure {
    Failure::because(Code::Other, &error)
}

fn bundle_failure(error: BundleError) -> Failure {
    let failure = match error {
        BundleError::Passphrase(_) => Failure::because(Code::NoKey, &error),
        _ => Failure::because(Code::Other, &error),
    };
    match error {
        BundleError::Form | BundleError::Checksum => {
            failure.hint("Nothing was stored. Copy the whole line, from `unspoken-` to its end.")
        }
        BundleError::Newer => failure.hint("Nothing was stored. Upgrade, then import it again."),
        BundleError::Content | BundleError::OtherKey | BundleError::Passphrase(_) => {
            failure.hint("Nothing was stored.")
        }
    }
}

//! `unspoken set NAME`: takes one value, from standard input or a person.

mod in_vault;

use clap_complete::ArgValueCandidates;
use serde_json::json;
use unspoken_model::{EnvironmentName, Expiry, RecipientName, SecretName};
use unspoken_seal::{Change, Secret};
use unspoken_store::{Leave, StoreError};
use zeroize::Zeroizing;

use crate::commands::identity;
use crate::complete;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::findable;
use crate::flags::EnvFlag;
use crate::git;
use crate::input::read_stdin;
use crate::prompt;

/// Set a secret
///
/// The value is read from standard input, or asked for, unseen, on a terminal;
/// a value of several lines can be pasted. One newline at its end is removed.
/// It is never an argument: arguments are seen by every process of the machine
/// and kept in the shell's history.
///
/// On a machine that cannot open the document, the value is left for those who
/// can, sealed, in `secrets/ENV.inbox/`: commit that file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken set DATABASE_URL\n  unspoken set TLS_KEY -e production < key.pem\n  pass stripe | unspoken set STRIPE_KEY --expires 'in 90 days'\n  unspoken set STRIPE_KEY --keep --expires 2027-01-31\n  unspoken set SESSION_SECRET --generate"
)]
pub(crate) struct Set {
    /// The secret's name; asked for when it is left out
    #[arg(add = ArgValueCandidates::new(complete::names))]
    name: Option<SecretName>,

    /// What a value typed as an argument ends in, to be refused
    #[arg(hide = true, allow_hyphen_values = true, trailing_var_arg = true)]
    value: Vec<std::ffi::OsString>,

    #[command(flatten)]
    env: EnvFlag,

    /// Make a random value of N bytes, as base64url, without showing it
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true,
          default_missing_value = "32", value_parser = clap::value_parser!(u16).range(8..=4096))]
    generate: Option<u16>,

    /// When the value must be replaced: `2027-01-31`, `in 90 days` or `never`
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,

    /// Keep the value, change only when it expires
    #[arg(long, requires = "expires", conflicts_with = "generate")]
    keep: bool,

    /// Allow an empty value
    #[arg(long)]
    empty: bool,

    /// Replace an existing value without asking
    #[arg(short, long)]
    yes: bool,
}

/// What is known of a document before a value is asked for.
struct Before {
    /// Whether the name is there already.
    exists: bool,
    /// Whether a key on this machine opens it.
    opens: bool,
}

/// What `--expires` says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lifetime {
    AsItIs,
    /// Until a date, or for ever.
    Until(Option<Expiry>),
}

impl Set {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        if !self.value.is_empty() {
            return Err(Failure::new(Code::Usage, "a value is never given as an argument").hint(
                "Other processes and the shell's history see arguments. Pipe the value in: \
                       `unspoken set NAME < file`, or run `unspoken set NAME` and paste it.",
            ));
        }
        let lifetime = Lifetime::parse(cx, self.expires.as_deref())?;
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => ask_name(cx)?,
        };
        if let Some(vault) = cx.vault_of(&workspace, &environment)? {
            return self.run_in_vault(cx, &vault, &environment, &name, lifetime);
        }
        cx.fold(&workspace, &environment);
        let Before { exists, opens } = self.check(cx, &workspace, &environment, &name)?;
        cx.warn_unless_sealed(&workspace, &environment);
        if !opens {
            let secret = self.value(cx, &name, &environment, exists)?;
            return leave(cx, &workspace, &environment, (name, secret, lifetime));
        }
        let secret = if self.keep {
            if !exists {
                return Err(absent(&name, &environment));
            }
            None
        } else {
            Some(self.value(cx, &name, &environment, exists)?)
        };

        let store = cx.store(&workspace);
        let edited = store.edit(&environment, cx.now(), |document| {
            let change = match &secret {
                None => Change::Unchanged,
                Some(secret) => document.set(&name, secret).map_err(|error| {
                    let (path, _) = workspace.project.document(&environment);
                    StoreError::Set { path, error }
                })?,
            };
            if let Lifetime::Until(expiry) = lifetime {
                if document.block().is_none() {
                    return Err(unsealed(&environment));
                }
                document.expire(&name, expiry);
            }
            Ok(change)
        })?;
        let word = match edited.outcome {
            Change::Added => "added",
            Change::Replaced => "replaced",
            Change::Unchanged if edited.written => "expiry changed",
            Change::Unchanged => "unchanged",
        };
        cx.ui.report(
            &json!({
                "name": name.as_str(),
                "environment": environment.as_str(),
                "change": word,
                "revision": edited.revision,
            }),
            &format!("{name} {word} in {environment}"),
        )
    }

    /// Everything that can be known before a value is asked for: is the document
    /// whole, and is the name there already? No lock is held over a prompt.
    fn check(
        &self,
        cx: &Context,
        workspace: &Workspace,
        environment: &EnvironmentName,
        name: &SecretName,
    ) -> Result<Before, Failure> {
        let store = cx.store(workspace);
        let bytes = store.read(environment)?;
        let verified = store.verify(environment, &bytes)?;
        let exists = verified.document().names().any(|found| found == name.as_str());
        self.confirm(cx, environment, name, exists)?;
        match store.unlock(environment, &verified) {
            Ok(_) => Ok(Before { exists, opens: true }),
            // What a document without a seal says of its readers proves nothing.
            // A key that is there and must not be used is for its owner to mend.
            Err(StoreError::NoKey(no_key))
                if no_key.refused.is_empty()
                    && !self.keep
                    && verified.document().block().is_some() =>
            {
                Ok(Before { exists, opens: false })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks before a value is replaced.
    fn confirm(
        &self,
        cx: &Context,
        environment: &EnvironmentName,
        name: &SecretName,
        exists: bool,
    ) -> Result<(), Failure> {
        // Piped input is an answer in itself; a generated value is none.
        if exists && !self.keep && (cx.ui.is_interactive() || self.generate.is_some()) {
            let question = format!("replace `{name}` in `{environment}`?");
            prompt::confirm(&cx.ui, &question, self.yes)?;
        }
        Ok(())
    }

    fn value(
        &self,
        cx: &Context,
        name: &SecretName,
        environment: &EnvironmentName,
        exists: bool,
    ) -> Result<Secret, Failure> {
        if let Some(bytes) = self.generate {
            return Ok(Secret::random(bytes.into()));
        }
        let mut bytes = if cx.ui.stdin_is_terminal() {
            if !cx.ui.is_interactive() {
                return Err(Failure::new(Code::Refused, "nobody is there to type a value")
                    .hint(format!("Pipe it in: `unspoken set {name} < file`.")));
            }
            let verb = if exists { "New value" } else { "Value" };
            prompt::secret(&format!("{verb} of {name} in {environment} (not shown): "))?
        } else {
            // Room for one byte and a newline more than a value may have, so that
            // a value that is too long is seen.
            read_stdin(Secret::MAX + 2)?
        };
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        if cx.ui.is_interactive() && has_blank_ends(&bytes) {
            let question = "The value has blanks at its start or end. Remove them?";
            if prompt::ask(&cx.ui, question, false)? {
                bytes = Zeroizing::new(bytes.trim_ascii().to_vec());
            }
        }
        // Most often a command before the pipe that failed.
        if bytes.is_empty() && !self.empty {
            return Err(Failure::new(Code::Refused, format!("no value for `{name}` was given"))
                .hint("Nothing was changed. Add `--empty` if the value is to be empty."));
        }
        let secret = Secret::new(std::mem::take(&mut *bytes))
            .map_err(|error| Failure::new(Code::Other, format!("`{name}`: {error}")))?;
        // A piped value is kept as it is; blanks are most often a mistake.
        if !cx.ui.is_interactive() && has_blank_ends(secret.expose().as_bytes()) {
            let text =
                format!("the value of `{name}` has blanks at its start or end; they are kept");
            cx.ui.warn(&text);
        }
        if let Some(text) = findable::warning(name, &secret) {
            cx.ui.warn(&text);
        }
        Ok(secret)
    }
}

/// Leaves a value for those who can open the document.
fn leave(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
    (name, secret, lifetime): (SecretName, Secret, Lifetime),
) -> Result<(), Failure> {
    let expiry = match lifetime {
        Lifetime::AsItIs => None,
        Lifetime::Until(expiry) => Some(expiry),
    };
    let author = author(workspace);
    let leaving = Leave { name: name.clone(), author, expiry, secret };
    let path = cx.store(workspace).leave(environment, leaving, cx.now())?;
    let path = workspace.shown(&path).to_string();
    cx.ui.report(
        &json!({
            "name": name.as_str(),
            "environment": environment.as_str(),
            "change": "left",
            "file": path,
        }),
        &format!(
            "no key on this machine opens {environment}; {name} was left for those who can, in \
             `{path}`: commit it"
        ),
    )
}

/// What somebody who leaves a value is called: by the project file, else by git.
fn author(workspace: &Workspace) -> RecipientName {
    let public = identity::read(&workspace.home).ok().flatten();
    let listed = public.and_then(|key| workspace.project.file.name_of(&key).cloned());
    let by_git = || RecipientName::parse(&git::author(&workspace.project.root)?).ok();
    match listed.or_else(by_git).map_or_else(|| RecipientName::parse("unknown"), Ok) {
        Ok(name) => name,
        // The word above is a name.
        Err(_) => unreachable!(),
    }
}

impl Lifetime {
    pub(crate) fn parse(cx: &Context, text: Option<&str>) -> Result<Self, Failure> {
        let Some(text) = text else { return Ok(Self::AsItIs) };
        Expiry::parse_when(text, cx.today()).map(Self::Until).map_err(|error| {
            Failure::new(Code::Usage, format!("`--expires`: {error}"))
                .hint("For example: `--expires 2027-01-31`.")
        })
    }
}

fn absent(name: &SecretName, environment: &EnvironmentName) -> Failure {
    Failure::new(Code::Missing, format!("no secret `{name}` in `{environment}` itself"))
        .hint(format!("Run `unspoken set {name} -e {environment}` without `--keep` to add it."))
}

pub(crate) fn unsealed(environment: &EnvironmentName) -> Failure {
    let message =
        format!("the document of `{environment}` has no seal, so it has no place for expiries");
    Failure::new(Code::Other, message).hint(format!(
        "Nothing was changed. Review it, then run `unspoken accept -e {environment}`."
    ))
}

fn ask_name(cx: &Context) -> Result<SecretName, Failure> {
    if !cx.ui.is_interactive() {
        return Err(
            Failure::new(Code::Usage, "which secret?").hint("Give its name: `unspoken set NAME`.")
        );
    }
    let typed = prompt::line("Name, such as DATABASE_URL: ")?;
    SecretName::parse(typed.trim()).map_err(|error| Failure::new(Code::Usage, error.to_string()))
}

fn has_blank_ends(bytes: &[u8]) -> bool {
    bytes.trim_ascii().len() != bytes.len()
}

//! A new value for one secret, by its rotation hook.
//!
//! Rules:
//! - Everything that could stand in the way is tried before the hook starts:
//!   trust, key, lock, folder, a safe place for the new value.
//! - No lock on the document is held while the hook runs.
//! - The new value is in the safe place before the document is touched, and
//!   leaves it when the document has it.

use std::time::Duration;

use serde_json::json;
use unspoken_deliver::hook::Hook;
use unspoken_model::{EnvironmentName, SecretName, nearest};
use unspoken_seal::Secret;
use unspoken_store::{
    Distrust, Edited, HookProgram, Prepared, RealRoot, Rescue, StoreError, TrustedHook,
};

use crate::commands::env::refuse_home_inside;
use crate::commands::set::{Lifetime, unsealed};
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, command_line};
use crate::prompt;

/// Which value is rotated, and how.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) name: SecretName,
    /// How long the hook may take.
    pub(crate) limit: Duration,
    /// When the new value expires.
    pub(crate) lifetime: Lifetime,
    /// Whether an earlier rotation's value is stored, and no hook started.
    pub(crate) rescued: bool,
    pub(crate) yes: bool,
}

/// Runs the hook of a secret and stores what it prints.
pub(crate) fn rotate_value(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
    request: &Request,
) -> Result<(), Failure> {
    let name = &request.name;
    refuse_home_inside(&workspace.project.root, &workspace.home)?;
    if request.rescued {
        let (rescue, secret) = cx.store(workspace).reopen(environment, name)?;
        let edited = put(cx, workspace, environment, request, &secret);
        let edited = edited.map_err(|failure| waiting(failure, environment, name, &rescue))?;
        rescue.release();
        return report(cx, environment, name, &edited);
    }
    let command = command(workspace, name)?;
    let root = RealRoot::find(&workspace.project.root)?;
    judge(workspace, &root, name, command)?;
    let seen = prepare(cx, workspace, environment, request)?;
    let verb = if seen.old.is_some() { "replace" } else { "add" };
    let question =
        format!("run `{}` to {verb} `{name}` in `{environment}`?", command_line(command));
    prompt::confirm(&cx.ui, &question, request.yes)?;

    let (mut rescue, place) = cx.store(workspace).reserve(environment, name, &seen)?;
    // A question takes its time, so all is looked at again, now that nobody else
    // can rotate the value.
    let prepared = cx.store(workspace).prepare_again(environment, name, seen)?;
    let program = judge(workspace, &root, name, command)?;
    let hook = Hook {
        program: &program.path,
        arguments: command.get(1..).unwrap_or_default(),
        root: root.path(),
        place: &workspace.project.place(environment),
        name,
        limit: request.limit,
    };
    cx.ui.detail(format_args!("starting `{}`", program.path.display()));
    let answer = hook
        .rotate(prepared.old.as_ref(), std::env::vars_os())
        .map_err(|error| Failure::of_hook(&error, environment, name))?;
    let kept = rescue.keep(place, name, &answer.secret, cx.now());
    let edited = put(cx, workspace, environment, request, &answer.secret);
    let edited = edited.map_err(|failure| match kept {
        Ok(()) => waiting(failure, environment, name, &rescue),
        Err(_) => lost(&failure, environment, name),
    })?;
    rescue.release();
    if matches!(request.lifetime, Lifetime::AsItIs)
        && let Some(expiry) = prepared.expiry
    {
        cx.ui.warn(&format!(
            "`{name}` still expires on {expiry}; say when the new value does with `unspoken set \
             {name} -e {environment} --keep --expires WHEN`"
        ));
    }
    report(cx, environment, name, &edited)
    // Only now may an interrupt that came meanwhile end us: `answer` is dropped.
}

/// The hook that the project file names.
fn command<'w>(workspace: &'w Workspace, name: &SecretName) -> Result<&'w [String], Failure> {
    let hooks = &workspace.project.file.rotation;
    if let Some(command) = hooks.get(name) {
        return Ok(command);
    }
    let message = format!("no rotation hook for `{name}` in `unspoken.toml`");
    let failure = Failure::new(Code::Missing, message);
    Err(match nearest(name.as_str(), hooks.keys().map(SecretName::as_str)) {
        Some(nearest) => failure.hint(format!("Did you mean `{nearest}`?")),
        None => failure.hint(format!(
            "Add `{name} = [\"scripts/PROGRAM\"]` to `[rotation]` there, then run `unspoken trust`."
        )),
    })
}

/// Demands that a hook is, as it lies there now, the one that was agreed to.
fn judge(
    workspace: &Workspace,
    root: &RealRoot,
    name: &SecretName,
    command: &[String],
) -> Result<HookProgram, Failure> {
    let below = command.first().map_or("", String::as_str);
    let program = HookProgram::read(root, below)?;
    let now = TrustedHook { command: command.to_vec(), checksum: program.checksum };
    let trust = workspace.home.trust().read(root)?;
    let judged = trust.map_or(Err(Distrust::Never), |trust| trust.judge(name, &now));
    let Err(distrust) = judged else { return Ok(program) };
    let message = match distrust {
        Distrust::Never => format!("the hook of `{name}` is not trusted on this machine"),
        Distrust::Changed { command: was, checksum } => {
            let mut message = format!("the hook of `{name}` is not the one that was trusted");
            if let Some(was) = was {
                let (was, now) = (command_line(&was), command_line(command));
                message.push_str(&format!("\n  its command was `{was}`, and is `{now}`"));
            }
            if let Some(was) = checksum {
                message.push_str(&format!(
                    "\n  `{below}` had the SHA-256 {was}, and has {}",
                    now.checksum
                ));
            }
            message
        }
    };
    Err(Failure::new(Code::Refused, message)
        .hint("Nothing was started. Read it, then run `unspoken trust`."))
}

fn prepare(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
    request: &Request,
) -> Result<Prepared, Failure> {
    let prepared = cx.store(workspace).prepare(environment, &request.name)?;
    cx.warn_unless_sealed(workspace, environment);
    if !prepared.is_sealed && matches!(request.lifetime, Lifetime::Until(_)) {
        return Err(unsealed(environment));
    }
    Ok(prepared)
}

/// Puts the new value into the document.
fn put(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
    request: &Request,
    secret: &Secret,
) -> Result<Edited<()>, Failure> {
    let name = &request.name;
    cx.store(workspace).edit(environment, cx.now(), |document| {
        document.set(name, secret).map_err(|error| {
            let (path, _) = workspace.project.document(environment);
            StoreError::Set { path, error }
        })?;
        if let Lifetime::Until(expiry) = request.lifetime {
            document.expire(name, expiry);
        }
        Ok(())
    })
}

fn report(
    cx: &Context,
    environment: &EnvironmentName,
    name: &SecretName,
    edited: &Edited<()>,
) -> Result<(), Failure> {
    cx.ui.report(
        &json!({
            "name": name.as_str(),
            "environment": environment.as_str(),
            "change": "rotated",
            "revision": edited.revision,
        }),
        &format!("rotated {name} in {environment}"),
    )
}

/// The provider has a new value, and the safe place has it too.
fn waiting(
    failure: Failure,
    environment: &EnvironmentName,
    name: &SecretName,
    rescue: &Rescue,
) -> Failure {
    let message = format!(
        "`{name}` has a new value that is not in `{environment}` yet: {}\n  it waits, sealed, in \
         `{}`",
        failure.message,
        rescue.path().display()
    );
    let then = format!("Then run `unspoken rotate {name} -e {environment} --rescued` to store it.");
    let hint = match failure.hint {
        Some(hint) => format!("{hint} {then}"),
        None => then,
    };
    Failure::new(failure.code, message).hint(hint)
}

/// The provider has a new value, and nobody else.
fn lost(failure: &Failure, environment: &EnvironmentName, name: &SecretName) -> Failure {
    let message = format!(
        "`{name}` has a new value at its provider, which could be stored nowhere and is lost: {}",
        failure.message
    );
    Failure::new(failure.code, message).hint(format!(
        "Make another one at the provider, and store it with `unspoken set {name} -e {environment}`."
    ))
}

//! The grammar of the command line.

use std::error::Error as _;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use unspoken_model::NameError;
use unspoken_store::Variables;
use unspoken_store::env_vars::NO_COLOR;

use crate::commands::{Command, Run};
use crate::failure::{Code, Failure};
use crate::flags::OutputFlags;
use crate::ui::Ui;

/// Secrets without .env files: encrypted in git, handed to one process
#[derive(Debug, clap::Parser)]
#[command(
    name = "unspoken",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Start here:\n  unspoken init                     make this folder a project\n  unspoken import .env              take over what is in a .env file\n  unspoken run -- npm start         run a command with the secrets"
)]
pub(crate) struct Cli<C: clap::Subcommand = Command> {
    #[command(subcommand)]
    pub(crate) command: C,

    /// The project's folder, instead of searching upwards from here
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) project_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

/// `run` alone. What stands in front of every command does not make the grammar
/// of all the others first.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Quick {
    #[command(visible_alias = "x")]
    Run(Run),
}

/// Reads a command line. `run` is read by its own grammar; whatever is wrong
/// with it is said by the whole one.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    if matches!(subcommand(arguments), Some("run" | "x"))
        && let Ok(cli) = Cli::<Quick>::try_parse_from(arguments)
    {
        let Cli { command: Quick::Run(run), project_dir, output } = cli;
        return Ok(Cli { command: Command::Run(run), project_dir, output });
    }
    Cli::try_parse_from(arguments)
}

/// Says what clap found wrong, by our rules: exit code 2, JSON when asked for,
/// and nothing of what was typed after `set`, which may be a value.
pub(crate) fn refuse(
    error: &clap::Error,
    arguments: &[OsString],
    variables: &Variables,
) -> ExitCode {
    let typed = |word: &str| arguments.iter().any(|argument| argument == word);
    let command = subcommand(arguments);
    let output = OutputFlags { json: typed("--json"), ..OutputFlags::default() };
    let ui = Ui::new(output, variables);
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            let coloured = ui.stdout_is_terminal() && !variables.is_set(NO_COLOR);
            let text = if coloured { text.ansi().to_string() } else { text.to_string() };
            return match ui.print(&text) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => ui.fail(&failure),
            };
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ui.note(error.render().to_string().trim_end());
            return ExitCode::from(Code::Usage.number());
        }
        _ => {}
    }
    if holds_key(arguments) {
        let failure = Failure::new(
            Code::Usage,
            "a private key or a token was typed as an argument",
        )
        .hint(
            "It stands in the shell's history now: make a new one. Pipe it in, or paste it where \
                   you are asked.",
        );
        return ui.fail(&failure);
    }
    if matches!(command, Some("rotate" | "key")) {
        let command = command.unwrap_or_default();
        let message = format!("these arguments of `{command}` are not understood");
        let failure = Failure::new(Code::Usage, message).hint(format!(
            "Run `unspoken {command} --help`. They are not repeated here: one may be a value."
        ));
        return ui.fail(&failure);
    }
    if command == Some("set") {
        // A name that is wrong is said by its rule alone, which shows one
        // character at the most.
        if let Some(rule) = error.source().and_then(|rule| rule.downcast_ref::<NameError>()) {
            return ui.fail(&Failure::new(Code::Usage, format!("no secret name: {rule}")));
        }
        let failure = Failure::new(Code::Usage, "these arguments of `set` are not understood")
            .hint("Run `unspoken set --help`. They are not repeated here: one may be a value.");
        return ui.fail(&failure);
    }
    let text = error.render().to_string();
    let text = text.trim_start_matches("error: ").trim_end();
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let hint = advice(rest).unwrap_or_else(|| match (error.kind(), command) {
        (ErrorKind::InvalidSubcommand, Some(typed)) if nearest_command(typed).is_some() => {
            format!("Did you mean `unspoken {}`?", nearest_command(typed).unwrap_or_default())
        }
        (ErrorKind::InvalidSubcommand, _) | (_, None) => "Run `unspoken --help`.".to_owned(),
        (_, Some(command)) => format!("Run `unspoken {command} --help`."),
    });
    ui.fail(&Failure::new(Code::Usage, message.trim()).hint(hint))
}

/// What clap advises, without the whole usage and without the advice to hand a
/// misspelt flag on to a command.
fn advice(rest: &str) -> Option<String> {
    let tips = rest.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
    let tips: Vec<&str> = tips.filter(|tip| !tip.starts_with("to pass")).collect();
    (!tips.is_empty()).then(|| tips.join("; "))
}

fn nearest_command(typed: &str) -> Option<String> {
    let grammar = <Cli>::command();
    let shown = grammar.get_subcommands().filter(|inner| !inner.is_hide_set());
    let names = shown.map(clap::Command::get_name);
    unspoken_model::nearest(typed, names).map(str::to_owned)
}

/// Whether something that was typed is a private key, or a token of a vault.
fn holds_key(arguments: &[OsString]) -> bool {
    let starts = [
        "unspoken-key-",
        "unspoken-sealed-key-",
        "AGE-SECRET-KEY-",
        "AGE-PLUGIN-",
        "unsp_agent_",
        "unsp_cli_",
        "unsp_admin_",
        "unspa_",
    ];
    let is_key = |text: &str| starts.iter().any(|start| text.contains(start));
    arguments.iter().any(|argument| is_key(&argument.to_string_lossy()))
}

/// The first word that is no global flag.
fn subcommand(arguments: &[OsString]) -> Option<&str> {
    let mut words = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
    loop {
        match words.next()? {
            "--project-dir" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => return Some(word),
        }
    }
}

#[test]
fn a_subcommand_is_found_behind_global_flags() {
    let found = |words: &[&str]| {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        subcommand(&words).map(str::to_owned)
    };
    assert_eq!(found(&["unspoken", "-q", "--project-dir", "set", "get", "set"]).unwrap(), "get");
    assert_eq!(found(&["unspoken", "--project-dir=x", "set", "A"]).unwrap(), "set");
    assert_eq!(found(&["unspoken", "--json"]), None);
}

//! `unspoken export`: the whole set as text, for another program.

use std::fs::OpenOptions;
use std::io::Write as _;

use unspoken_deliver::export::{ExportFormat, print};
use unspoken_seal::SecretSet;
use unspoken_store::env_vars::GITHUB_ENV;

use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;

/// Print all secrets in another program's format
///
/// What cannot be written so that every reader of the format gets the same value
/// is refused with the reason. To a terminal only with `--show`. With `github`,
/// the values are masked in the job's log first, then added to the file that
/// `GITHUB_ENV` names.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eval \"$(unspoken export --format shell)\"\n  unspoken export -e production --format json | jq keys\n  unspoken export --format github        # in a workflow's step"
)]
pub(crate) struct Export {
    #[command(flatten)]
    env: EnvFlag,

    /// dotenv, shell, json, docker or github [default: dotenv, or json with `--json`]
    #[arg(short, long, value_parser = parse_format())]
    format: Option<ExportFormat>,

    /// Print to a terminal, where others may look on
    #[arg(long)]
    show: bool,
}

fn parse_format() -> impl clap::builder::TypedValueParser<Value = ExportFormat> {
    use clap::builder::TypedValueParser as _;
    let names = ExportFormat::ALL.map(ExportFormat::as_str);
    clap::builder::PossibleValuesParser::new(names).try_map(|name| name.parse::<ExportFormat>())
}

impl Export {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        if cx.ui.stdout_is_terminal() && !self.show {
            return Err(Failure::new(Code::Refused, "standard output is a terminal")
                .hint("Pipe it on, or add `--show`."));
        }
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let set = cx.open(&workspace, &environment)?;
        let usual = if cx.ui.json { ExportFormat::Json } else { ExportFormat::Dotenv };
        match self.format.unwrap_or(usual) {
            ExportFormat::Github => to_github(cx, set),
            format => cx.ui.write_value(&print(format, set)?.body),
        }
    }
}

fn to_github(cx: &Context, set: SecretSet) -> Result<(), Failure> {
    let Some(path) = cx.variables.path(GITHUB_ENV) else {
        return Err(Failure::new(
            Code::Usage,
            "`GITHUB_ENV` is not set: this is no step of a GitHub job",
        )
        .hint("Elsewhere use `--format shell` or `--format dotenv`."));
    };
    let count = set.len();
    let exported = print(ExportFormat::Github, set)?;
    // Masked before any later step can print them.
    cx.ui.write_value(&exported.masks)?;
    OpenOptions::new()
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(&exported.body))
        .map_err(|error| {
            Failure::new(Code::Other, format!("cannot append to `{}`: {error}", path.display()))
        })?;
    cx.ui.note(&format!("masked and set for the steps that follow: {count}"));
    Ok(())
}

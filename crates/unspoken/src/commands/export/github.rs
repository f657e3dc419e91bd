//! `unspoken export --format github`: variables for the steps that follow.

use std::fs::OpenOptions;
use std::io::Write as _;

use unspoken_deliver::export::{ExportFormat, print};
use unspoken_seal::SecretSet;
use unspoken_store::env_vars::GITHUB_ENV;

use crate::context::Context;
use crate::failure::{Code, Failure};

pub(super) fn add(cx: &Context, set: SecretSet) -> Result<(), Failure> {
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

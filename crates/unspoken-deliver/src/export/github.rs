//! Variables for the later steps of a GitHub Actions job.
//!
//! Two texts, because two things read them: commands on standard output make
//! the runner hide the values in its logs, and the file that `$GITHUB_ENV`
//! names sets them. The commands must come first.

use unspoken_model::SecretName;
use unspoken_seal::Secret;

use super::Reason;
use unspoken_wire::Page;

/// The delimiter is this, then as many [`FILLER`] as no value has in a row.
const DELIMITER: &str = "UNSPOKEN_";
const FILLER: &str = "X";

/// Masks a value, and each line of it, since logs show them line by line.
pub(super) fn print_masks(secret: &Secret, page: &mut Page) {
    let value = secret.expose();
    mask(value, page);
    if value.contains(['\r', '\n']) {
        value.split(['\r', '\n']).for_each(|line| mask(line, page));
    }
}

fn mask(text: &str, page: &mut Page) {
    // The runner warns of a blank mask, and would hide nothing by it.
    if text.trim().is_empty() {
        return;
    }
    page.push("::add-mask::");
    page.push_escaped(text, |c| match c {
        '%' => Some("%25"),
        '\r' => Some("%0D"),
        '\n' => Some("%0A"),
        _ => None,
    });
    page.push("\n");
}

pub(super) fn print(name: &SecretName, secret: &Secret, page: &mut Page) -> Result<(), Reason> {
    if is_kept(name.as_str()) {
        return Err(Reason::GithubVariable);
    }
    let value = secret.expose();
    // A runner on Windows would take it for a part of the line end.
    if value.contains('\r') {
        return Err(Reason::CarriageReturn);
    }
    let longest = value.split(|c| c != 'X').map(str::len).max().unwrap_or(0);
    let filler = FILLER.repeat(longest + 1);
    for part in
        [name.as_str(), "<<", DELIMITER, &filler, "\n", value, "\n", DELIMITER, &filler, "\n"]
    {
        page.push(part);
    }
    Ok(())
}

fn is_kept(name: &str) -> bool {
    name.starts_with("GITHUB_") || name.starts_with("RUNNER_") || name == "NODE_OPTIONS"
}

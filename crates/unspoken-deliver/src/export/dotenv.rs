//! `NAME=value` lines that three readers understand alike.
//!
//! The readers are npm `dotenv`, `python-dotenv` with its interpolation on, and
//! a POSIX shell that reads the file with `.`. They agree on little:
//!
//! | spelling | a shell changes | npm changes | python-dotenv changes |
//! |---|---|---|---|
//! | bare | nearly everything | `#`, outer blanks | ` #`, outer blanks |
//! | `'…'` | ends at `'` | ends at `'` | `\\`, `\'`, `${…}` |
//! | `"…"` | `$`, `` ` ``, `\` | `\n`, `\r` | `\` and a letter, `${…}` |
//!
//! So plain text is bare, most other text stands between apostrophes, and text
//! with an apostrophe stands between quotation marks if nothing in it means
//! something there. A carriage return has no spelling: npm makes every one in
//! the file a line end, and a shell knows no escape for it.

use unspoken_model::SecretName;
use unspoken_seal::Secret;

use super::{Reason, shell};
use unspoken_wire::Page;

pub(super) fn print(name: &SecretName, secret: &Secret, page: &mut Page) -> Result<(), Reason> {
    if shell::is_kept(name) {
        return Err(Reason::ShellVariable);
    }
    let value = secret.expose();
    let quote = decide(value)?;
    for part in [name.as_str(), "=", quote, value, quote, "\n"] {
        page.push(part);
    }
    Ok(())
}

/// The quote that carries this value through all three readers.
fn decide(value: &str) -> Result<&'static str, Reason> {
    if value.bytes().all(is_plain) {
        return Ok("");
    }
    if value.contains('\r') {
        return Err(Reason::CarriageReturn);
    }
    if value.contains('\'') {
        return decide_with_apostrophe(value);
    }
    if value.contains("\\\\") {
        return Err(Reason::DoubleBackslash);
    }
    if value.ends_with('\\') {
        return Err(Reason::TrailingBackslash);
    }
    if is_interpolated(value) {
        return Err(Reason::Interpolation);
    }
    Ok("'")
}

/// Between quotation marks, `$` is left out altogether: POSIX does not say what
/// a shell makes of one that no name follows.
fn decide_with_apostrophe(value: &str) -> Result<&'static str, Reason> {
    if let Some(with) = value.chars().find(|c| ['"', '$', '`'].contains(c)) {
        return Err(Reason::Apostrophe { with });
    }
    let mut after_backslash = value.split('\\').skip(1).map(|part| part.chars().next());
    if after_backslash.all(|next| next.is_some_and(|c| !is_escape(c))) {
        return Ok("\"");
    }
    Err(Reason::Apostrophe { with: '\\' })
}

/// Means itself without quotes, in any place.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./:@%+,".contains(&byte)
}

/// Whether a backslash before it means something to one of the readers, when
/// it stands between quotation marks.
fn is_escape(c: char) -> bool {
    matches!(c, '\\' | '\'' | '"' | '$' | '`' | '\n' | 'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v')
}

/// Whether python-dotenv sees a `${NAME}` or `${NAME:-default}`, which it
/// replaces between apostrophes too.
fn is_interpolated(value: &str) -> bool {
    value.match_indices("${").any(|(at, open)| {
        let inner = value.get(at + open.len()..).unwrap_or("");
        let end = inner.find(['}', ':']).and_then(|end| inner.get(end..)).unwrap_or("");
        end.starts_with('}') || (end.starts_with(":-") && end.contains('}'))
    })
}

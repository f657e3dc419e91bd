//! `NAME=value` for `docker run --env-file`.
//!
//! Docker reads this file line by line and takes what follows the first `=` as
//! it stands: there are no quotes, no escapes, no comments behind a value. So a
//! value of several lines has no spelling at all. A carriage return at the end
//! of a line is dropped, and a line of 64 KiB ends the reading. The `env_file`
//! of Docker Compose is another format, closer to `dotenv`.

use unspoken_model::SecretName;
use unspoken_seal::Secret;

use super::Reason;
use unspoken_wire::Page;

/// The longest line, with its end, that fits the buffer of Go's line scanner.
const LONGEST: usize = 64 * 1024 - 1;

pub(super) fn print(name: &SecretName, secret: &Secret, page: &mut Page) -> Result<(), Reason> {
    let value = secret.expose();
    if value.contains('\n') {
        return Err(Reason::LineEnd);
    }
    if value.contains('\r') {
        return Err(Reason::CarriageReturn);
    }
    let found = name.as_str().len() + "=".len() + value.len() + "\n".len();
    if found > LONGEST {
        return Err(Reason::LineTooLong { found });
    }
    for part in [name.as_str(), "=", value, "\n"] {
        page.push(part);
    }
    Ok(())
}

//! How well a value can be told from other text, in words.

use unspoken_model::SecretName;
use unspoken_seal::{Secret, Strength};

/// What redaction and scans do not see of a value; `None` when they see it
/// anywhere.
pub(crate) fn warning(name: &SecretName, secret: &Secret) -> Option<String> {
    if secret.expose().is_empty() {
        return None;
    }
    let why = match Strength::of(secret) {
        Strength::Strong => return None,
        Strength::Short => {
            "short or simple: output redaction and scans find it only as a whole word"
        }
        Strength::Plain => "so short or common that output redaction and scans never find it",
    };
    Some(format!("the value of `{name}` is {why}"))
}

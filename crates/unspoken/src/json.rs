//! JSON spellings of the model's types, for `--json`.

use jiff::civil::Date;
use serde_json::{Value, json};
use unspoken_model::{Expiry, ExpiryState};

/// An expiry and how it stands today.
pub(crate) fn expiry(expiry: Option<Expiry>, today: Date) -> Value {
    match expiry {
        None => Value::Null,
        Some(date) => json!({
            "date": date.to_string(),
            "state": match date.state(today) {
                ExpiryState::Expired { .. } => "expired",
                ExpiryState::Soon { .. } => "soon",
                ExpiryState::Later { .. } => "later",
            },
        }),
    }
}

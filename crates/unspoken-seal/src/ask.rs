//! Questions that a key raises: a passphrase, a PIN, a touch.
//!
//! Whoever can answer is an argument. Where nobody is there, every answer is
//! `None`, and the key does not open anything; nothing waits.

use std::fmt;
use std::sync::Arc;

use age::secrecy::SecretString;
use unspoken_model::shown;
use zeroize::Zeroizing;

/// The longest message of another program that is passed on, in characters.
const MESSAGE_MAX: usize = 1000;

/// Somebody who may be asked. `None` is the answer where nobody is.
pub trait Ask: fmt::Debug + Send + Sync {
    /// Passes a message on, such as that a key waits to be touched.
    fn say(&self, message: &str);

    /// Asks for one of two; `yes` and `no` are how the asker names them.
    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool>;

    /// Asks for a text that may be seen.
    fn text(&self, question: &str) -> Option<String>;

    /// Asks for a passphrase or PIN, which must not be seen.
    fn secret(&self, question: &str) -> Option<Zeroizing<String>>;
}

/// Nobody, who answers nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Ask for Nobody {
    fn say(&self, _: &str) {}

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn text(&self, _: &str) -> Option<String> {
        None
    }

    fn secret(&self, _: &str) -> Option<Zeroizing<String>> {
        None
    }
}

/// What the age crate asks, handed on with what is foreign in it made harmless.
#[derive(Clone)]
pub(crate) struct Callbacks(pub(crate) Arc<dyn Ask>);

impl Callbacks {
    pub(crate) fn new(ask: Option<&Arc<dyn Ask>>) -> Self {
        Self(ask.cloned().unwrap_or_else(|| Arc::new(Nobody)))
    }

    pub(crate) fn say(&self, message: &str) {
        self.0.say(&foreign(message));
    }
}

impl age::Callbacks for Callbacks {
    fn display_message(&self, message: &str) {
        self.say(message);
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        self.0.confirm(&foreign(message), &foreign(yes), no.map(foreign).as_deref())
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.0.text(&foreign(description))
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        let answer = self.0.secret(&foreign(description))?;
        Some(SecretString::from(answer.to_string()))
    }
}

fn foreign(text: &str) -> String {
    shown(&text.chars().take(MESSAGE_MAX).collect::<String>())
}

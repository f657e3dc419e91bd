//! Questions that a key raises, put to the person at the terminal.
//!
//! Rules:
//! - Where nobody is there, nothing is asked and nothing is said: the key does
//!   not open anything, and the error that follows tells of it.
//! - An answer that does not come is none; only the key is given up.

use unspoken_seal::Ask;
use zeroize::Zeroizing;

use crate::prompt;
use crate::ui::Ui;

/// The person at the terminal, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Terminal(Ui);

impl Terminal {
    pub(crate) fn new(ui: &Ui) -> Self {
        Self(ui.clone())
    }

    /// Nobody is asked where nobody is there.
    fn if_there<T>(&self, answer: impl FnOnce() -> Option<T>) -> Option<T> {
        if self.0.is_interactive() { answer() } else { None }
    }
}

impl Ask for Terminal {
    fn say(&self, message: &str) {
        // Even where all else is to be quiet: a key that waits to be touched
        // would wait for ever.
        self.if_there(|| {
            self.0.lay_out(message);
            Some(())
        });
    }

    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let choices = format!("{yes} or {}", no.unwrap_or("not"));
        self.if_there(|| prompt::ask(&self.0, &format!("{question} ({choices}?)"), false).ok())
    }

    fn text(&self, question: &str) -> Option<String> {
        self.if_there(|| prompt::line(&format!("{question}: ")).ok())
    }

    fn secret(&self, question: &str) -> Option<Zeroizing<String>> {
        let mut bytes = self.if_there(|| prompt::secret(&format!("{question}: ")).ok())?;
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Some(Zeroizing::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                None
            }
        }
    }
}

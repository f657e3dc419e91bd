//! A page that is opened in the user's browser.
//!
//! It is started by the desktop's own opener, which gets the address and nothing of ours.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use crate::child::is_withheld;

/// The desktop's opener.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Opens a page, with these variables; `false` when no opener could be started. Whether a page is
/// shown, nobody tells.
pub fn open_page(address: &str, variables: impl IntoIterator<Item = (OsString, OsString)>) -> bool {
    let kept = variables.into_iter().filter(|(variable, _)| !is_withheld(variable));
    Command::new(OPENER)
        .arg(address)
        .env_clear()
        .envs(kept)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}

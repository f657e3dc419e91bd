//! Questions to a person at a terminal.
//!
//! Rules:
//! - A question that cannot be asked is an error that names the flag to give
//!   instead; it never waits for an answer that cannot come.
//! - A value is never echoed. It may have several lines when it is pasted:
//!   terminals mark a paste, and a line end inside one does not end the input.
//! - The terminal is put back as it was, unless a signal from outside ends us
//!   in between; `stty sane` helps then.

use std::io::{self, Write as _};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use unspoken_seal::Secret;
use zeroize::Zeroizing;

use crate::failure::{Code, Failure};
use crate::ui::{Ui, counted};

const PASTE_ON: &str = "\x1b[?2004h";
const PASTE_OFF: &str = "\x1b[?2004l";
const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// How soon more input must come after a line end to belong to the same paste,
/// in a terminal that does not mark one.
const SAME_PASTE: Duration = Duration::from_millis(30);

/// Asks a question that is answered by yes or no; `default` is the answer of an
/// empty line.
pub(crate) fn ask(ui: &Ui, question: &str, default: bool) -> Result<bool, Failure> {
    if !ui.is_interactive() {
        return Ok(default);
    }
    let choices = if default { "[Y/n]" } else { "[y/N]" };
    loop {
        let answer = line(&format!("{question} {choices} "))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "" => return Ok(default),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            // Whatever else was typed, a value perhaps, is no consent.
            _ if !default => return Ok(false),
            _ => {}
        }
    }
}

/// Asks before something is lost. `yes` is the flag that answers in advance.
pub(crate) fn confirm(ui: &Ui, question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !ui.is_interactive() {
        let message = format!("this needs a confirmation: {question}");
        return Err(Failure::new(Code::Refused, message)
            .hint("Nothing was changed. Give `--yes` to answer in advance."));
    }
    if ask(ui, question, false)? {
        return Ok(());
    }
    Err(Failure::new(Code::Refused, "not confirmed, nothing was changed"))
}

/// Asks for a word to be typed before something is shown that must not be seen
/// by others. `yes` is the flag that answers in advance.
pub(crate) fn confirm_by_typing(
    ui: &Ui,
    question: &str,
    word: &str,
    yes: bool,
) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !ui.is_interactive() {
        let message = format!("this needs a confirmation: {question}");
        return Err(Failure::new(Code::Refused, message)
            .hint("Nothing was shown. Give `--yes` to answer in advance."));
    }
    let typed = line(&format!("{question}\nType `{word}` to go on: "))?;
    if typed.trim() == word {
        return Ok(());
    }
    Err(Failure::new(Code::Refused, "not confirmed, nothing was shown"))
}

/// Asks for a passphrase that is there already.
pub(crate) fn passphrase(ui: &Ui) -> Result<Zeroizing<String>, Failure> {
    if !ui.is_interactive() || !ui.stdin_is_terminal() {
        return Err(Failure::new(Code::Refused, "nobody is there to type a passphrase")
            .hint("Nothing was changed. Give `--passphrase-file FILE`."));
    }
    text(&secret("Passphrase (not shown): ")?)
}

/// Asks twice for a passphrase that is new.
pub(crate) fn new_passphrase(ui: &Ui) -> Result<Zeroizing<String>, Failure> {
    let first = passphrase(ui)?;
    let second = text(&secret("Again: ")?)?;
    if first.is_empty() {
        return Err(Failure::new(Code::Refused, "the passphrase is empty"));
    }
    if *first != *second {
        return Err(Failure::new(Code::Refused, "the two passphrases differ"));
    }
    Ok(first)
}

fn text(bytes: &[u8]) -> Result<Zeroizing<String>, Failure> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Failure::new(Code::Other, "the passphrase is not UTF-8 text")),
    }
}

/// Asks for one line that may be seen.
pub(crate) fn line(question: &str) -> Result<String, Failure> {
    say(question)?;
    let mut answer = String::new();
    match io::stdin().read_line(&mut answer) {
        Ok(0) => Err(interrupted()),
        Ok(_) => Ok(answer.trim_end_matches(['\n', '\r']).to_owned()),
        Err(error) => Err(unreadable(&error)),
    }
}

/// Asks for a value, without showing it.
pub(crate) fn secret(question: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let before = tcgetattr(io::stdin()).map_err(|error| unreadable(&error.into()))?;
    let mut raw = before.clone();
    raw.local_modes -=
        LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
    raw.input_modes -= InputModes::ICRNL | InputModes::IXON;
    raw.special_codes[SpecialCodeIndex::VMIN] = 1;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(io::stdin(), OptionalActions::Flush, &raw)
        .map_err(|error| unreadable(&error.into()))?;
    let _restore = Restore(before);
    say(&format!("{PASTE_ON}{question}"))?;
    read_secret()
}

/// Puts the terminal back.
struct Restore(Termios);

impl Drop for Restore {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
        let _ = say(&format!("{PASTE_OFF}\r\n"));
    }
}

/// What is typed or pasted, and where in it we are.
struct Typed {
    /// Room for the largest value, so that it never moves and leaves a copy.
    bytes: Zeroizing<Vec<u8>>,
    pasting: bool,
}

fn read_secret() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut typed =
        Typed { bytes: Zeroizing::new(Vec::with_capacity(Secret::MAX + 64)), pasting: false };
    loop {
        // Unbuffered: a buffer would keep a copy of the value, and hide from
        // `poll` that more has come.
        let mut byte = [0];
        match rustix::io::retry_on_intr(|| rustix::io::read(io::stdin(), &mut byte)) {
            // The terminal is gone, so what was typed may be half of it.
            Ok(0) => return Err(interrupted()),
            Ok(_) => {}
            Err(error) => return Err(unreadable(&error.into())),
        }
        if typed.take(byte[0])? {
            return Ok(typed.bytes);
        }
        if typed.bytes.len() > Secret::MAX {
            return Err(Failure::new(Code::Other, "a value holds at most 65536 bytes (64 KiB)"));
        }
    }
}

impl Typed {
    /// Takes one byte. `true` when the input is whole.
    fn take(&mut self, byte: u8) -> Result<bool, Failure> {
        match byte {
            b'\r' | b'\n' if self.pasting => self.push(b'\n'),
            b'\r' | b'\n' => {
                if !more_is_coming() {
                    return Ok(true);
                }
                self.push(b'\n');
            }
            _ if self.pasting => self.push(byte),
            // Ctrl-C, Ctrl-D, backspace, Ctrl-U.
            3 => return Err(interrupted()),
            4 => return Ok(true),
            8 | 127 => self.erase(),
            21 => self.clear(),
            _ => self.push(byte),
        }
        if !self.pasting && self.bytes.ends_with(PASTE_BEGIN) {
            self.shorten(PASTE_BEGIN.len());
            self.pasting = true;
        } else if self.pasting && self.bytes.ends_with(PASTE_END) {
            self.shorten(PASTE_END.len());
            self.pasting = false;
            let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
            let lines = text.split(|&byte| byte == b'\n').count();
            let lines = counted(lines, "line");
            say(&format!("[{lines} pasted, Enter to finish] "))?;
        }
        Ok(false)
    }

    fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Removes the last character, which may have several bytes.
    fn erase(&mut self) {
        while self.bytes.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }

    fn shorten(&mut self, by: usize) {
        let length = self.bytes.len() - by;
        self.bytes.truncate(length);
    }
}

/// Whether more input follows at once, as it does in a paste.
fn more_is_coming() -> bool {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let wait = Timespec::try_from(SAME_PASTE).ok();
    matches!(poll(&mut fds, wait.as_ref()), Ok(count) if count > 0)
}

fn say(text: &str) -> Result<(), Failure> {
    let mut err = io::stderr().lock();
    err.write_all(text.as_bytes()).and_then(|()| err.flush()).map_err(|error| {
        Failure::new(Code::Other, format!("cannot write to the terminal: {error}"))
    })
}

fn interrupted() -> Failure {
    Failure::new(Code::Interrupted, "interrupted, nothing was changed")
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::new(Code::Other, format!("cannot read from the terminal: {error}"))
}

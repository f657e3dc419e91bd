//! The pseudo-terminal that a command talks to, and the real one behind it.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd, RawFd};

use nix::fcntl::OFlag;
use nix::spawn::PosixSpawnFileActions;
use nix::sys::stat::Mode;
use rustix::event::PollFd;
use rustix::fs::{FileType, OFlags, fcntl_setfl, fstat};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, Termios, isatty, tcgetattr, tcsetattr,
    tcsetwinsize,
};

use super::keys::Keys;
use super::outer::Outer;

/// Both terminals, for the process in front.
pub(crate) struct Stage {
    outer: Outer,
    /// `None` when nothing is to be heard or said there any more.
    master: Option<OwnedFd>,
    /// How the command's terminal was set by us.
    given: Modes,
    keys: Keys,
    /// Whether the command is to have the keys, once the terminal is ours.
    wants_keys: bool,
}

/// What a program changes that wants keys or draws.
type Modes = (InputModes, OutputModes, LocalModes);

/// The command's side, to be opened by the leader of its session.
#[derive(Debug)]
pub(crate) struct Slave {
    path: CString,
    /// The standard streams that it is.
    pub(crate) numbers: Vec<u16>,
    /// Whether the command has the keys from the beginning.
    pub(crate) is_foreground: bool,
}

impl Stage {
    /// Makes a terminal that is set as the real one is, for these of the two
    /// outputs, of which there is one at least.
    pub(crate) fn open(outputs: &[u16]) -> io::Result<(Self, Slave)> {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        let on = |number: u16| if number == 1 { stdout.as_fd() } else { stderr.as_fd() };
        let output = on(outputs.first().copied().unwrap_or(1));
        let takes_input = isatty(&stdin) && is_one(stdin.as_fd(), output);
        let outer = Outer::open(if takes_input { stdin.as_fd() } else { output })?;
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        fcntl_setfl(&master, OFlags::NONBLOCK)?;
        let given = furnish(&master, &outer.settings()?)?;
        let path = ptsname(&master, Vec::new())?;
        // In a pipeline somebody else may want the keys, as `less` at its end does.
        let is_alone =
            ![stdin.as_fd(), stdout.as_fd(), stderr.as_fd()].into_iter().any(is_in_a_pipeline);
        let wants_keys = is_alone && outer.is_ours();
        let numbers = takes_input.then_some(0).into_iter().chain(outputs.iter().copied());
        let slave = Slave { path, numbers: numbers.collect(), is_foreground: wants_keys };
        let stage = Self { outer, master: Some(master), given, keys: Keys::new(), wants_keys };
        stage.resize();
        Ok((stage, slave))
    }

    /// The side that what the command says comes from.
    pub(crate) fn source(&self) -> io::Result<OwnedFd> {
        let master = self.master.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(fcntl_dupfd_cloexec(master, 3)?)
    }

    /// Gives the command's terminal the size of the real one.
    pub(crate) fn resize(&self) {
        if let (Some(master), Ok(size)) = (&self.master, self.outer.size()) {
            // A terminal without a size has none to be told.
            let _ = tcsetwinsize(master, size);
        }
    }

    /// Takes the real terminal, if the command wants it and it is ours, and answers
    /// whether it is taken.
    pub(crate) fn enter(&mut self) -> bool {
        self.resize();
        if !self.wants_keys || !self.outer.is_ours() {
            return false;
        }
        if !self.outer.is_taken() {
            self.refurnish();
        }
        self.outer.take().is_ok()
    }

    /// Sets the command's terminal as the real one is now, unless the command has set
    /// it: in the background the real one is as somebody else wants it, such as a
    /// shell at its prompt.
    fn refurnish(&mut self) {
        let Some(master) = &self.master else { return };
        if tcgetattr(master).is_ok_and(|found| modes(&found) == self.given)
            && let Ok(settings) = self.outer.settings()
            && let Ok(given) = furnish(master, &settings)
        {
            self.given = given;
        }
    }

    /// Notes that the command wants keys, and answers whether it can have them.
    pub(crate) fn ask_for_keys(&mut self) -> bool {
        self.wants_keys = true;
        self.outer.is_ours()
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.outer.is_ours()
    }

    /// Gives the real terminal back.
    pub(crate) fn leave(&mut self) {
        self.outer.give_back();
    }

    /// Lets nothing be said or heard on the command's terminal any more.
    pub(crate) fn close(&mut self) {
        self.master = None;
    }

    pub(crate) fn wants(&self) -> Option<PollFd<'_>> {
        let master = self.master.as_ref().filter(|_| self.outer.is_taken())?;
        self.keys.wants(self.outer.as_fd(), master.as_fd())
    }

    pub(crate) fn turn(&mut self) {
        if let Some(master) = &self.master {
            self.keys.turn(&self.outer, master);
        }
    }
}

impl Slave {
    /// Has a new session's leader open it, which makes it the session's terminal.
    pub(crate) fn open_in(&self, actions: &mut PosixSpawnFileActions) -> io::Result<()> {
        let mut numbers = self.numbers.iter().map(|&number| RawFd::from(number));
        let Some(first) = numbers.next() else { return Ok(()) };
        actions.add_open(first, self.path.as_c_str(), OFlag::O_RDWR, Mode::empty())?;
        for number in numbers {
            actions.add_dup2(first, number)?;
        }
        Ok(())
    }
}

/// Sets a terminal, and says how that has turned out.
fn furnish(master: &OwnedFd, settings: &Termios) -> io::Result<Modes> {
    // What is set on this side is set for the other one.
    tcsetattr(master, OptionalActions::Now, settings)?;
    Ok(modes(&tcgetattr(master)?))
}

fn modes(settings: &Termios) -> Modes {
    (settings.input_modes, settings.output_modes, settings.local_modes)
}

fn is_one(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    match (fstat(one), fstat(other)) {
        (Ok(one), Ok(other)) => one.st_rdev == other.st_rdev,
        _ => false,
    }
}

fn is_in_a_pipeline(fd: BorrowedFd<'_>) -> bool {
    let kind = fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode));
    matches!(kind, Ok(FileType::Fifo | FileType::Socket))
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("outer", &self.outer).finish_non_exhaustive()
    }
}

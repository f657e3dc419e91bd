//! A shell in a real terminal emulator, as somebody sits before it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use unspoken_testkit::{Project, unspoken_binary};

/// A shell in tmux, with `$U` for the program. It ends when this is dropped.
pub(crate) struct Pane<'p> {
    project: &'p Project,
    socket: PathBuf,
}

/// What stands before each command.
const PROMPT: &str = "go> ";

impl<'p> Pane<'p> {
    const PATIENCE: Duration = Duration::from_secs(20);

    #[track_caller]
    pub(crate) fn open(project: &'p Project) -> Self {
        // The one before may not have ended yet.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("tmux{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let pane = Self { project, socket: project.tmp().join(name) };
        let size = ["-x", "120", "-y", "24"];
        let shell = ["bash", "--norc", "--noprofile", "-i"];
        let words = [&["-f", "/dev/null", "new-session", "-d"][..], &size, &shell].concat();
        let call =
            project.program("tmux", [&["-S", pane.socket.to_str().unwrap()], &words[..]].concat());
        // A server of tmux keeps the streams that it was started with.
        let mut command = call.env("PS1", PROMPT).env("U", unspoken_binary()).command();
        command.env("TERM", "xterm-256color").env("HISTFILE", "/dev/null");
        let null = std::process::Stdio::null;
        assert!(command.stdin(null()).stdout(null()).stderr(null()).status().unwrap().success());
        pane.shows(PROMPT)
    }

    /// Types a line, and Enter.
    #[track_caller]
    pub(crate) fn line(self, text: &str) -> Self {
        self.tmux(&["send-keys", "-l", text]);
        self.key("Enter")
    }

    /// Types a key by tmux's name for it, such as `C-z`.
    #[track_caller]
    pub(crate) fn key(self, name: &str) -> Self {
        self.tmux(&["send-keys", name]);
        self
    }

    #[track_caller]
    pub(crate) fn resize(self, columns: u16, rows: u16) -> Self {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &rows]);
        self
    }

    /// Makes the screen empty, at a shell's prompt.
    #[track_caller]
    pub(crate) fn clear(self) -> Self {
        self.key("C-l").until(|screen| screen.trim() == PROMPT.trim(), "an empty screen")
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Self {
        self.until(|screen| screen.contains(text), text)
    }

    /// Waits until a whole line of the screen is this.
    #[track_caller]
    pub(crate) fn says(self, line: &str) -> Self {
        self.until(|screen| screen.lines().any(|found| found.trim_end() == line), line)
    }

    /// Waits until two lines of the screen are this: what is typed, and an answer.
    #[track_caller]
    pub(crate) fn says_twice(self, line: &str) -> Self {
        let lines = |screen: &str| screen.lines().filter(|found| found.trim_end() == line).count();
        self.until(|screen| lines(screen) == 2, line)
    }

    /// Presses a key until the shell's prompt is back: a command that has just been
    /// given the terminal may miss the first.
    #[track_caller]
    pub(crate) fn insists(self, name: &str) -> Self {
        let press = |screen: &str| {
            let is_back = screen.trim_end().ends_with(PROMPT.trim_end());
            if !is_back {
                self.tmux(&["send-keys", name]);
            }
            is_back
        };
        let end = Instant::now() + Self::PATIENCE;
        while !press(&self.screen(&[])) {
            assert!(Instant::now() < end, "{name} ended nothing:\n{}", self.screen(&[]));
            std::thread::sleep(Duration::from_millis(100));
        }
        self
    }

    /// Waits until the shell's prompt is the last that stands there.
    #[track_caller]
    pub(crate) fn prompts(self) -> Self {
        self.until(|screen| screen.trim_end().ends_with(PROMPT.trim_end()), "the prompt")
    }

    #[track_caller]
    fn until(self, is_there: impl Fn(&str) -> bool, what: &str) -> Self {
        let end = Instant::now() + Self::PATIENCE;
        loop {
            let screen = self.screen(&["-J"]);
            let marker = unspoken_testkit::canary_marker();
            assert!(!screen.contains(&marker), "a value is on the screen");
            if is_there(&screen) {
                return self;
            }
            assert!(Instant::now() < end, "{what:?} did not come:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What stands on the screen.
    #[track_caller]
    pub(crate) fn screen(&self, flags: &[&str]) -> String {
        self.tmux(&[&["capture-pane", "-p"], flags].concat())
    }

    #[track_caller]
    fn tmux(&self, words: &[&str]) -> String {
        let words = [&["-S", self.socket.to_str().unwrap()], words].concat();
        self.project.program("tmux", words).run().ok().text().to_owned()
    }
}

impl Drop for Pane<'_> {
    fn drop(&mut self) {
        let words = ["-S", self.socket.to_str().unwrap_or_default(), "kill-server"];
        let _ = self.project.program("tmux", words).run();
    }
}

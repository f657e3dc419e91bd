//! What a child has started and left behind.
//!
//! `go run`, a shell and some of npm's scripts end at SIGTERM and let the server
//! that they have started go on, which keeps its port. Without a parent it would
//! become the child of the system; here it becomes ours.
//!
//! Rules:
//! - What has a session of its own was meant to stay, as a build daemon is. It is
//!   let alone.
//! - What was there before was started by somebody else, as by a shell that
//!   became this program.
//! - The end of the child itself is never taken here: [`Running`] waits for it.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{Pid, getpid, getsid};

use super::Running;

/// While there is this value, all orphans below this process become its children.
#[derive(Debug)]
pub struct Descendants {
    /// Who was sent a signal already: a second one may mean to hurry.
    told: BTreeSet<Pid>,
    /// Whose parent this process was before it was this program.
    before: BTreeSet<Pid>,
}

impl Descendants {
    pub fn begin() -> io::Result<Self> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        Ok(Self { told: BTreeSet::new(), before: orphans().into_iter().collect() })
    }

    /// Takes note of what has ended, so that no zombie stays.
    pub fn reap(&self, child: Option<&Running>) {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        while let Ok(status) = waitid(Id::All, flags) {
            match status.pid() {
                // The child's own end is for who waits for it.
                Some(pid) if child.is_none_or(|child| !child.is(pid)) => {
                    let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
                }
                _ => return,
            }
        }
    }

    /// Sends a signal to each that is left, when the child itself has ended:
    /// SIGKILL whenever it is asked for, another one once. Answers whether there
    /// are any.
    pub fn sweep(&mut self, signal: Signal) -> bool {
        self.reap(None);
        let mut left = orphans();
        left.retain(|pid| !self.before.contains(pid));
        for &pid in &left {
            if self.told.insert(pid) || signal == Signal::SIGKILL {
                let _ = kill(pid, signal);
            }
        }
        if left.is_empty() {
            self.told.clear();
        }
        !left.is_empty()
    }
}

/// Our children in our own session.
fn orphans() -> Vec<Pid> {
    let (own, session) = (getpid(), getsid(None).ok());
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_ours = |pid: &Pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        parent(&stat) == Some(own.as_raw()) && getsid(Some(*pid)).ok() == session
    };
    pids.map(Pid::from_raw).filter(is_ours).collect()
}

/// The parent that a `/proc/PID/stat` tells of. The program's name before it
/// may hold blanks and parentheses.
fn parent(stat: &str) -> Option<i32> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut words = after.split_ascii_whitespace();
    let state = words.next()?;
    let parent = words.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}

#[test]
fn the_parent_stands_after_the_name() {
    assert_eq!(parent("7 (sh) S 1 7 7 0"), Some(1));
    assert_eq!(parent("7 (a) Z 2) (b) R 12 7 7 0"), Some(12));
    assert_eq!(parent("7 (sh) Z 1 7 7 0"), None);
    assert_eq!(parent(""), None);
}

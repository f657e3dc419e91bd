//! Much output at once: it is looked at in a copy of the pipe, and what goes on as
//! it came is passed from pipe to pipe by the kernel, which copies nothing.
//!
//! Rules:
//! - What was looked at stays in the pipe until it is passed on or left out, so
//!   nothing is passed on that was not looked at. (A command that lends its own
//!   memory to a pipe and changes it before that was read shows what it likes to any
//!   reader.)
//! - The copy is emptied at once. So it never makes anybody wait.

use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::Errno;
use rustix::pipe::{
    PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice, tee,
};
use unspoken_seal::{Matcher, Redactor};
use zeroize::Zeroizing;

/// The copy of a pipe, and what is under way in the pipe itself.
pub(super) struct Bypass {
    read: OwnedFd,
    write: OwnedFd,
    /// How much of what was looked at goes on as it came.
    left: usize,
    /// How much after it does not.
    dropped: usize,
    /// Where it belongs in what is passed on otherwise.
    at: usize,
    /// How much had come when it was looked at last.
    came: usize,
}

impl Bypass {
    /// How much is looked at at once: so little that it stays near the processor.
    const LOOK: usize = 256 * 1024;

    /// How much the pipes hold, where that is granted.
    const PIPE: usize = 1024 * 1024;

    /// What is less is not much.
    const MUCH: usize = 16 * 1024;

    /// `None` where that cannot be done.
    pub(super) fn open(from: &OwnedFd, to: &OwnedFd) -> Option<Self> {
        let kind = |fd: &OwnedFd| Some(FileType::from_raw_mode(fstat(fd).ok()?.st_mode));
        // A file that is appended to takes nothing from a pipe.
        let is_appended = rustix::fs::fcntl_getfl(to).ok()?.contains(OFlags::APPEND);
        if kind(from)? != FileType::Fifo || is_appended {
            return None;
        }
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        // As large as it can be at once, so that whoever writes need not wait for each look.
        fcntl_setpipe_size(&write, Self::PIPE).ok()?;
        for end in [from, to] {
            // Where it is not granted, or is no pipe, more calls are needed.
            if fcntl_getpipe_size(end).is_ok_and(|size| size < Self::PIPE) {
                let _ = fcntl_setpipe_size(end, Self::PIPE);
            }
        }
        Some(Self { read, write, left: 0, dropped: 0, at: 0, came: Self::MUCH })
    }

    /// Whether as much comes as it was made for.
    pub(super) fn is_worth_it(&self) -> bool {
        self.came >= Self::MUCH
    }

    /// Looks at what has come and adds what else is to be passed on to `out`. Answers
    /// how much has come: nothing at the end.
    pub(super) fn look(
        &mut self,
        from: &OwnedFd,
        matcher: &Matcher,
        redactor: &mut Redactor,
        out: &mut Vec<u8>,
    ) -> Result<usize, Errno> {
        let count = tee(from, &self.write, Self::LOOK, SpliceFlags::NONBLOCK)?;
        self.came = count;
        if count == 0 {
            return Ok(0);
        }
        let copy = |held: &mut Vec<u8>| {
            let end = held.len() + count;
            while held.len() < end {
                // There is room for all of it, and no more in the copy.
                match rustix::io::read(&self.read, spare_capacity(held)) {
                    Ok(0) => return Err(Errno::IO),
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        let unchanged = redactor.push_by(matcher, count, copy, out)?;
        (self.left, self.at) = (unchanged.length, unchanged.at);
        self.dropped = count - unchanged.length;
        Ok(count)
    }

    /// How much of what is passed on otherwise comes first; `None` where nothing of what
    /// came is under way.
    pub(super) fn waits_behind(&self) -> Option<usize> {
        (self.left + self.dropped > 0).then_some(self.at)
    }

    /// Passes on what goes on as it came, and takes the rest out of the pipe. Answers
    /// how much left it. Where the target takes nothing from a pipe, it is added to
    /// `out`.
    pub(super) fn pass(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        out: &mut Vec<u8>,
    ) -> Result<usize, Errno> {
        let before = self.left + self.dropped;
        while self.left > 0 {
            match splice(from, None, to, None, self.left, SpliceFlags::NONBLOCK) {
                Ok(count @ 1..) => self.left -= count,
                Err(Errno::INTR) => {}
                Ok(0) | Err(Errno::INVAL) => {
                    let text = take(from, self.left)?;
                    out.splice(self.at..self.at, text.iter().copied());
                    (self.left, self.came) = (0, 0);
                }
                Err(Errno::AGAIN) if self.left + self.dropped < before => break,
                Err(error) => return Err(error),
            }
        }
        if self.left == 0 {
            drop(take(from, self.dropped)?);
            self.dropped = 0;
        }
        Ok(before - self.left - self.dropped)
    }
}

/// Takes as much out of a pipe, in which it is.
fn take(from: &OwnedFd, count: usize) -> Result<Zeroizing<Vec<u8>>, Errno> {
    let mut text = Zeroizing::new(vec![0; count]);
    let mut taken = 0;
    while let Some(rest @ [_, ..]) = text.get_mut(taken..) {
        match rustix::io::read(from, rest) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => taken += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd as _;

    use unspoken_model::SecretName;
    use unspoken_seal::Secret;

    use super::*;

    const VALUE: &str = "canary-8f2a-passing-by";

    fn matcher() -> Matcher {
        let secret = Secret::new(VALUE.as_bytes().to_vec()).unwrap();
        Matcher::new([(&SecretName::parse("KEY").unwrap(), &secret)])
    }

    /// Lets a text pass through pipes, in pieces, and reads `at_once` bytes after each try.
    fn pass(text: &str, piece: usize, at_once: usize) -> (String, usize) {
        let (from, feed) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        fcntl_setpipe_size(&feed, Bypass::PIPE).unwrap();
        let (drain, to) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let (mut feed, mut drain) = (File::from(feed), File::from(drain));
        let mut bypass = Bypass::open(&from, &to).unwrap();
        let (matcher, mut redactor) = (matcher(), Redactor::default());
        let (mut passed, mut unchanged) = (Vec::new(), 0);
        let mut buffer = vec![0; at_once];
        for piece in text.as_bytes().chunks(piece) {
            feed.write_all(piece).unwrap();
            let mut out = Vec::new();
            assert_eq!(bypass.look(&from, &matcher, &mut redactor, &mut out), Ok(piece.len()));
            let behind = bypass.waits_behind().unwrap_or(out.len());
            passed.extend_from_slice(&out[..behind]);
            let after = out.split_off(behind);
            let mut gone = 0;
            while bypass.waits_behind().is_some() {
                match bypass.pass(&from, &to, &mut out) {
                    Ok(count) => gone += count,
                    Err(error) => assert_eq!(error, Errno::AGAIN),
                }
                while let Ok(count @ 1..) = drain.read(&mut buffer) {
                    unchanged += count;
                    passed.extend_from_slice(&buffer[..count]);
                }
            }
            assert_eq!((gone, out.len()), (piece.len(), behind));
            passed.extend(after);
        }
        let mut out = Vec::new();
        redactor.release(&matcher, &mut out);
        passed.extend(out);
        (String::from_utf8(passed).unwrap(), unchanged)
    }

    #[test]
    fn text_goes_on_as_it_came_and_values_do_not() {
        let line = "2026-01-02 nothing stands here that anybody must not see\n";
        let plain = line.repeat(4000);
        let (passed, unchanged) = pass(&plain, 200_000, 70_000);
        assert!(passed == plain);
        assert!(unchanged > plain.len() - 100, "{unchanged}");

        let text = format!("{plain}{VALUE}\n{plain}{VALUE}");
        let expected = text.replace(VALUE, "[REDACTED:KEY]");
        for piece in [200_000, 65_536, 1000, plain.len() + 7, plain.len()] {
            assert!(pass(&text, piece, 4096).0 == expected, "{piece}");
        }
    }

    #[test]
    fn what_a_target_does_not_take_from_a_pipe_is_written() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let appended = OpenOptions::new().append(true).open(file.path()).unwrap().into();
        let (from, feed) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        assert!(Bypass::open(&from, &appended).is_none());
        let to = file.as_file().as_fd().try_clone_to_owned().unwrap();
        assert!(Bypass::open(&to, &to).is_none());

        let mut bypass = Bypass::open(&from, &to).unwrap();
        let text = format!("before {VALUE} after\n");
        rustix::io::write(&feed, text.as_bytes()).unwrap();
        let mut out = Vec::new();
        bypass.look(&from, &matcher(), &mut Redactor::default(), &mut out).unwrap();
        assert_eq!(bypass.waits_behind(), Some(0));
        assert_eq!(bypass.pass(&from, &appended, &mut out), Ok(text.len()));
        assert_eq!(String::from_utf8(out).unwrap(), "before [REDACTED:KEY] after\n");
        assert_eq!(file.read_to_string(&mut String::new()).unwrap(), 0);
        assert!(!bypass.is_worth_it());
    }
}

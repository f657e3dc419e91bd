//! What is typed, on its way to the command.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use zeroize::{Zeroize as _, Zeroizing};

/// Keys that were read and not handed on yet. They may be a password.
pub(super) struct Keys {
    buffer: Zeroizing<Vec<u8>>,
    written: usize,
    read: usize,
    /// Whether there is nobody any more who could type.
    is_over: bool,
}

impl Keys {
    /// As much as a terminal takes at once.
    const SIZE: usize = 4096;

    pub(super) fn new() -> Self {
        let buffer = Zeroizing::new(vec![0; Self::SIZE]);
        Self { buffer, written: 0, read: 0, is_over: false }
    }

    /// What has to happen for this to go on.
    pub(super) fn wants<'a>(&self, from: BorrowedFd<'a>, to: BorrowedFd<'a>) -> Option<PollFd<'a>> {
        if self.written < self.read {
            return Some(PollFd::from_borrowed_fd(to, PollFlags::OUT));
        }
        (!self.is_over).then(|| PollFd::from_borrowed_fd(from, PollFlags::IN))
    }

    /// Goes on with what [`Keys::wants`] waited for.
    pub(super) fn turn(&mut self, from: impl AsFd, to: impl AsFd) {
        if self.written == self.read {
            (self.written, self.read) = (0, 0);
            match rustix::io::read(from, self.buffer.as_mut_slice()) {
                Ok(0) => self.is_over = true,
                Ok(count) => self.read = count,
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => self.is_over = true,
            }
        }
        let Some(left @ [_, ..]) = self.buffer.get_mut(self.written..self.read) else { return };
        match rustix::io::write(to, left) {
            Ok(count) => {
                if let Some(done) = left.get_mut(..count) {
                    done.zeroize();
                }
                self.written += count;
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => {
                left.zeroize();
                self.written = self.read;
                self.is_over = true;
            }
        }
    }
}

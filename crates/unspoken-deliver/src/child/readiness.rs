//! The pipe on which a child says that it is ready, and on which port.
//!
//! The child writes its port as decimal text and a newline, then closes. What
//! is anything else says nothing.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::pipe::PipeFlags;

/// The end that we read from.
#[derive(Debug)]
pub(super) struct Readiness {
    read: OwnedFd,
    text: Vec<u8>,
}

/// What the pipe said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Said {
    /// Nothing whole yet.
    Nothing,
    Port(u16),
    /// It was closed, or says something else.
    Never,
}

impl Readiness {
    pub(super) const VARIABLE: &str = "UNSPOKEN_READY_FD";
    /// 4 is the contract; Node closes 3 to 15 when it starts another program.
    const DESCRIPTORS: [u16; 2] = [4, 21];
    /// `65535` and a newline.
    const LONGEST: usize = 6;

    /// The reading end for us, and the writing end for the child.
    pub(super) fn new() -> io::Result<(Self, OwnedFd)> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(&read, OFlags::NONBLOCK)?;
        Ok((Self { read, text: Vec::new() }, write))
    }

    /// Where the child finds it, as far as the bundle is not there.
    pub(super) fn beside(bundle: &[u16]) -> Vec<u16> {
        Self::DESCRIPTORS.into_iter().filter(|number| !bundle.contains(number)).collect()
    }

    /// The text of [`Readiness::VARIABLE`].
    pub(super) fn list(numbers: &[u16]) -> String {
        numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }

    pub(super) fn read(&mut self) -> Said {
        let mut part = [0; Self::LONGEST];
        match rustix::io::read(&self.read, &mut part) {
            Ok(0) => Said::Never,
            Ok(count) => {
                self.text.extend_from_slice(part.get(..count).unwrap_or_default());
                said(&self.text)
            }
            Err(error) if error == rustix::io::Errno::AGAIN => Said::Nothing,
            Err(_) => Said::Never,
        }
    }
}

fn said(text: &[u8]) -> Said {
    let Some(line) = text.strip_suffix(b"\n") else {
        return if text.len() < Readiness::LONGEST { Said::Nothing } else { Said::Never };
    };
    let digits = std::str::from_utf8(line).ok().filter(|line| !line.starts_with('+'));
    digits.and_then(|line| line.parse().ok()).map_or(Said::Never, Said::Port)
}

#[test]
fn a_port_is_a_line_of_digits() {
    for (text, expected) in [
        ("", Said::Nothing),
        ("80", Said::Nothing),
        ("8080\n", Said::Port(8080)),
        ("65535\n", Said::Port(65535)),
        ("65536\n", Said::Never),
        ("808080", Said::Never),
        ("+1\n", Said::Never),
        ("\n", Said::Never),
        ("80\n80", Said::Nothing),
        ("80\n80\n", Said::Never),
    ] {
        assert_eq!(said(text.as_bytes()), expected, "{text:?}");
    }
}

//! Descriptors by their numbers: the one file with code that the compiler does
//! not check.
//!
//! The contract between a program and what starts it says *numbers*: the bundle
//! is on 3. Rust's types say *owners*. Between the two stands a promise that
//! only we can make, and each function says what it is.

#![expect(unsafe_code, reason = "a descriptor's number is a contract between processes")]

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

use rustix::io::{FdFlags, dup2, fcntl_dupfd_cloexec, fcntl_getfd, fcntl_setfd};

/// Puts a descriptor on a number, where it stays open over `execve`. What was
/// open there is closed.
///
/// To be called when nothing is left to do but to become another program: an
/// owner of the number within this process would find another file there.
pub(crate) fn place(source: BorrowedFd<'_>, number: u16) -> io::Result<()> {
    let number = RawFd::from(number);
    if source.as_raw_fd() == number {
        fcntl_setfd(source, FdFlags::empty())?;
        return Ok(());
    }
    // SAFETY: `from_raw_fd` asks for an open descriptor that nobody else owns. `dup2` makes it open
    // where it was not, which is why no `OwnedFd` can exist before; it is the kernel's table
    // that we change, and no memory. The value is given up again below, so it closes nothing.
    let mut target = unsafe { OwnedFd::from_raw_fd(number) };
    let placed = dup2(source, &mut target);
    std::mem::forget(target);
    Ok(placed?)
}

/// Has `execve` close everything above the standard streams that is not kept.
pub(crate) fn keep_only(kept: &[u16]) -> io::Result<()> {
    let mut kept: Vec<u32> = kept.iter().copied().map(u32::from).collect();
    kept.sort_unstable();
    let mut first = 3;
    for number in kept.into_iter().chain([u32::MAX]) {
        let last = if number == u32::MAX { number } else { number - 1 };
        if first <= last {
            close_on_exec(first, last)?;
        }
        first = number.saturating_add(1);
    }
    Ok(())
}

fn close_on_exec(first: u32, last: u32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let flags = libc::CLOSE_RANGE_CLOEXEC.cast_signed();
        // SAFETY: the call takes numbers alone, and marks descriptors without closing one.
        if unsafe { libc::close_range(first, last, flags) } == 0 {
            return Ok(());
        }
    }
    // A kernel before 5.11, or another system: one by one. The limit would say how many there may
    // be, which in some containers is a thousand million.
    for number in open_numbers()?.into_iter().filter(|number| (first..=last).contains(number)) {
        let number = RawFd::try_from(number).map_err(io::Error::other)?;
        // SAFETY: `borrow_raw` asks for an open descriptor. Whether this one is, is what the call
        // finds out: it answers EBADF where it is not, and otherwise sets a flag.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        if let Ok(flags) = fcntl_getfd(descriptor) {
            fcntl_setfd(descriptor, flags | FdFlags::CLOEXEC)?;
        }
    }
    Ok(())
}

/// The numbers that are open, and perhaps one that was while they were listed.
fn open_numbers() -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir("/dev/fd")? {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(numbers)
}

/// The same open file on a number that is none of these, so that it is still
/// there when they have been given away.
pub(crate) fn apart_from(source: OwnedFd, numbers: &[u16]) -> io::Result<OwnedFd> {
    let is_taken = |fd: &OwnedFd| numbers.iter().any(|&n| fd.as_raw_fd() == RawFd::from(n));
    if !is_taken(&source) {
        return Ok(source);
    }
    // Each stays open until one is found: the kernel gives the lowest that is free.
    let mut passed = vec![source];
    while let Some(last) = passed.last() {
        let next = fcntl_dupfd_cloexec(last, 3)?;
        if !is_taken(&next) {
            return Ok(next);
        }
        passed.push(next);
    }
    Err(io::ErrorKind::InvalidInput.into())
}

/// A descriptor that was open when this process began, if it is.
///
/// To be called with a number that the program's starter named as meant for it:
/// nothing in this process owns such a descriptor, but for who called this
/// before and has not given it up.
pub(crate) fn inherited(number: u16) -> Option<OwnedFd> {
    let number = RawFd::from(number);
    // SAFETY: as above: a number that is not open is answered with EBADF.
    fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) }).ok()?;
    // SAFETY: it is open, and by the rule of this function nobody else owns it.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_listed() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let numbers = open_numbers().unwrap();
        for fd in [&read, &write] {
            assert!(numbers.contains(&fd.as_raw_fd().cast_unsigned()), "{fd:?}");
        }
    }

    #[test]
    fn a_descriptor_moves_from_a_number_that_is_needed_and_stays_elsewhere() {
        let (read, _write) = rustix::pipe::pipe().unwrap();
        let at = u16::try_from(read.as_raw_fd()).unwrap();
        let taken: Vec<u16> = (at..at + 8).collect();
        let moved = apart_from(read, &taken).unwrap();
        assert!(!taken.iter().any(|&n| moved.as_raw_fd() == RawFd::from(n)));
        assert!(fcntl_getfd(&moved).unwrap().contains(FdFlags::CLOEXEC));
        let number = moved.as_raw_fd();
        assert_eq!(apart_from(moved, &taken).unwrap().as_raw_fd(), number);
    }
}

//! What this process inherited: descriptors by number, and variables. The one file with `unsafe`.
//!
//! **A number becomes a [`File`]** in [`take_first`] alone. Owning it is sound when it is open
//! and nobody else in the process owns it:
//!
//! - It is open: its entry in the table of descriptors was read just before, under [`TAKEN`].
//! - It is not ours twice: [`TAKEN`] remembers every number that was ever taken.
//! - It belongs to no other Rust value: it is listed in a variable that our sender set; it is the one end
//!   of a pipe whose other end is elsewhere, or one of our sealed memory files; and it lacks the
//!   close-on-exec flag, so it came through `exec`. What Rust opens (the standard library, Tokio, rustix by
//!   its documented use) has that flag. What remains is a program that adopted the same inherited number
//!   before [`load`](crate::load), against the variable that says whose it is.
//!
//! **A variable is removed** in [`take_variable`] alone. `remove_var` is unsafe since C code may read the
//! environment in another thread without the lock that Rust's own reading takes. Ours were
//! inherited: they stand in the block that the kernel made, which `unsetenv` never frees; it moves the
//! pointers behind it up by one, so such a reader finds valid texts and could at worst miss one. [`load`](crate::load)
//! as the first line of `main`, which its documentation asks for, excludes that as well.

#![expect(unsafe_code, reason = "proved above; denied everywhere else")]

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    os::{
        fd::FromRawFd as _,
        unix::fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// Where the system shows this process its own descriptors.
const TABLE: &str = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };

/// The flag of `open` that `/proc/self/fdinfo` shows for close-on-exec, on every Linux of ours.
const CLOSE_ON_EXEC: u32 = 0o2_000_000;

/// The part of those flags that says whether it is read (0), written to (1) or both.
const ACCESS: u32 = 0o3;

/// Every number that was taken.
static TAKEN: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// What stands behind a descriptor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// The end of a pipe that is read.
    Source,
    /// The end of a pipe that is written to.
    Sink,
    /// A pipe of which the system does not say which end it is.
    Pipe,
    /// A memory file of our sender.
    Memory,
    Other,
}

/// What our sender put there, under one number or several. All are closed when it is dropped.
pub(crate) struct Inherited {
    pub(crate) kind: Kind,
    pub(crate) file: File,
    /// Held to be closed with it.
    _others: Vec<File>,
}

/// An open descriptor: which file it is.
struct Entry {
    kind: Kind,
    device: u64,
    inode: u64,
}

impl Entry {
    fn find(number: i32) -> Option<Self> {
        let path = format!("{TABLE}/{number}");
        let metadata = fs::metadata(&path).ok()?;
        let kind = if metadata.file_type().is_fifo() {
            end(number)
        } else if is_memory(&path) {
            Kind::Memory
        } else {
            Kind::Other
        };
        Some(Self { kind, device: metadata.dev(), inode: metadata.ino() })
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether this process holds both ends, as `make` and its children do with their jobs: such a pipe
    /// is nobody's message to us.
    fn has_other_end(&self) -> bool {
        let open = fs::read_dir(TABLE).into_iter().flatten().flatten();
        let numbers = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.filter_map(Self::find).any(|other| other.is_same(self) && other.kind != self.kind)
    }
}

/// Which end of a pipe a descriptor is; one that is both is nothing of ours.
fn end(number: i32) -> Kind {
    match flags(number).map(|flags| flags & ACCESS) {
        Some(0) => Kind::Source,
        Some(1) => Kind::Sink,
        Some(_) => Kind::Other,
        None => Kind::Pipe,
    }
}

/// Whether this is a memory file of our name that nobody can write to.
fn is_memory(path: &str) -> bool {
    let ours = |to: &PathBuf| to.as_os_str().as_encoded_bytes().starts_with(b"/memfd:unspoken");
    fs::read_link(path).is_ok_and(|to| ours(&to)) && is_sealed(path)
}

#[cfg(target_os = "linux")]
fn is_sealed(path: &str) -> bool {
    use rustix::fs::{SealFlags, fcntl_get_seals};
    // Opened by its path it is the same file, and nobody's number has to be borrowed for it.
    let seals = File::open(path).ok().and_then(|file| fcntl_get_seals(file).ok());
    seals.is_some_and(|seals| seals.contains(SealFlags::WRITE))
}

#[cfg(not(target_os = "linux"))]
fn is_sealed(_: &str) -> bool {
    false
}

/// Takes the first number whose kind is `wanted`, and with it every other that is the same file.
pub(crate) fn take_first(numbers: &[i32], wanted: impl Fn(Kind) -> bool) -> Option<Inherited> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut open: Vec<(i32, Entry)> = Vec::new();
    for &number in numbers {
        let seen = taken.contains(&number) || open.iter().any(|&(other, _)| other == number);
        if let Some(entry) = Entry::find(number).filter(|_| !seen && came_through_exec(number)) {
            open.push((number, entry));
        }
    }
    // On two listed numbers only who made the list can have put it.
    let same_end = |one: &Entry, other: &Entry| one.is_same(other) && one.kind == other.kind;
    let listed_twice =
        |entry: &Entry| open.iter().filter(|(_, other)| same_end(entry, other)).count() > 1;
    let first = open.iter().position(|(_, entry)| {
        let alone = matches!(entry.kind, Kind::Source | Kind::Sink) && !listed_twice(entry);
        wanted(entry.kind) && !(alone && entry.has_other_end())
    })?;
    let (number, entry) = open.remove(first);
    open.retain(|(_, other)| same_end(other, &entry));
    let mut own = |number| {
        taken.push(number);
        // SAFETY: open, inherited, listed as ours and never taken before: see the top of the file.
        unsafe { File::from_raw_fd(number) }
    };
    let file = own(number);
    let others = open.into_iter().map(|(number, _)| own(number)).collect();
    Some(Inherited { kind: entry.kind, file, _others: others })
}

/// Whether a descriptor lacks the close-on-exec flag; where the system does not say, it does.
fn came_through_exec(number: i32) -> bool {
    flags(number).is_none_or(|flags| flags & CLOSE_ON_EXEC == 0)
}

/// How a descriptor was opened, where the system says it.
fn flags(number: i32) -> Option<u32> {
    let shown = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
    let octal = shown.lines().find_map(|line| line.strip_prefix("flags:"))?;
    u32::from_str_radix(octal.trim(), 8).ok()
}

/// Gives a variable and removes it.
pub(crate) fn take_variable(name: &str) -> Option<OsString> {
    let text = env::var_os(name)?;
    // SAFETY: inherited, so what it points to is never freed: see the top of the file.
    unsafe { env::remove_var(name) };
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::{
        os::fd::AsRawFd as _,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn a_pipe_that_rust_opened_is_not_taken() {
        let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
        let pipe = child.stdout.take().unwrap();

        assert!(take_first(&[pipe.as_raw_fd()], |_| true).is_none());
        assert!(Entry::find(pipe.as_raw_fd()).is_some_and(|entry| entry.kind == Kind::Source));
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn a_pipe_with_both_ends_here_is_told() {
        let (source, sink) = std::io::pipe().unwrap();
        let find = |number| Entry::find(number).unwrap();

        assert_eq!(find(source.as_raw_fd()).kind, Kind::Source);
        assert_eq!(find(sink.as_raw_fd()).kind, Kind::Sink);
        assert!(find(source.as_raw_fd()).has_other_end());
        assert!(find(sink.as_raw_fd()).has_other_end());
        drop(sink);
        assert!(!find(source.as_raw_fd()).has_other_end());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_memory_file_is_ours_by_its_name_and_its_seal() {
        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

        #[track_caller]
        fn case(name: &str, seals: SealFlags, expected: Kind) {
            let file = memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
            fcntl_add_seals(&file, seals).unwrap();
            assert_eq!(Entry::find(file.as_raw_fd()).unwrap().kind, expected, "{name} {seals:?}");
        }

        case("unspoken", SealFlags::WRITE | SealFlags::SEAL, Kind::Memory);
        case("unspoken", SealFlags::empty(), Kind::Other);
        case("unspoken", SealFlags::GROW, Kind::Other);
        case("other", SealFlags::WRITE, Kind::Other);
    }

    #[test]
    fn a_file_is_no_pipe_and_a_closed_number_is_nothing() {
        let file = File::open("/proc/self/exe").unwrap();

        assert!(Entry::find(file.as_raw_fd()).is_some_and(|entry| entry.kind == Kind::Other));
        assert!(Entry::find(i32::MAX).is_none());
    }
}

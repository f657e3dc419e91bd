//! The release binaries: static, so that one file runs on any distribution.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::command::{cargo, must, program, target};

const STATIC_TARGET: &str = "x86_64-unknown-linux-gnu";

/// What a static binary is built with. Relocations that are packed, and functions
/// that are alike and stand there once, make less to map: what is mapped counts as
/// memory of each `run`.
const FLAGS: [&str; 3] = [
    "target-feature=+crt-static",
    "link-arg=-Wl,-z,pack-relative-relocs",
    "link-arg=-Wl,--icf=safe",
];

/// Builds the release binary of the command line and returns where it lies.
///
/// On hosts other than the static target it is an ordinary release build.
pub(crate) fn build() -> Result<PathBuf> {
    build_one("unspoken")
}

/// The same for the server.
pub(crate) fn build_vault() -> Result<PathBuf> {
    build_one("unspoken-vault")
}

/// Builds both, and tells where they lie and how large they are.
pub(crate) fn build_all() -> Result<String> {
    let binaries = [build()?, build_vault()?];
    let lines = binaries.iter().map(|binary| {
        let size = std::fs::metadata(binary).context("the build left no binary")?.len();
        Ok(format!("{}, {}.{} MB", binary.display(), size / 1_000_000, size / 100_000 % 10))
    });
    Ok(lines.collect::<Result<Vec<_>>>()?.join("\n"))
}

/// Builds a program that is named as its package is.
fn build_one(name: &str) -> Result<PathBuf> {
    let mut command = cargo(["build", "--release", "--locked", "--package", name]);
    command.args(["--bin", name]);
    let fits = cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"));
    if !fits {
        must(&mut command)?;
        return Ok(target().join("release").join(name));
    }
    // A named target keeps the flag away from procedural macros, which cannot be static.
    let flags = FLAGS.map(|flag| format!("\"-C\", \"{flag}\"")).join(", ");
    let flag = format!("target.{STATIC_TARGET}.rustflags=[{flags}]");
    command.args(["--target", STATIC_TARGET, "--config", &flag]);
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    must(&mut command)?;
    let binary = target().join(STATIC_TARGET).join("release").join(name);
    let headers = std::fs::read(&binary).context("the build left no binary")?;
    ensure!(is_static(&headers), "`{name}` asks for a dynamic loader");
    Ok(binary)
}

/// Tells whether an ELF file runs without a loader: no program header of the
/// kind `PT_INTERP`.
fn is_static(elf: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let number = |at: usize, length: usize| -> Option<u64> {
        let bytes = elf.get(at..at.checked_add(length)?)?;
        Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    };
    let kinds = || -> Option<Vec<u64>> {
        let first = usize::try_from(number(0x20, 8)?).ok()?;
        let size = usize::try_from(number(0x36, 2)?).ok()?;
        let count = usize::try_from(number(0x38, 2)?).ok()?;
        (0..count).map(|index| number(first + index * size, 4)).collect()
    };
    elf.starts_with(b"\x7fELF\x02\x01")
        && kinds().is_some_and(|kinds| !kinds.contains(&u64::from(PT_INTERP)))
}

/// The commit that is built, for a report.
pub(crate) fn commit() -> String {
    must(program("git").args(["rev-parse", "--short=12", "HEAD"]))
        .map_or_else(|_| "not committed".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    fn a_program_with_a_loader_is_not_static() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();

        assert!(!is_static(&own));
        assert!(!is_static(b"\x7fELF\x02\x01"));
        assert!(!is_static(b"#!/bin/sh\n"));
    }
}

//! What calls that have returned left behind on the stack.

use std::hint::black_box;

use zeroize::Zeroize as _;

/// Overwrites the part of the stack that the calls before this one used.
///
/// Hashes and ciphers work on copies in frames of their own, which the crates
/// that do it do not wipe. For a process that stays: one that becomes another program
/// leaves no stack.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "it is the stack that is wiped")]
pub fn wipe_stack() {
    // More than the opening of a document goes down, and far less than there is.
    let mut frames = [0_u8; 192 * 1024];
    frames.zeroize();
    black_box(&frames);
}

//! Requests to the address on which the end of a sign-in is waited for: without the state
//! nothing of one can be had.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_wire::{Brought, Callback, CallbackError};

fuzz_target!(|head: &[u8]| {
    let parse = || Callback::parse(head, "127.0.0.1:4711");
    let Ok(found) = parse() else { return };
    assert_eq!(found.open(|_| false), Err(CallbackError::State));
    if let Ok(Brought::Code(code)) = parse().expect("it was read before").open(|_| true) {
        assert!(!code.is_empty() && code.bytes().all(|byte| byte.is_ascii_graphic()));
    }
});

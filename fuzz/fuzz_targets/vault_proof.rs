//! Proofs that a vault is shown, with the keys that their issuer has published.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| unspoken_vault::foreign::proof(bytes));

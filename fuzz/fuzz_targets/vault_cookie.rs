//! Cookies, as a browser sends them to a vault: a number that is read is printed so that it is read alike.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| unspoken_vault::foreign::cookie(bytes));

//! Forms of the pages by which people sign in, and what stands behind a question mark.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| unspoken_vault::foreign::form(bytes));

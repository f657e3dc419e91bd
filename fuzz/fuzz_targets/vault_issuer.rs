//! What an issuer publishes of itself: nobody is sent where a page could break out of.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| unspoken_vault::foreign::issuer(bytes));

//! Merging: any bytes as base, ours and theirs, divided by NUL, give a document, a
//! conflict or an error; with no key and with one.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| unspoken_fuzz::merge(bytes));

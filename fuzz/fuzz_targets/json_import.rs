//! The reader of plain JSON files: any bytes give entries or errors.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = unspoken_seal::parse_json(bytes);
});

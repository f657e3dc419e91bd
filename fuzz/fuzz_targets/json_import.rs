//! The reader of plain JSON files: any bytes give entries or errors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_seal::foreign::Names;

fuzz_target!(|bytes: &[u8]| {
    let _ = unspoken_seal::foreign::json::parse(bytes, &Names::default());
});

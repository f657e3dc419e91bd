//! The reader of plain `.env` files: any bytes give entries or errors.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = unspoken_seal::dotenv::parse(bytes);
});

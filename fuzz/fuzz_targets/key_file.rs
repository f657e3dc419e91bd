//! The key file's reader: any bytes give identities or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_seal::Identity;

fuzz_target!(|bytes: &[u8]| {
    let _ = Identity::parse_file(bytes);
});

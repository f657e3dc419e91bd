//! The readers of other tools' files: any bytes give entries or errors. The
//! first byte chooses the reader.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some((reader, bytes)) = bytes.split_first() {
        unspoken_fuzz::import(*reader, bytes);
    }
});

//! The key bundle's reader: a pasted text, and an object under a right checksum.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use unspoken_seal::{Checksum, KeyBundle, ReadBundle};

fuzz_target!(|bytes: &[u8]| {
    let _ = std::str::from_utf8(bytes).map(KeyBundle::parse);
    let start = format!("unspoken-key-1:{}", URL_SAFE_NO_PAD.encode(bytes));
    let sum = Checksum::of(start.as_bytes()).to_string();
    if let Ok(ReadBundle::Open(bundle)) = KeyBundle::parse(&format!("{start}:{}", &sum[..8])) {
        assert!(KeyBundle::parse(&bundle.print()).is_ok());
    }
});

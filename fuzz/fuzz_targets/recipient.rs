//! The public key's reader: what it accepts, it keeps as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_seal::Recipient;

fuzz_target!(|text: &str| {
    if let Ok(recipient) = Recipient::parse(text) {
        assert_eq!(recipient.as_str(), text);
        assert!(recipient.is_same_key(&recipient));
    }
});

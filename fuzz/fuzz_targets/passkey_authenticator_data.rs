//! What an authenticator says, and the key in it, which has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_wire::passkey::{AuthenticatorData, PublicKey};

fuzz_target!(|bytes: &[u8]| {
    let _ = PublicKey::parse(bytes);
    let Ok(data) = AuthenticatorData::parse(bytes) else { return };
    assert!(data.may_be_copied || !data.is_copied);
    if let Some(made) = data.credential {
        assert_eq!(PublicKey::parse(made.written), Ok(made.key));
        assert!((16..=1023).contains(&made.id.len()));
    }
});

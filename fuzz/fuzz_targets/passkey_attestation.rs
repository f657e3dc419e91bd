//! Attestation objects: what is found in one stands there as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_wire::passkey::{AuthenticatorData, PublicKey, parse_attestation};

fuzz_target!(|bytes: &[u8]| {
    let Ok(found) = parse_attestation(bytes) else { return };
    assert!(bytes.windows(found.len().max(1)).any(|part| part == found) || found.is_empty());
    let Ok(data) = AuthenticatorData::parse(found) else { return };
    if let Some(made) = data.credential {
        assert_eq!(PublicKey::parse(made.written), Ok(made.key));
    }
});

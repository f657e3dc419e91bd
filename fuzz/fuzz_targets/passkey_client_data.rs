//! What a browser says that it was asked: never two things at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_wire::passkey::{Ceremony, ClientData};

fuzz_target!(|bytes: &[u8]| {
    let read = ClientData::parse(bytes, Ceremony::Get);
    assert!(read.is_err() || ClientData::parse(bytes, Ceremony::Create).is_err());
});

//! The stub's reader: any bytes are a stub, a wrong one, or none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_model::KeyStub;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some(stub)) = KeyStub::find(bytes) {
        assert_eq!(KeyStub::find(stub.print(None, &[]).as_bytes()), Ok(Some(stub)));
    }
});

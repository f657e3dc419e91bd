//! What a vault hands out: what is read is printed so that it is read alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_wire::vault::Revealed;

fuzz_target!(|bytes: &[u8]| {
    let Ok(revealed) = Revealed::parse(bytes) else { return };
    let printed = revealed.print().into_bytes();
    let again = Revealed::parse(&printed).expect("what was printed is read");
    assert_eq!(again.revision, revealed.revision);
    assert_eq!(again.secrets.len(), revealed.secrets.len());
    for (one, other) in revealed.secrets.iter().zip(&again.secrets) {
        assert!(one.name == other.name && one.value.is_same(&other.value));
    }
});

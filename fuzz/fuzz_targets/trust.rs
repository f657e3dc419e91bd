//! The trust record's reader: what it accepts, it prints and reads again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_store::Trust;

fuzz_target!(|text: &str| {
    if let Ok(trust) = Trust::parse(text) {
        assert_eq!(Trust::parse(&trust.print()), Ok(trust));
    }
});

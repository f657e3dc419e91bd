//! The permission record's reader: what it accepts, it prints and reads again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_store::Permissions;

fuzz_target!(|text: &str| {
    if let Ok(record) = Permissions::parse(text) {
        assert_eq!(Permissions::parse(&record.print()), Ok(record));
    }
});

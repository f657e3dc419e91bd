//! The record of compose's secret files: what it accepts, it prints alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_deliver::export::Made;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(made) = Made::parse(bytes) {
        assert_eq!(made.print().as_bytes(), bytes);
    }
});

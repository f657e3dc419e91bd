//! The baseline's reader: any bytes give accepted findings, which print and
//! read again as the same, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_scan::Baseline;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(baseline) = Baseline::parse(bytes) {
        assert_eq!(Baseline::parse(baseline.print().as_bytes()), Ok(baseline));
    }
});

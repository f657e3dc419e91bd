//! The baseline's reader: any bytes give accepted findings, which print and
//! read again as the same, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_scan::Baseline;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((key, baseline)) = Baseline::parse(bytes) {
        let again = Baseline::parse(baseline.print(&key).as_bytes());
        assert_eq!(again.map(|(_, baseline)| baseline), Ok(baseline));
    }
});

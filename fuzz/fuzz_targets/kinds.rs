//! The search for credentials: any text is looked through, and what is found
//! stands in it, in order.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use unspoken_scan::{Kinds, Lines};

static KINDS: LazyLock<Kinds> = LazyLock::new(Kinds::new);

fuzz_target!(|bytes: &[u8]| {
    let mut lines = Lines::new(bytes);
    let mut end = 0;
    for seen in KINDS.find(bytes) {
        assert!(end <= seen.range.start && seen.range.start < seen.range.end);
        assert!(seen.range.end <= bytes.len());
        assert!(lines.position(seen.range.start).line >= 1);
        end = seen.range.end;
    }
});

//! The inbox's readers: what a file is called, and what stands inside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_seal::{Identity, InboxItem, InboxLabel};

fuzz_target!(|bytes: &[u8]| {
    if let Some(label) = std::str::from_utf8(bytes).ok().and_then(InboxLabel::parse) {
        assert_eq!(InboxLabel::parse(&label.to_string()), Some(label));
    }
    let _ = InboxItem::parse(bytes);
    let _ = InboxItem::open(bytes, &Vec::<Identity>::new());
});

//! The backup's readers: any bytes give an archive, keys, or an error.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use unspoken_store::{Backup, BackupKeys};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(backup) = Backup::parse(bytes) {
        assert_eq!(backup.print().expect("it was read"), bytes);
    }
    let _ = BackupKeys::parse(bytes, &BTreeSet::new());
});

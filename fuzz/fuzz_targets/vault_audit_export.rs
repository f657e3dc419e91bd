//! A vault's exported record that somebody hands over: each line reads and prints as what
//! reads the same, or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_wire::vault::RecordLine;

fuzz_target!(|bytes: &[u8]| {
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(read) = RecordLine::parse(line) else { continue };
        let printed = read.print();
        assert_eq!(RecordLine::parse(printed.as_bytes()).as_ref(), Ok(&read));
    }
});

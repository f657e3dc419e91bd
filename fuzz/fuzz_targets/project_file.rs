//! The project file's reader: what it accepts, it prints as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_model::ProjectFile;

fuzz_target!(|text: &str| {
    if let Ok(file) = ProjectFile::parse(text) {
        assert_eq!(file.print(), text);
    }
});

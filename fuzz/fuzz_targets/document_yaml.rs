//! The YAML document reader: any bytes give a document or an error, and a document
//! gives values, an edited text or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_model::DocumentForm;

fuzz_target!(|bytes: &[u8]| {
    unspoken_fuzz::open(DocumentForm::Yaml, bytes);
    unspoken_fuzz::edit(DocumentForm::Yaml, bytes);
});

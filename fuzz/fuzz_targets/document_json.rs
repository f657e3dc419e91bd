//! The JSON document reader: any bytes give a document or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_model::DocumentForm;
use unspoken_seal::Document;

fuzz_target!(|bytes: &[u8]| {
    let _ = Document::parse(DocumentForm::Json, bytes);
});

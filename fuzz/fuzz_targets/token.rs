//! Tokens, as they are shown and as they are sent: each has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_seal::{PlainToken, TokenAuth};

fuzz_target!(|text: &str| {
    if let Ok(token) = PlainToken::parse(text) {
        assert_eq!(token.expose().as_str(), text);
        assert!(TokenAuth::parse(text).is_ok_and(|sent| sent.fits(&token.auth().hash())));
    } else if let Ok(sent) = TokenAuth::parse(text) {
        assert_eq!(sent.expose().as_str(), text);
    }
});

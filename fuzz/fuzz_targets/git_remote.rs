//! The reader of a repository's address: what it accepts has no user, no port and one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_model::GitRemote;

fuzz_target!(|text: &str| {
    if let Some(remote) = GitRemote::parse(text) {
        assert!(!remote.as_str().contains(['@', ':', '?', ' ']));
    }
});

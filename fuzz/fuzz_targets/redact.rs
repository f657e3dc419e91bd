//! Any text past any value: nothing panics, what is found lies in the text, the
//! value never passes, and text without it passes unchanged. The first byte says how
//! long the value is, the second how long the pieces are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_model::SecretName;
use unspoken_seal::{Matcher, Redactor, Scratch, Secret, Strength};

fuzz_target!(|bytes: &[u8]| {
    let [length, piece, rest @ ..] = bytes else { return };
    let Some((value, text)) = rest.split_at_checked(usize::from(*length)) else { return };
    let Ok(secret) = Secret::new(value.to_vec()) else { return };
    let name = SecretName::parse("A").expect("it is a name");
    let matcher = Matcher::new([(&name, &secret)]);
    let found = matcher.find(text, &mut Scratch::default());
    assert!(found.iter().all(|found| found.range.end <= text.len()));
    assert!(found.is_sorted_by(|one, other| one.range.end <= other.range.start));
    let mut redactor = Redactor::default();
    let mut out = Vec::new();
    for piece in text.chunks(usize::from(*piece).max(1)) {
        redactor.push(&matcher, piece, &mut out);
    }
    redactor.release(&matcher, &mut out);
    if found.is_empty() {
        assert!(out == text);
    }
    // What stands right beside a mark may make a value of it by chance.
    let has_mark = value.windows(1).any(|byte| b"[]:".contains(&byte[0]));
    if Strength::of(&secret) == Strength::Strong && !has_mark {
        assert!(!out.windows(value.len()).any(|window| window == value));
    }
});

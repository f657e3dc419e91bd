//! The floor: what has the form of a credential and is none.
//!
//! Documentation is full of tokens that were never issued. They repeat a
//! character, count up, or say that they are an example. A random one does none
//! of this, but for less than one in a hundred thousand.

/// Words that stand in examples. Five letters at least, so that no random
/// token has one.
const WORDS: [&[u8]; 17] = [
    b"example",
    b"placeholder",
    b"dummy",
    b"sample",
    b"insert",
    b"your_",
    b"your-",
    b"yourt",
    b"changeme",
    b"redacted",
    b"xxxxx",
    b"fake_",
    b"fake-",
    b"faketoken",
    b"notreal",
    b"replace",
    b"deadbeef",
];

/// How many equal characters in a row no random token has.
const EQUAL: usize = 7;

/// How many characters that count up or down no random token has.
const COUNTED: usize = 7;

/// Whether the random part of a token may have been drawn at random.
pub(crate) fn is_random(body: &[u8]) -> bool {
    let needed = if body.len() >= 20 { 8 } else { 5 };
    distinct(body) >= needed
        && !steps(body, 0, EQUAL)
        && !steps(body, 1, COUNTED)
        && !steps(body, 255, COUNTED)
        && !is_periodic(body)
        && !has_word(body)
}

/// Whether a text says of itself that it is none.
pub(crate) fn has_word(text: &[u8]) -> bool {
    WORDS.iter().any(|word| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)))
}

/// How many different bytes there are.
pub(crate) fn distinct(text: &[u8]) -> usize {
    let mut seen = [false; 256];
    for &byte in text {
        seen[usize::from(byte)] = true;
    }
    seen.iter().filter(|&&seen| seen).count()
}

/// Whether `count` bytes follow each other, each `step` above the one before.
fn steps(text: &[u8], step: u8, count: usize) -> bool {
    let mut row = 1;
    text.windows(2).any(|pair| {
        row = if pair[1] == pair[0].wrapping_add(step) { row + 1 } else { 1 };
        row >= count
    })
}

/// Whether three quarters of a text are one short piece over and over.
fn is_periodic(text: &[u8]) -> bool {
    (1..=16.min(text.len() / 2)).any(|period| {
        let rest = text.get(period..).unwrap_or_default();
        let same = text.iter().zip(rest).filter(|(one, other)| one == other).count();
        same * 4 >= rest.len() * 3
    })
}

#[test]
fn examples_are_told_from_random_texts() {
    for none in [
        "xxxxxxxxxxxxxxxxxxxxxxxx",
        "AAAAAAAAbcdefQRSTuvw1290",
        "1234567890abcdef1234567890abcdef",
        "9876543210fedcba",
        "a1b2c3d4a1b2c3d4a1b2c3d4",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "your_token_goes_in_here",
        "abababababababababab",
        "",
    ] {
        assert!(!is_random(none.as_bytes()), "{none}");
    }
    for random in ["zQ9fTSOoRi4A9spHcVY5", "9f86d081884c7d659a2feaa0c55ad015", "8Vf0-x_Lq2"] {
        assert!(is_random(random.as_bytes()), "{random}");
    }
}

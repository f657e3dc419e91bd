//! Which values can be told from other text.

use std::collections::BTreeSet;

use super::setting::is_setting;
use crate::Secret;

/// How well a value can be told from other text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Strength {
    /// Found anywhere, in every disguise.
    Strong,
    /// Found as a whole word alone, and as it is: it is shorter than
    /// [`Strength::LENGTH`] bytes, of too few characters, or may be a word of a language.
    Short,
    /// Not looked for at all: a setting, a short word, a small or a round number, or
    /// shorter than four bytes.
    Plain,
}

impl Strength {
    /// The length from which on a value is found anywhere.
    pub const LENGTH: usize = 8;

    /// The length below which nothing is looked for.
    const LEAST: usize = 4;

    /// How many different characters a value has at least that is found anywhere.
    const VARIETY: usize = 4;

    /// From which length on letters alone are no word of a language.
    const PHRASE: usize = 12;

    pub fn of(secret: &Secret) -> Self {
        Self::of_text(secret.expose())
    }

    pub(super) fn of_text(text: &str) -> Self {
        let value = text.trim();
        let variety = variety(value);
        let is_short = value.len() < Self::LENGTH;
        if value.len() < Self::LEAST || variety < 2 || is_setting(value) {
            return Self::Plain;
        }
        if is_short && (is_word(value) || is_round(value)) {
            return Self::Plain;
        }
        let is_found_anywhere = variety >= Self::VARIETY && !is_word(value);
        if is_short || !is_found_anywhere { Self::Short } else { Self::Strong }
    }
}

/// Whether a text may be a word of a language: few letters, all small but perhaps the
/// first, or all capital.
fn is_word(value: &str) -> bool {
    let (first, rest) = value.split_at_checked(1).unwrap_or(("", value));
    let small = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_capital = value.bytes().all(|byte| byte.is_ascii_uppercase());
    let has_letters = first.bytes().all(|byte| byte.is_ascii_alphabetic());
    value.len() < Strength::PHRASE && has_letters && (small(rest) || is_capital)
}

/// A small or a round number.
fn is_round(value: &str) -> bool {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (value.len() < 6 || value.ends_with("000"))
}

fn variety(value: &str) -> usize {
    value.chars().collect::<BTreeSet<_>>().len()
}

#[test]
fn a_value_is_told_from_other_text_by_its_length_and_its_characters() {
    #[track_caller]
    fn case(value: &str, expected: Strength) {
        let secret = Secret::new(value.as_bytes().to_vec()).unwrap();
        assert_eq!(Strength::of(&secret), expected, "{value}");
    }

    for strong in
        ["hunter2-hunter2", "correct horse", "correcthorsebattery", "Abcd1234", "30492817"]
    {
        case(strong, Strength::Strong);
    }
    for short in ["hunter2", "abababababab", "s3cr", "314159", "pa55", "checkout", "Treehouse"] {
        case(short, Strength::Short);
    }
    for plain in [
        "",
        "abc",
        "3000",
        "54321",
        "100000",
        "TRUE",
        "production",
        "aaaaaaaaaaaa",
        "node",
        "ROOT",
        "us-east-1",
    ] {
        case(plain, Strength::Plain);
    }
    case("http://localhost:3000/?key=1", Strength::Strong);
}

//! Which values can be told from other text.

use std::collections::BTreeSet;

use crate::Secret;

/// How well a value can be told from other text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Strength {
    /// Found anywhere, in every disguise.
    Strong,
    /// Found as a whole word alone, and as it is: it is shorter than
    /// [`Strength::LENGTH`] bytes, or consists of too few characters.
    Short,
    /// Not looked for at all: an everyday word, a small number, or shorter than
    /// four bytes.
    Plain,
}

/// What stands in the settings of many programs and hides nothing.
const EVERYDAY: [&str; 34] = [
    "true",
    "false",
    "yes",
    "none",
    "null",
    "auto",
    "default",
    "enabled",
    "disabled",
    "enable",
    "disable",
    "development",
    "production",
    "staging",
    "preview",
    "testing",
    "test",
    "local",
    "localhost",
    "debug",
    "info",
    "warn",
    "warning",
    "error",
    "trace",
    "verbose",
    "silent",
    "redis",
    "postgres",
    "postgresql",
    "mysql",
    "sqlite",
    "memory",
    "application",
];

impl Strength {
    /// The length from which on a value is found anywhere.
    pub const LENGTH: usize = 8;

    /// The length below which nothing is looked for.
    const LEAST: usize = 4;

    /// How many different characters a value has at least that is found anywhere.
    const VARIETY: usize = 4;

    pub fn of(secret: &Secret) -> Self {
        let value = secret.expose().trim();
        let is_small_number = value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit());
        if value.len() < Self::LEAST || is_small_number || is_everyday(value) {
            return Self::Plain;
        }
        let variety = variety(value);
        if variety < 2 {
            return Self::Plain;
        }
        if value.len() < Self::LENGTH || variety < Self::VARIETY {
            return Self::Short;
        }
        Self::Strong
    }
}

fn is_everyday(value: &str) -> bool {
    EVERYDAY.iter().any(|word| word.eq_ignore_ascii_case(value)) || is_local_address(value)
}

/// Such as `127.0.0.1:5432` or `http://localhost:3000/`.
fn is_local_address(value: &str) -> bool {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest).trim_end_matches('/');
    let (host, port) = rest.split_once(':').unwrap_or((rest, ""));
    let is_host = ["localhost", "127.0.0.1", "0.0.0.0"].contains(&host);
    is_host && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a part of a value is worth to be found by itself.
pub(super) fn is_telling(part: &str) -> bool {
    part.len() >= Strength::LENGTH && variety(part) > Strength::VARIETY && !is_everyday(part)
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

    case("hunter2-hunter2", Strength::Strong);
    case("correct horse", Strength::Strong);
    case("hunter2", Strength::Short);
    case("abababababab", Strength::Short);
    case("s3cr", Strength::Short);
    case("314159", Strength::Short);
    for plain in
        ["", "abc", "3000", "54321", "TRUE", "production", "aaaaaaaaaaaa", "127.0.0.1:5432"]
    {
        case(plain, Strength::Plain);
    }
    case("http://localhost:3000/", Strength::Plain);
    case("http://localhost:3000/?key=1", Strength::Strong);
}

//! What holds for any values, any disguise and any pieces. Disguises are made here
//! by other means than those that look for them.

#![allow(clippy::string_slice, reason = "the texts are ASCII where they are cut")]

use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::collection::vec;
use proptest::prelude::*;
use unspoken_model::SecretName;

use super::{Matcher, Redactor, Scratch, Strength};
use crate::Secret;

type Set = Vec<(SecretName, Secret)>;

fn set(values: &[String]) -> Set {
    let named = values.iter().enumerate();
    named
        .map(|(at, value)| {
            let name = SecretName::parse(&format!("NAME_{at}")).unwrap();
            (name, Secret::new(value.clone().into_bytes()).unwrap())
        })
        .collect()
}

fn matcher(set: &Set) -> Matcher {
    Matcher::new(set.iter().map(|(name, secret)| (name, secret)))
}

/// Passes a text through, cut at these places; between pieces it may be released.
fn redact(matcher: &Matcher, text: &[u8], cuts: &[usize], idle: bool) -> Vec<u8> {
    let mut redactor = Redactor::default();
    let mut out = Vec::new();
    let mut start = 0;
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    cuts.push(text.len());
    cuts.sort_unstable();
    for cut in cuts {
        redactor.push(matcher, &text[start..cut], &mut out);
        start = cut;
        if idle {
            redactor.release(matcher, &mut out);
        }
    }
    redactor.release(matcher, &mut out);
    assert_eq!(redactor.waiting(), 0);
    out
}

fn bytewise(matcher: &Matcher, text: &[u8]) -> Vec<u8> {
    redact(matcher, text, &(0..text.len()).collect::<Vec<_>>(), false)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// Values as they are met: tokens, passwords with signs, texts, several lines.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9_-]{12,40}",
        "[ -~]{12,40}",
        "[a-z&<>\"'/\\\\$`%+ ]{14,30}",
        "[a-z0-9äöü€😀]{12,24}",
        "[a-z0-9 ]{9,20}\n[a-z0-9]{9,20}\n?",
    ]
    .prop_filter("strong", |value| {
        Strength::of(&Secret::new(value.clone().into_bytes()).unwrap()) == Strength::Strong
    })
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn each(text: &str, write: impl Fn(char) -> String) -> String {
    text.chars().map(write).collect()
}

fn join(bytes: &[u8], separator: &str, write: impl Fn(&u8) -> String) -> String {
    bytes.iter().map(write).collect::<Vec<_>>().join(separator)
}

/// What the digits are of a value that follows other bytes.
fn base64_inside(value: &str, before: usize, engine: &impl base64::Engine) -> String {
    let whole = [&vec![b'u'; before][..], value.as_bytes(), b"end"].concat();
    let digits = engine.encode(whole);
    digits[(before * 8).div_ceil(6)..(before + value.len()) * 8 / 6].to_owned()
}

const WAYS: usize = 26;

/// A disguise: the text that must not be seen.
fn disguise(value: &str, way: usize) -> Vec<u8> {
    let bytes = value.as_bytes();
    let text = match way {
        0 => value.to_owned(),
        1 => json(value),
        2 => json(&json(value)),
        3 => json(value).replace('/', "\\/"),
        4 => each(value, |c| {
            c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect()
        }),
        5..=7 => base64_inside(value, way - 5, &STANDARD),
        8..=10 => base64_inside(value, way - 8, &URL_SAFE),
        11 => join(bytes, "", |b| format!("{b:02x}")),
        12 => join(bytes, ":", |b| format!("{b:02X}")),
        13 => join(bytes, " ", |b| format!("{b:02x}")),
        14 => join(bytes, "", |b| format!("%{b:02x}")),
        15 => join(bytes, "", |b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(*b).into()
            }
            _ => format!("%{b:02X}"),
        }),
        16 => join(bytes, "", |b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                char::from(*b).into()
            }
            b' ' => "+".to_owned(),
            _ => format!("%{b:02X}"),
        }),
        17 => each(value, |c| format!("&#{};", u32::from(c))),
        18 => value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#x27;"),
        19 => value.replace('\'', "'\\''"),
        20 => {
            let debug = format!("{value:?}");
            debug[1..debug.len() - 1].to_owned()
        }
        21 => value.escape_default().to_string(),
        22 => join(bytes, "", |b| format!("\\x{b:02x}")),
        23 => return value.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        24 => return value.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => join(bytes, "", |b| format!("\\{b:03o}")),
    };
    text.into_bytes()
}

/// What is put between the characters of a value that stays readable.
const BETWEEN: [&str; 9] = ["\x1b[0m", "\r", "\r\n", "\u{200b}", "\u{feff}", "-", " ", ".", "\0"];

fn interleaved(value: &str, between: &str, every: usize) -> Vec<u8> {
    let mut text = String::new();
    for (at, character) in value.chars().enumerate() {
        if at > 0 && at % every == 0 {
            text.push_str(between);
        }
        text.push(character);
    }
    text.into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_value_passes_in_any_disguise_and_in_any_pieces(
        values in vec(value(), 1..5),
        which in any::<prop::sample::Index>(),
        way in 0..WAYS,
        before in "[a-zA-Z0-9 =:\"'\n]{0,40}",
        after in "[a-zA-Z0-9 =:\"'\n]{0,40}",
        cuts in vec(any::<usize>(), 0..6),
    ) {
        let set = set(&values);
        let matcher = matcher(&set);
        let hidden = disguise(&values[which.index(values.len())], way);
        let text = [before.as_bytes(), &hidden, after.as_bytes()].concat();
        for out in [redact(&matcher, &text, &cuts, false), bytewise(&matcher, &text), redact(&matcher, &text, &cuts, true)] {
            prop_assert!(!contains(&out, &hidden), "way {way}");
            prop_assert!(contains(&out, b"[REDACTED:NAME_"), "way {way}");
        }
    }

    #[test]
    fn no_value_passes_with_something_between_its_characters(
        value in "[A-Za-z0-9_=+/]{12,40}",
        between in prop::sample::select(&BETWEEN[..]),
        every in 1_usize..9,
        before in "[a-z =:\n]{0,20}",
        cuts in vec(any::<usize>(), 0..6),
    ) {
        let is_noise = BETWEEN.iter().position(|each| *each == between).unwrap() < 5;
        let hidden = interleaved(&value, between, if is_noise { every } else { 1 });
        let set = set(&[value]);
        prop_assume!(Strength::of(&set[0].1) == Strength::Strong);
        let matcher = matcher(&set);
        let text = [before.as_bytes(), &hidden, b" end"].concat();
        for out in [redact(&matcher, &text, &cuts, false), bytewise(&matcher, &text)] {
            prop_assert!(!contains(&out, &hidden));
            prop_assert!(contains(&out, b"[REDACTED:NAME_0]"));
        }
    }

    #[test]
    fn text_without_a_value_passes_unchanged(
        values in vec(value(), 0..5),
        text in prop_oneof![
            vec(any::<u8>(), 0..300),
            "[a-z \n\x1b\r0-9.:/-]{0,300}".prop_map(String::into_bytes),
        ],
        cuts in vec(any::<usize>(), 0..6),
        idle in any::<bool>(),
    ) {
        let set = set(&values);
        let matcher = matcher(&set);
        prop_assert!(redact(&matcher, &text, &cuts, idle) == text);
        prop_assert!(bytewise(&matcher, &text) == text);
    }

    #[test]
    fn a_stream_is_as_its_pieces_are(
        values in vec("[ab]{4}[a-d]{8,12}", 1..4),
        text in "[ab]{0,20}([ab]{4}[a-d]{8,12}|[a-d\n ]{0,9}){0,20}",
        cuts in vec(any::<usize>(), 0..9),
    ) {
        let matcher = matcher(&set(&values));
        let whole = redact(&matcher, text.as_bytes(), &[], false);
        prop_assert!(redact(&matcher, text.as_bytes(), &cuts, false) == whole);
        prop_assert!(bytewise(&matcher, text.as_bytes()) == whole);
        prop_assert!(values.iter().all(|value| !contains(&whole, value.as_bytes())));
    }
}

fn redacted(values: &[&str], text: &str) -> String {
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    let out = redact(&matcher(&set(&values)), text.as_bytes(), &[], false);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_longest_of_several_is_named_and_overlaps_are_one() {
    let values = ["canary-one-two", "canary-one-two-three", "three-canary-four"];
    assert_eq!(redacted(&values, "a canary-one-two b"), "a [REDACTED:NAME_0] b");
    assert_eq!(redacted(&values, "a canary-one-two-three b"), "a [REDACTED:NAME_1] b");
    assert_eq!(redacted(&values, "<canary-one-two-three-canary-four>"), "<[REDACTED:NAME_1]>");
    assert_eq!(
        redacted(&values, "canary-one-twothree-canary-four"),
        "[REDACTED:NAME_0][REDACTED:NAME_2]"
    );
}

#[test]
fn a_long_value_is_one_mark_also_in_pieces() {
    let value: String = (0..9000).map(|at| format!("{at:x}")).collect();
    let set = set(std::slice::from_ref(&value));
    let matcher = matcher(&set);
    let text = format!("<{value}>");
    for cuts in [vec![], vec![700, 5000, 20_000], (0..text.len()).step_by(97).collect()] {
        let out = redact(&matcher, text.as_bytes(), &cuts, false);
        assert!(out == b"<[REDACTED:NAME_0]>", "{} bytes", out.len());
    }
}

#[test]
fn a_prompt_waits_for_nothing_and_a_beginning_for_its_end() {
    let set = set(&["hunter2-hunter2".to_owned()]);
    let matcher = matcher(&set);
    let mut redactor = Redactor::default();
    let mut out = Vec::new();
    redactor.push(&matcher, b"Password: ", &mut out);
    assert_eq!(out, b"Password: ");
    redactor.push(&matcher, b"hunter2-", &mut out);
    assert_eq!((out.as_slice(), redactor.waiting()), (b"Password: ".as_slice(), 8));
    redactor.release(&matcher, &mut out);
    redactor.push(&matcher, b"hunter2!", &mut out);
    // What was shown already cannot be taken back, but the value is not whole.
    assert_eq!(out, b"Password: hunter2-[REDACTED:NAME_0]!");
}

#[test]
fn a_mark_never_shows_a_value() {
    assert_eq!(redacted(&["NAME_0-REDACTED", "REDACTED:NAME"], "REDACTED:NAME"), "[REDACTED]");
    assert_eq!(redacted(&["NAME_0-REDACTED"], "NAME_0-REDACTED"), "[REDACTED:NAME_0]");
}

#[test]
fn parts_of_values_are_found() {
    let key = r#"{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----\n"}"#;
    let url = "postgres://app:s3cr%40t-word@db.internal:5432/app";
    assert_eq!(redacted(&[key, url], "line MIIEvQIBADANBg"), "line [REDACTED:NAME_0]");
    assert_eq!(redacted(&[key, url], "pw s3cr@t-word"), "pw [REDACTED:NAME_1]");
    assert_eq!(redacted(&[key, url], "type service_account"), "type service_account");
}

#[test]
fn nothing_of_a_value_is_shown_by_debug() {
    let set = set(&["canary-value-1".to_owned()]);
    let matcher = matcher(&set);
    let mut redactor = Redactor::default();
    redactor.push(&matcher, b"canary-v", &mut Vec::new());
    let found = matcher.find(b"canary-value-1", &mut Scratch::default());
    let shown = format!("{matcher:?} {redactor:?} {found:?} {:?}", Scratch::default());
    assert!(!shown.contains("canary") && !shown.contains("99, 97"), "{shown}");
}

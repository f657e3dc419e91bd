//! Each kind is made as its vendor makes it, at run time: no token stands here.

mod made;

use proptest::prelude::*;

use self::made::{Made, Source, made};
use crate::{Kind, Kinds, Sighting, Verified};

/// Where tokens stand in practice.
const PLACES: [(&str, &str); 14] = [
    ("", ""),
    ("", "\nnext line"),
    ("a text before it: ", ""),
    ("{\"token\": \"", "\", \"other\": 1}"),
    ("{\\\"token\\\": \\\"", "\\\"}"),
    ("\"line\\n", "\\nline\""),
    ("token: ", "\nother: x\n"),
    ("TOKEN='", "'"),
    ("TOKEN=`", "`;"),
    ("https://api.acme.dev/v1?token=", "&page=2"),
    ("https%3A%2F%2Fapi.acme.dev%2F%3Ftoken%3D", "%26page%3D2"),
    ("<key>", "</key>"),
    ("é😀 \u{0}\u{1}", "\u{0}é"),
    ("(", "),"),
];

#[track_caller]
fn only(kinds: &Kinds, text: &[u8], made: &Made) -> Sighting {
    let found = kinds.find(text);
    assert_eq!(found.len(), 1, "{} {found:?}", made.kind);
    found.into_iter().next().unwrap()
}

#[test]
fn every_kind_is_found_where_it_stands() {
    let kinds = Kinds::new();
    for seed in 1..=20 {
        for made in made(seed) {
            for (before, after) in PLACES {
                // These end where no character of base64 follows.
                if made.kind == "private-key" && before.starts_with("https") {
                    continue;
                }
                let text = [before, &made.before, &made.token, &made.after, after].concat();
                let start = before.len() + made.before.len();
                let seen = only(&kinds, text.as_bytes(), &made);
                assert_eq!(seen.kind.id(), made.kind, "{before:?}");
                assert_eq!(seen.range, start..start + made.token.len(), "{} {before:?}", made.kind);
            }
        }
    }
}

#[test]
fn no_kind_takes_more_of_a_text_than_it_is_said_to_reach() {
    let kinds = Kinds::new();
    for seed in 1..=20 {
        for made in made(seed) {
            let text = [made.before, made.token, made.after].concat();
            assert!(text.len() <= kinds.reach(text.as_bytes()), "{}", made.kind);
        }
    }
    let far = ["-----BEGIN PRIVATE KEY-----", "eyJhbGciOi.eyJ", "unspoken-key-1:"];
    for text in far {
        assert!(kinds.reach(text.as_bytes()) > kinds.reach(b"text"), "{text}");
    }
}

#[test]
fn there_is_a_made_one_of_every_kind() {
    let mut tested: Vec<_> = made(1).iter().map(|made| made.kind).collect();
    tested.sort_unstable();
    tested.dedup();
    let known: Vec<_> = Kind::all().into_iter().map(Kind::id).collect();
    assert_eq!(tested, known);
}

#[test]
fn where_a_vendor_has_a_checksum_it_is_verified_and_decides() {
    let kinds = Kinds::new();
    let mut count = 0;
    for made in made(3).into_iter().filter(|made| made.has_checksum) {
        let text = format!("{}{}{}", made.before, made.token, made.after);
        let seen = only(&kinds, text.as_bytes(), &made);
        assert_eq!(seen.verified, Verified::Checksum, "{}", made.kind);
        // One changed character in the middle, of the same alphabet.
        let middle = made.before.len() + made.token.len() / 2;
        let mut wrong = text.into_bytes();
        wrong[middle] = if wrong[middle] == b'3' { b'2' } else { b'3' };
        assert_eq!(kinds.find(&wrong), [], "{}", made.kind);
        count += 1;
    }
    assert!(count >= 11, "{count}");
}

#[test]
fn what_stands_in_documentation_is_no_finding() {
    let kinds = Kinds::new();
    let fills = ["x", "0", "A", "abc123", "1234567890abcdef", "deadbeef", "xX", "example0"];
    for made in made(5) {
        for fill in fills {
            // The first characters are what it is known by.
            let keep = made.fixed;
            let body = fill.chars().cycle().take(made.token.len() - keep).collect::<String>();
            let token = format!("{}{body}", made.token.get(..keep).unwrap());
            let text = format!("{}{token}{}", made.before, made.after);
            assert_eq!(kinds.find(text.as_bytes()), [], "{} {fill}", made.kind);
        }
    }
}

#[test]
fn a_token_that_goes_on_or_is_cut_is_another_thing() {
    let kinds = Kinds::new();
    // Those of a fixed length that end with a character of their alphabet.
    let fixed = ["github-token", "npm-token", "crates-io-token", "google-api-key", "groq-key"];
    for made in made(7).into_iter().filter(|made| fixed.contains(&made.kind)) {
        let longer = format!("{}k7", made.token);
        assert_eq!(kinds.find(longer.as_bytes()), [], "{}", made.kind);
        let within = format!("q{}", made.token);
        assert_eq!(kinds.find(within.as_bytes()), [], "{}", made.kind);
        let cut = made.token.get(..made.token.len() - 1).unwrap();
        assert_eq!(kinds.find(cut.as_bytes()), [], "{}", made.kind);
    }
}

#[test]
fn addresses_without_a_password_of_somebody_are_left_alone() {
    let kinds = Kinds::new();
    for address in [
        "https://docs.rs/regex",
        "https://user@acme.dev/x",
        "postgres://user:password@db.acme.dev/x",
        "postgres://app:${DB_PASSWORD}@db.acme.dev/x",
        "postgres://app:<password>@db.acme.dev/x",
        "postgres://app:%s@db.acme.dev/x",
        "postgres://app:*******@db.acme.dev/x",
        "amqp://guest:guest@mq.acme.dev",
        "mysql://root:root123@db.acme.dev",
        "https://u:k8Vz0qLm@example.com/",
        "https://u:k8Vz0qLm@api.example.org/",
        "//u:k8Vz0qLm@acme.dev",
        "https://acme.dev:8443/a:b@c",
        "see https://a.dev: mail k8Vz0qLm@acme.dev",
    ] {
        assert_eq!(kinds.find(address.as_bytes()), [], "{address}");
    }
}

#[test]
fn a_token_in_an_address_is_reported_once_and_by_its_own_kind() {
    let kinds = Kinds::new();
    let token = Source::new(9).github("ghp_");
    let text = format!("https://bot:{token}@github.com/acme/app.git");
    let found = kinds.find(text.as_bytes());
    let ids: Vec<_> = found.iter().map(|found| (found.kind.id(), found.range.clone())).collect();
    assert_eq!(ids, [("github-token", 12..12 + token.len())]);
}

#[test]
fn anchors_over_the_edge_of_a_block_are_found() {
    let kinds = Kinds::new();
    let token = Source::new(11).github("ghp_");
    for room in 65_490..65_540 {
        let text = format!("{}{token}", " ".repeat(room));
        assert_eq!(kinds.find(text.as_bytes()).len(), 1, "{room}");
    }
}

/// Were a look not bounded, this would not come to an end.
#[test]
fn anchors_alone_are_no_credentials() {
    let kinds = Kinds::new();
    for rule in super::all() {
        for anchor in rule.anchors {
            let text = anchor.repeat(100_000 / anchor.len());
            assert_eq!(kinds.find(text.as_bytes()), [], "{anchor}");
        }
    }
    let blocks = "-----BEGIN PRIVATE KEY-----\nMIIE".repeat(10_000);
    assert_eq!(kinds.find(blocks.as_bytes()), []);
    assert_eq!(kinds.find(&b"://a:".repeat(40_000)), []);
}

proptest! {
    #[test]
    fn any_text_is_looked_through(
        parts in proptest::collection::vec((0_usize..200, any::<Vec<u8>>()), 0..12),
    ) {
        let kinds = Kinds::new();
        let anchors: Vec<_> = super::all().flat_map(|rule| rule.anchors).collect();
        let mut text = Vec::new();
        for (number, bytes) in parts {
            text.extend_from_slice(anchors[number % anchors.len()].as_bytes());
            text.extend_from_slice(&bytes);
        }
        let mut end = 0;
        for seen in kinds.find(&text) {
            prop_assert!(end <= seen.range.start && seen.range.end <= text.len());
            end = seen.range.end;
        }
    }
}

//! One project in all languages, as files that a review reads.

use unspoken_model::{Language, SecretName};
use unspoken_typegen::{Catalogue, Form, is_generated};

use crate::{RUSTFMT, catalogue, forms, is_formatted};

const PROJECT: &str = r#"
project = "acme-web"
default = "development"

[descriptions]
DATABASE_URL = "Where the orders are."
STRIPE_KEY = """
The restricted key of the shop.

Ask payments@acme.example for another."""

[environments.development]
[environments.staging]
inherits = "development"
[environments.production]
"#;

fn acme() -> Catalogue {
    catalogue(
        PROJECT,
        &[
            ("development", &["DATABASE_URL", "SELF", "STRIPE_KEY 2031-01-31", "TYPE"]),
            ("staging", &["SENTRY_DSN"]),
            ("production", &["DATABASE_URL 2030-06-01", "SELF", "STRIPE_KEY", "TYPE"]),
        ],
    )
}

#[test]
fn every_form_is_as_it_was_reviewed() {
    let [typescript, go, python, stub, rust] = forms();
    for (form, expected) in [
        (typescript, include_str!("../golden/unspoken.d.ts")),
        (go, include_str!("../golden/secrets.go")),
        (python, include_str!("../golden/names.py")),
        (stub, include_str!("../golden/names.pyi")),
        (rust, include_str!("../golden/secrets.rs")),
    ] {
        let text = form.print(&acme()).unwrap();
        assert_eq!(text, expected);
        assert!(is_generated(text.as_bytes()));
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
    }
}

#[test]
fn formatters_leave_names_of_every_length_as_they_are() {
    let names: Vec<String> = (1..=SecretName::MAX).map(|length| "N".repeat(length)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let file = "project = \"p\"\ndefault = \"a\"\n[environments.a]\n[environments.b]\n";
    let (odd, all): (Vec<_>, _) =
        (names.iter().copied().filter(|name| name.len() % 2 == 1).collect(), names);
    let [_, go, _, _, rust] = forms();
    for sheets in
        [&[("a", all.as_slice())][..], &[("a", all.as_slice()), ("b", odd.as_slice())], &[]]
    {
        let catalogue = catalogue(file, sheets);
        is_formatted("gofmt", &[], &go.print(&catalogue).unwrap());
        is_formatted("rustfmt", &RUSTFMT, &rust.print(&catalogue).unwrap());
    }
    is_formatted("gofmt", &[], &go.print(&acme()).unwrap());
    is_formatted("rustfmt", &RUSTFMT, &rust.print(&acme()).unwrap());
}

#[track_caller]
fn collides(form: &Form, catalogue: &Catalogue, expected: Option<&str>) {
    let error = form.print(catalogue).err();
    assert_eq!(error.as_ref().map(ToString::to_string).as_deref(), expected);
    if let Some(error) = error {
        assert_eq!(error.language, form.language());
    }
}

#[test]
fn names_that_a_language_cannot_tell_apart_are_both_named() {
    let file = "project = \"p\"\ndefault = \"a\"\n[environments.a]\n";
    let [typescript, go, python, stub, rust] = forms();
    let underscores = catalogue(file, &[("a", &["A_B", "A__B"])]);
    collides(&go, &underscores, Some("`A_B` and `A__B` would both be `AB` in Go"));
    for form in [&typescript, &python, &stub, &rust] {
        collides(form, &underscores, None);
    }
    let words = catalogue(file, &[("a", &["SELF", "SELF_"])]);
    collides(&rust, &words, Some("`SELF` and `SELF_` would both be `self_` in Rust"));
    collides(&go, &words, Some("`SELF` and `SELF_` would both be `Self` in Go"));
    for form in [&typescript, &python, &stub] {
        collides(form, &words, None);
    }
    assert_eq!(go.language(), Language::Go);
}

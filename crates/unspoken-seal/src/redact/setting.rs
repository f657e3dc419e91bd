//! Values that tell where something is, or how it is written, and not how to get in.
//!
//! They stand among the secrets of many projects. A log from which they are left out
//! cannot be read, and hides nothing.

/// What stands in the settings of many programs and hides nothing.
const EVERYDAY: [&str; 46] = [
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
    "localhost",
    "warning",
    "verbose",
    "postgres",
    "postgresql",
    "application",
    "password",
    "passwort",
    "passw0rd",
    "changeme",
    "changeit",
    "secret",
    "username",
    "example",
    "guest",
    "utf8",
    "utf-8",
    "utf-16",
    "iso-8859-1",
    "sha1",
    "sha256",
    "sha384",
    "sha512",
    "hs256",
    "rs256",
    "es256",
    "base64",
    "oauth2",
    "http2",
    "en_us.utf-8",
];

/// How regions of the clouds begin, and what follows.
const LANDS: [&str; 17] = [
    "us",
    "eu",
    "ap",
    "sa",
    "ca",
    "me",
    "af",
    "il",
    "mx",
    "cn",
    "asia",
    "europe",
    "africa",
    "australia",
    "northamerica",
    "southamerica",
    "uk",
];
const DIRECTIONS: [&str; 10] = [
    "north",
    "south",
    "east",
    "west",
    "central",
    "northeast",
    "southeast",
    "northwest",
    "southwest",
    "gov",
];

/// How time zones begin.
const ZONES: [&str; 10] = [
    "Africa",
    "America",
    "Antarctica",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
    "Etc",
];

/// How the names of hosts end that stand alone, without `https://`.
const DOMAINS: [&str; 12] =
    ["com", "net", "org", "io", "dev", "app", "eu", "de", "uk", "internal", "local", "cloud"];

pub(super) fn is_setting(value: &str) -> bool {
    EVERYDAY.iter().any(|word| word.eq_ignore_ascii_case(value))
        || is_region(value)
        || is_zone(value)
        || is_locale(value)
        || is_date(value)
        || is_address(value)
        || is_path(value)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Such as `eu-central-1`, `us-east1` and `us-east-1a`.
fn is_region(value: &str) -> bool {
    let Some((land, rest)) = value.split_once('-') else { return false };
    let is_part = |part: &str| {
        let stem = part.trim_matches(|c: char| c.is_ascii_digit());
        stem.len() <= 1 || DIRECTIONS.contains(&stem)
    };
    LANDS.contains(&land) && rest.split('-').all(is_part)
}

/// Such as `Europe/Berlin`.
fn is_zone(value: &str) -> bool {
    let Some((continent, rest)) = value.split_once('/') else { return false };
    let fits = |byte: u8| byte.is_ascii_alphabetic() || b"_/+-".contains(&byte);
    ZONES.contains(&continent) && rest.bytes().all(|byte| fits(byte) || byte.is_ascii_digit())
}

/// Such as `de_DE` and `en-GB.UTF-8`.
fn is_locale(value: &str) -> bool {
    let (value, _) = value.split_once('.').unwrap_or((value, ""));
    let Some((language, country)) = value.split_once(['_', '-']) else { return false };
    let is_pair = language.len() == 2 && country.len() == 2;
    let is_small = language.bytes().all(|byte| byte.is_ascii_lowercase());
    is_pair && is_small && country.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Such as `2026-11-22`.
fn is_date(value: &str) -> bool {
    let lengths = value.split('-').map(str::len);
    value.len() == 10 && lengths.eq([4, 2, 2]) && value.split('-').all(is_digits)
}

/// Such as `https://api.example.com/v1`, `smtp.example.com:587` and `127.0.0.1`.
fn is_address(value: &str) -> bool {
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, value),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let is_number = is_digits(&host.replace('.', "")) && host.split('.').count() == 4;
    let is_named = host == "localhost"
        || host.split('.').all(is_plain) && {
            let last = host.rsplit('.').next().unwrap_or_default();
            host.contains('.') && (scheme.is_some() || DOMAINS.contains(&last))
        };
    scheme.is_none_or(|scheme| scheme.bytes().all(|byte| byte.is_ascii_lowercase()))
        && (is_number || is_named)
        && is_digits(port)
        && (path.is_empty() || path.trim_end_matches('/').split('/').all(is_plain))
}

/// Such as `./uploads` and `/var/lib/app`.
fn is_path(value: &str) -> bool {
    let below = value.strip_prefix("./").or_else(|| value.strip_prefix('/'));
    below.is_some_and(|below| below.split('/').all(is_plain))
}

/// Whether a part of an address is a word, and no token: small letters, few digits.
fn is_plain(part: &str) -> bool {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    (1..=24).contains(&part.len()) && part.bytes().all(fits) && digits <= 3
}

#[test]
fn settings_are_known_by_their_form() {
    for setting in [
        "eu-central-1",
        "us-east1",
        "us-gov-west-1",
        "us-east-1a",
        "europe-west3-a",
        "Europe/Berlin",
        "America/Argentina/Ushuaia",
        "de_DE",
        "en-GB.UTF-8",
        "2026-11-22",
        "127.0.0.1:5432",
        "http://localhost:3000/",
        "https://api.stripe.com",
        "https://api.acme.com/v1/items",
        "smtp.gmail.com:587",
        "redis://cache.internal:6379/0",
        "./uploads",
        "/var/lib/app",
        "UTF-8",
        "password",
    ] {
        assert!(is_setting(setting), "{setting}");
    }
    for other in [
        "hunter2-hunter2",
        "sk-live-abc",
        "https://hooks.slack.com/services/T0AB/B0CD/x1y2z3",
        "https://user:pw@example.com",
        "https://example.com/?key=1",
        "correct.horse",
        "eu-hunter-2",
        "https://discord.com/api/webhooks/123456789/abc",
        "2026-11-2x",
        "/aB9+xyz/",
        "Asia/!",
    ] {
        assert!(!is_setting(other), "{other}");
    }
}

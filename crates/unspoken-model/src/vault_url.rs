//! Where a vault is.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The address of a vault, in one spelling: scheme, host, and a port unless it is the
/// scheme's.
///
/// Invariant: `https`, or `http` at this machine itself. No user, no path, no query.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct VaultUrl(String);

/// Why a text is no [`VaultUrl`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum VaultUrlError {
    #[error("a vault's address begins with `https://`, or with `http://` at this machine itself")]
    Scheme,
    #[error(
        "a vault's address has no TLS (`http://`) at this machine alone: 127.0.0.1, [::1] or localhost"
    )]
    Plain,
    #[error("a vault's address is a host, and a port where needed: `https://vault.example.com`")]
    Form,
}

impl VaultUrl {
    /// Reads an address. A slash at its end is passed over.
    pub fn parse(text: &str) -> Result<Self, VaultUrlError> {
        let text = text.trim_end_matches('/').to_ascii_lowercase();
        let (scheme, rest) = text.split_once("://").ok_or(VaultUrlError::Scheme)?;
        let usual = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(VaultUrlError::Scheme),
        };
        let (host, port) = split(rest).ok_or(VaultUrlError::Form)?;
        if scheme == "http" && !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
            return Err(VaultUrlError::Plain);
        }
        let port = port.filter(|port| *port != usual);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A host and a port.
fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let end = if text.starts_with('[') {
        text.find(']')? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, rest) = text.split_at_checked(end)?;
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port.parse().ok()?),
        None if rest.is_empty() => None,
        None => return None,
    };
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_good = match inside {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    is_good.then_some((host, port))
}

/// Whether each part of a host's name is letters, digits and hyphens.
fn is_name(host: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    host.len() <= 253 && host.split('.').all(is_part)
}

impl FromStr for VaultUrl {
    type Err = VaultUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for VaultUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[test]
fn an_address_has_one_spelling_and_never_sends_a_token_in_the_clear() {
    #[track_caller]
    fn case(text: &str, expected: Result<&str, VaultUrlError>) {
        let read = VaultUrl::parse(text);
        assert_eq!(read.as_ref().map(VaultUrl::as_str), expected.as_ref().copied(), "{text}");
    }

    case("https://Vault.Example.com:443/", Ok("https://vault.example.com"));
    case("https://vault.example.com:8443", Ok("https://vault.example.com:8443"));
    case("http://127.0.0.1:8750", Ok("http://127.0.0.1:8750"));
    case("http://[::1]:8750", Ok("http://[::1]:8750"));
    case("https://[2001:db8::1]", Ok("https://[2001:db8::1]"));
    case("http://vault.example.com", Err(VaultUrlError::Plain));
    case("http://127.0.0.1.evil.com", Err(VaultUrlError::Plain));
    case("http://localhost@evil.com", Err(VaultUrlError::Form));
    case("https://a@b", Err(VaultUrlError::Form));
    case("https://a/b", Err(VaultUrlError::Form));
    case("https://a?b", Err(VaultUrlError::Form));
    case("https://a#b", Err(VaultUrlError::Form));
    case("https://", Err(VaultUrlError::Scheme));
    case("https://a:99999", Err(VaultUrlError::Form));
    case("https://[::1", Err(VaultUrlError::Form));
    case("https://[x]", Err(VaultUrlError::Form));
    case("vault.example.com", Err(VaultUrlError::Scheme));
    case("file:///etc", Err(VaultUrlError::Scheme));
}

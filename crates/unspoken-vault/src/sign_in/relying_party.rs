//! For whom passkeys are: a host's name, as browsers know it.

use crate::hazmat;

/// See the top.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RelyingParty {
    /// The host, to which a passkey belongs.
    pub(crate) id: String,
    /// The pages that may ask for one: scheme, host and port in their one spelling.
    pub(crate) origin: String,
}

impl RelyingParty {
    /// Of an address without a path. `None` where browsers keep no passkeys: for a bare address,
    /// and for a host without TLS that is not the machine itself.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let url = url.to_ascii_lowercase();
        let (scheme, rest) = url.split_once("://")?;
        let (host, port) = rest.split_once(':').unwrap_or((rest, ""));
        let own_port = match scheme {
            "https" => "443",
            "http" => "80",
            _ => return None,
        };
        let is_port = port.is_empty() || port.parse::<u16>().is_ok_and(|it| it.to_string() == port);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_name = |label: &str| !label.is_empty() && label.bytes().all(fits);
        let last = host.rsplit('.').next().unwrap_or_default();
        // The last part of a name is no number: that is an address.
        let is_host = host.len() <= 253
            && host.split('.').all(is_name)
            && last.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_here = host == "localhost" || host.ends_with(".localhost");
        if !is_host || !is_port || (scheme == "http" && !is_here) {
            return None;
        }
        let origin = match port {
            "" => format!("{scheme}://{host}"),
            port if port == own_port => format!("{scheme}://{host}"),
            port => format!("{scheme}://{host}:{port}"),
        };
        Some(Self { id: host.to_owned(), origin })
    }

    /// What an authenticator says instead of the name.
    pub(crate) fn hash(&self) -> [u8; 32] {
        hazmat::sha256(&[self.id.as_bytes()])
    }
}

#[test]
fn a_party_is_a_name_with_tls_or_this_machine() {
    let of = |url: &str| RelyingParty::of(url).map(|party| (party.id, party.origin));
    let pair = |id: &str, origin: &str| Some((id.to_owned(), origin.to_owned()));
    assert_eq!(of("https://V.Example"), pair("v.example", "https://v.example"));
    assert_eq!(of("https://v.example:443"), pair("v.example", "https://v.example"));
    assert_eq!(of("https://v.example:8443"), pair("v.example", "https://v.example:8443"));
    assert_eq!(of("http://localhost:8750"), pair("localhost", "http://localhost:8750"));
    assert_eq!(of("http://a.localhost:80"), pair("a.localhost", "http://a.localhost"));
    for none in [
        "",
        "http://v.example",
        "https://127.0.0.1",
        "https://10.1",
        "https://[::1]:443",
        "https://v.example:0443",
        "https://v..example",
        "https://.example",
        "ftp://localhost",
        "http://localhost.v.example",
    ] {
        assert_eq!(of(none), None, "{none}");
    }
}

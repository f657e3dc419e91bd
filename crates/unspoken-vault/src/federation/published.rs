//! What an issuer publishes about itself: where it is asked, and its keys.

use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::Deserialize;
use serde_json::Value;

use super::{check_endpoint, check_issuer};

/// See the top.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) keys: JwkSet,
    /// Where people are sent, and where what they bring back is shown.
    pub(crate) endpoints: Option<Endpoints>,
}

/// Where an issuer that is a provider is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoints {
    pub(crate) authorization: String,
    pub(crate) token: String,
    /// Whether it takes a client's secret in a header.
    pub(crate) takes_basic: bool,
    /// Whether what people bring back says whose it is (RFC 9207).
    pub(crate) names_itself: bool,
}

/// Its document, of which the rest is passed over.
#[derive(Deserialize)]
pub(super) struct Discovery {
    issuer: String,
    pub(super) jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// How many keys are looked at.
const MOST: usize = 64;

impl Discovery {
    /// Reads it. Whoever answers has to be who was asked, and may not send us on to plain HTTP.
    pub(super) fn read(issuer: &str, bytes: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(bytes).ok()?;
        (read.issuer == issuer && check_issuer(&read.jwks_uri).is_ok()).then_some(read)
    }

    pub(super) fn publish(self, keys: JwkSet) -> Published {
        let both = self.authorization_endpoint.zip(self.token_endpoint);
        let both = both.filter(|(one, other)| check_endpoint(one) && check_endpoint(other));
        // Where nothing is said, it is the header.
        let takes_basic = self
            .token_endpoint_auth_methods_supported
            .is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let endpoints = both.map(|(authorization, token)| Endpoints {
            authorization,
            token,
            takes_basic,
            names_itself: self.authorization_response_iss_parameter_supported,
        });
        Published { keys, endpoints }
    }
}

/// Reads both documents of an issuer.
pub(crate) fn read_published(issuer: &str, document: &[u8], keys: &[u8]) -> Option<Published> {
    Some(Discovery::read(issuer, document)?.publish(read_keys(keys)?))
}

/// Reads keys. One of a kind that nobody knows yet does not spoil the others.
pub(super) fn read_keys(bytes: &[u8]) -> Option<JwkSet> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }

    let set: Set = serde_json::from_slice(bytes).ok()?;
    let keys = set.keys.into_iter().take(MOST);
    Some(JwkSet { keys: keys.filter_map(|key| serde_json::from_value::<Jwk>(key).ok()).collect() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://issuer.example";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "jwks_uri": "https://issuer.example/keys",
            "authorization_endpoint": "https://issuer.example/in?tenant=1",
            "token_endpoint": "https://issuer.example/token",
        })
    }

    fn endpoints(change: (&str, Value)) -> Option<Endpoints> {
        let mut document = document();
        document[change.0] = change.1;
        let read = Discovery::read(ISSUER, document.to_string().as_bytes())?;
        read.publish(JwkSet::default()).endpoints
    }

    #[test]
    fn who_answers_is_who_was_asked_and_sends_nobody_to_plain_http() {
        let found = endpoints(("x", json!(1))).unwrap();
        assert!(found.takes_basic && !found.names_itself);
        assert_eq!(found.authorization, "https://issuer.example/in?tenant=1");
        for (field, value) in [
            ("issuer", "https://issuer.example/"),
            ("issuer", "https://other.example"),
            ("jwks_uri", "http://issuer.example/keys"),
            ("jwks_uri", "file:///etc/passwd"),
            ("token_endpoint", "http://issuer.example/token"),
            ("authorization_endpoint", "http://issuer.example/in"),
            ("authorization_endpoint", "javascript:alert(1)"),
            ("authorization_endpoint", "https://a b"),
            ("authorization_endpoint", "https://a\"><script>"),
            ("authorization_endpoint", "https://user@evil.example/"),
            ("authorization_endpoint", "https://a/#x"),
        ] {
            assert_eq!(endpoints((field, json!(value))), None, "{field} {value}");
        }
        let posts =
            endpoints(("token_endpoint_auth_methods_supported", json!(["client_secret_post"])));
        assert!(!posts.unwrap().takes_basic);
        let names = endpoints(("authorization_response_iss_parameter_supported", json!(true)));
        assert!(names.unwrap().names_itself);
    }

    #[test]
    fn a_key_of_another_kind_does_not_spoil_the_others() {
        let good = json!({ "kty": "RSA", "kid": "one", "n": "AQAB", "e": "AQAB" });
        let read = |keys: Value| read_keys(keys.to_string().as_bytes()).map(|keys| keys.keys.len());
        assert_eq!(read(json!({ "keys": ["x", 1, { "kid": [] }, good] })), Some(1));
        assert_eq!(read(json!({ "keys": vec![good; 1000] })), Some(MOST));
        for wrong in [json!({}), json!([]), json!({ "keys": 1 }), json!(null)] {
            assert_eq!(read(wrong), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_published_or_not(bytes: Vec<u8>, text in ".{0,60}") {
            let _ = (read_keys(&bytes), Discovery::read(ISSUER, &bytes));
            if let Some(found) = endpoints(("authorization_endpoint", json!(text))) {
                proptest::prop_assert!(found.authorization.starts_with("http"));
            }
        }
    }
}

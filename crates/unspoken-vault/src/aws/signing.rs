//! Signs a request as AWS wants it: Signature Version 4, for what is posted to `/`.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::credential::Credential;
use crate::hazmat::{hmac_sha256, sha256};

/// A request to a service of AWS.
pub(super) struct Unsigned<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// All that are to be signed, in lowercase and in their order, without the date and the token.
    pub(super) headers: &'a [(&'static str, &'a str)],
    pub(super) body: &'a [u8],
}

/// What is added to a request.
pub(super) struct Signed {
    pub(super) date: String,
    pub(super) authorization: String,
}

impl Unsigned<'_> {
    pub(super) fn sign(&self, credential: &Credential, at: Timestamp) -> Signed {
        let date = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = at.strftime("%Y%m%d").to_string();
        let token = credential.token.as_ref().map(|token| token.as_str());
        let mut headers = self.headers.to_vec();
        headers.push(("x-amz-date", &date));
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        headers.sort_unstable();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim()));
        let lines = Zeroizing::new(lines.collect::<String>());
        let body = hex(&sha256(&[self.body]));
        let canonical = Zeroizing::new(format!("POST\n/\n\n{}\n{names}\n{body}", *lines));
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let canonical = hex(&sha256(&[canonical.as_bytes()]));
        let text = format!("{ALGORITHM}\n{date}\n{scope}\n{canonical}");
        let signature = hex(&*hmac_sha256(&*self.key(credential, &day), text.as_bytes()));
        let authorization = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            *credential.id
        );
        Signed { date, authorization }
    }

    /// The key of one day, region and service.
    fn key(&self, credential: &Credential, day: &str) -> Zeroizing<[u8; 32]> {
        let begin = Zeroizing::new(format!("AWS4{}", *credential.secret));
        let key = hmac_sha256(begin.as_bytes(), day.as_bytes());
        let key = hmac_sha256(&*key, self.region.as_bytes());
        let key = hmac_sha256(&*key, self.service.as_bytes());
        hmac_sha256(&*key, b"aws4_request")
    }
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the suite that AWS publishes for this signature: those that post to `/`.
    #[test]
    fn the_published_examples_are_signed_as_published() {
        #[track_caller]
        fn case(headers: &[(&'static str, &str)], body: &str, token: bool, signature: &str) {
            let token = token.then(|| Zeroizing::new(TOKEN.to_owned()));
            let credential = Credential {
                id: Zeroizing::new("AKIDEXAMPLE".to_owned()),
                secret: Zeroizing::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
                token,
                end: None,
            };
            let body = body.as_bytes();
            let (region, service) = ("us-east-1", "service");
            let signed = Unsigned { region, service, headers, body }
                .sign(&credential, "2015-08-30T12:36:00Z".parse().unwrap());
            assert_eq!(signed.date, "20150830T123600Z");
            let (rest, found) = signed.authorization.rsplit_once("Signature=").unwrap();
            assert_eq!(found, signature);
            assert!(rest.starts_with(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            ));
        }
        const HOST: (&str, &str) = ("host", "example.amazonaws.com");
        const FORM: &str = "application/x-www-form-urlencoded";
        const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

        let vanilla = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
        case(&[HOST], "", false, vanilla);
        let form = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
        case(&[HOST, ("content-type", FORM)], "Param1=value1", false, form);
        let sorted = "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c";
        case(&[HOST, ("my-header1", "value1")], "", false, sorted);
        let value = "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d";
        case(&[HOST, ("my-header1", "VALUE1")], "", false, value);
        let token = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead";
        case(&[HOST], "", true, token);
    }

    /// The example of the documentation, with its other region, service and day.
    #[test]
    fn a_key_is_derived_as_published() {
        let credential = Credential {
            id: Zeroizing::default(),
            secret: Zeroizing::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            token: None,
            end: None,
        };
        let unsigned = Unsigned { region: "us-east-1", service: "iam", headers: &[], body: b"" };
        assert_eq!(
            hex(&*unsigned.key(&credential, "20150830")),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }
}

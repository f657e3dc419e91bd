//! The name of a key in AWS KMS. It is no secret.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A key in AWS KMS, by its ARN: `aws-kms:arn:aws:kms:eu-central-1:111122223333:key/…`.
///
/// An alias is none: whoever may turn it to another key would change the store's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KmsKey {
    arn: String,
}

/// That a text names no key.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "this is no key in AWS KMS: that is `aws-kms:arn:aws:kms:REGION:ACCOUNT:key/ID`, and no alias"
)]
pub(crate) struct KmsKeyError;

/// What stands in front of an ARN.
const SCHEME: &str = "aws-kms:";

/// How long an ARN is at most.
const LONGEST: usize = 200;

/// The clouds that AWS has, and the names that they end with.
const PARTITIONS: [(&str, &str); 3] =
    [("aws", "amazonaws.com"), ("aws-us-gov", "amazonaws.com"), ("aws-cn", "amazonaws.com.cn")];

impl KmsKey {
    /// Whether a text is meant to be such a name.
    pub(crate) fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    #[cfg(feature = "aws-kms")]
    pub(crate) fn arn(&self) -> &str {
        &self.arn
    }

    #[cfg(feature = "aws-kms")]
    pub(crate) fn region(&self) -> &str {
        self.arn.split(':').nth(3).unwrap_or_default()
    }

    /// With what the names of its cloud's services end.
    #[cfg(feature = "aws-kms")]
    pub(crate) fn domain(&self) -> &'static str {
        let own = self.arn.split(':').nth(1);
        let found = PARTITIONS.iter().find(|(name, _)| own == Some(*name));
        found.map_or("amazonaws.com", |(_, domain)| domain)
    }
}

impl FromStr for KmsKey {
    type Err = KmsKeyError;

    fn from_str(text: &str) -> Result<Self, KmsKeyError> {
        let arn = text.strip_prefix(SCHEME).filter(|arn| arn.len() <= LONGEST);
        let arn = arn.ok_or(KmsKeyError)?;
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", partition, "kms", region, account, resource] = parts.as_slice() else {
            return Err(KmsKeyError);
        };
        let id = resource.strip_prefix("key/").ok_or(KmsKeyError)?;
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        // The region becomes part of a host's name.
        let is_region = region.starts_with(|c: char| c.is_ascii_lowercase())
            && !region.ends_with('-')
            && region.len() <= 32
            && region.bytes().all(is_plain);
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_id = !id.is_empty() && id.bytes().all(|byte| is_plain(byte.to_ascii_lowercase()));
        let is_known = PARTITIONS.iter().any(|(name, _)| name == partition);
        let is_whole = is_known && is_region && is_account && is_id;
        is_whole.then(|| Self { arn: arn.to_owned() }).ok_or(KmsKeyError)
    }
}

impl fmt::Display for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.arn)
    }
}

#[test]
fn a_name_is_a_keys_whole_arn() {
    let whole = "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/mrk-0a1b";
    assert_eq!(whole.parse::<KmsKey>().unwrap().to_string(), whole);
    assert!("aws-kms:arn:aws-cn:kms:cn-north-1:111122223333:key/1".parse::<KmsKey>().is_ok());
    for wrong in [
        "arn:aws:kms:eu-central-1:111122223333:key/1",
        "aws-kms:arn:aws:kms:eu-central-1:111122223333:alias/vault",
        "aws-kms:alias/vault",
        "aws-kms:arn:aws:s3:eu-central-1:111122223333:key/1",
        "aws-kms:arn:other:kms:eu-central-1:111122223333:key/1",
        "aws-kms:arn:aws:kms:evil.example#:111122223333:key/1",
        "aws-kms:arn:aws:kms:EU:111122223333:key/1",
        "aws-kms:arn:aws:kms::111122223333:key/1",
        "aws-kms:arn:aws:kms:eu-central-1:1111:key/1",
        "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/",
        "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/a/b",
        "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1:2",
        "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1\n",
    ] {
        assert_eq!(wrong.parse::<KmsKey>(), Err(KmsKeyError), "{wrong}");
    }
    let long = format!("aws-kms:arn:aws:kms:eu-central-1:111122223333:key/{}", "a".repeat(200));
    assert!(long.parse::<KmsKey>().is_err());
}

//! A master key that AWS KMS holds: it never leaves there, and what it wraps is sent there to be
//! unwrapped, with all that it belongs to.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use ureq::Agent;
use zeroize::Zeroizing;

use super::credential::{Credential, Keeper};
use super::endpoint::{self, Endpoint, Reply};
use super::signing::Unsigned;
use super::source::AwsVariables;
use crate::hazmat::{self, Key};
use crate::key::{Address, KmsKey, MasterError, MasterKey, Purpose};
use crate::outward;

/// See the top.
pub(crate) struct KmsMaster {
    key: KmsKey,
    endpoint: Endpoint,
    agent: Agent,
    keeper: Keeper,
    gate: Gate,
    last: Mutex<Last>,
}

/// Why AWS KMS does not serve. It says nothing of whether a key is the right one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum KmsError {
    #[error("AWS KMS does not answer")]
    Silent,
    #[error("AWS KMS has too much to do")]
    Busy,
    #[error("what answers is not as AWS answers")]
    Strange,
    #[error("AWS KMS does not let this program use the master key")]
    Denied,
    #[error("AWS does not accept the credentials of this program, or its clock is wrong")]
    Unknown,
    #[error("there is no such master key in AWS KMS")]
    NotThere,
    #[error("the master key in AWS KMS is disabled, or about to be deleted")]
    Unusable,
    #[error("AWS KMS answered by another key than the one that was named")]
    Another,
    #[error("this program has no credentials for AWS, or nobody gives it any now")]
    Nobody,
    #[error("an address in the variables of AWS cannot be used: it begins with `https://`")]
    Endpoint,
}

/// How it went the last time, to say when that changes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Last {
    #[default]
    Nothing,
    Answered,
    Failed,
}

/// How long one try may take, and all of them.
const PATIENCE: Duration = Duration::from_secs(2);
const WHOLE: Duration = Duration::from_secs(6);

/// How often something is tried.
const TRIES: u32 = 4;

/// How many questions there are at once.
const AT_ONCE: usize = 16;

/// How long something wrapped is at most, by AWS.
const LONGEST: usize = 6144;

/// What is asked. The key is always named: AWS refuses what another one wrapped.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    key_id: &'a str,
    encryption_context: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext_blob: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    key_id: String,
    ciphertext_blob: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    key_id: String,
    plaintext: String,
}

/// Why AWS does not do it. What it says in words is not read.
#[derive(Deserialize)]
struct Fault {
    #[serde(rename = "__type")]
    kind: String,
}

/// What came of one try.
enum Tried {
    Done(Zeroizing<Vec<u8>>),
    /// It is not to be tried again.
    Over(MasterError),
    Again(KmsError),
    /// With other credentials it may.
    Stale,
}

impl KmsMaster {
    /// Gets ready. Nobody is asked yet.
    pub(crate) fn new(key: KmsKey, variables: &AwsVariables) -> Result<Self, KmsError> {
        let usual = || format!("https://kms.{}.{}", key.region(), key.domain());
        let endpoint = Endpoint::root(&variables.kms_url.clone().unwrap_or_else(usual));
        let endpoint = endpoint.ok_or(KmsError::Endpoint)?;
        let keeper = Keeper::new(variables.source(&key)?);
        let agent = outward::agent(PATIENCE);
        Ok(Self { key, endpoint, agent, keeper, gate: Gate::default(), last: Mutex::default() })
    }

    /// Asks until there is an answer, or no time.
    fn ask<T: DeserializeOwned>(
        &self,
        action: &str,
        question: &Question<'_>,
    ) -> Result<T, MasterError> {
        let body = serde_json::to_vec(question).map(Zeroizing::new);
        let body = body.map_err(|_| KmsError::Strange)?;
        let answered = self.try_often(action, &body);
        let answered = answered
            .and_then(|body| serde_json::from_slice(&body).map_err(|_| KmsError::Strange.into()));
        self.say(answered.as_ref().err());
        answered
    }

    fn try_often(&self, action: &str, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, MasterError> {
        let _place = self.gate.enter().ok_or(KmsError::Busy)?;
        let begin = Instant::now();
        let mut error = KmsError::Silent;
        for number in 0..TRIES {
            let credential = self.keeper.find()?;
            match self.try_once(action, body, &credential) {
                Tried::Done(body) => return Ok(body),
                Tried::Over(error) => return Err(error),
                Tried::Again(why) => error = why,
                Tried::Stale => {
                    self.keeper.forget(&credential);
                    if error == KmsError::Unknown {
                        break;
                    }
                    error = KmsError::Unknown;
                    continue;
                }
            }
            // Nodes that were refused together do not come again together.
            let jitter = u64::from(u16::from_be_bytes(hazmat::random())) % 100;
            let pause = Duration::from_millis((100 << number) + jitter);
            if begin.elapsed() + pause + PATIENCE > WHOLE {
                break;
            }
            sleep(pause);
        }
        Err(error.into())
    }

    fn try_once(&self, action: &str, body: &[u8], credential: &Credential) -> Tried {
        let target = format!("TrentService.{action}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("host", self.endpoint.host()),
            ("x-amz-target", target.as_str()),
        ];
        let region = self.key.region();
        let signed = Unsigned { region, service: "kms", headers: &headers, body }
            .sign(credential, Timestamp::now());
        let mut headers = headers.to_vec();
        headers.push(("x-amz-date", &signed.date));
        headers.push(("authorization", &signed.authorization));
        headers.extend(
            credential.token.as_ref().map(|token| ("x-amz-security-token", token.as_str())),
        );
        match endpoint::post(&self.agent, self.endpoint.url(), &headers, body) {
            Ok(Reply { status: 200, body }) => Tried::Done(body),
            Ok(reply) => judge(&reply),
            Err(error) => Tried::Again(error),
        }
    }

    /// Says when it does not answer any more, and when it does again.
    fn say(&self, error: Option<&MasterError>) {
        let now = match error {
            Some(error) if !error.is_refusal() => Last::Failed,
            _ => Last::Answered,
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *last, now);
        drop(last);
        let mut stderr = std::io::stderr();
        // Where nobody reads this, it refuses all the same.
        let _ = match (before, error) {
            (Last::Answered, Some(error)) if now == Last::Failed => writeln!(
                stderr,
                "{error}: keys of projects that are not in memory cannot be used until it does"
            ),
            (Last::Failed, _) if now == Last::Answered => {
                writeln!(stderr, "AWS KMS answers again")
            }
            _ => Ok(()),
        };
    }

    fn expect_own(&self, named: &str) -> Result<(), MasterError> {
        if named == self.key.arn() { Ok(()) } else { Err(KmsError::Another.into()) }
    }
}

/// What a refusal means.
fn judge(reply: &Reply) -> Tried {
    if reply.status >= 500 {
        return Tried::Again(KmsError::Silent);
    }
    let Ok(Fault { kind }) = serde_json::from_slice(&reply.body) else {
        return Tried::Again(KmsError::Strange);
    };
    let kind = kind.rsplit('#').next().unwrap_or_default();
    let over = |error: KmsError| Tried::Over(error.into());
    match kind {
        "InvalidCiphertextException" | "IncorrectKeyException" => Tried::Over(MasterError::Refused),
        "ThrottlingException" | "RequestLimitExceeded" | "LimitExceededException" => {
            Tried::Again(KmsError::Busy)
        }
        "KMSInternalException"
        | "DependencyTimeoutException"
        | "KeyUnavailableException"
        | "ServiceUnavailable"
        | "RequestTimeout" => Tried::Again(KmsError::Silent),
        "ExpiredTokenException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException" => Tried::Stale,
        "NotFoundException" => over(KmsError::NotThere),
        "DisabledException" | "KMSInvalidStateException" | "InvalidKeyUsageException" => {
            over(KmsError::Unusable)
        }
        "AccessDeniedException" | "OptInRequired" | "NotAuthorized" => over(KmsError::Denied),
        _ => over(KmsError::Strange),
    }
}

impl MasterKey for KmsMaster {
    fn wrap(
        &self,
        purpose: Purpose,
        address: &Address,
        key: &[u8],
    ) -> Result<Vec<u8>, MasterError> {
        let plaintext = Zeroizing::new(STANDARD.encode(key));
        let question = Question {
            key_id: self.key.arn(),
            encryption_context: address.told(purpose).into_iter().collect(),
            plaintext: Some(&plaintext),
            ciphertext_blob: None,
        };
        let answer: Encrypted = self.ask("Encrypt", &question)?;
        self.expect_own(&answer.key_id)?;
        let wrapped = STANDARD.decode(answer.ciphertext_blob).map_err(|_| KmsError::Strange)?;
        if wrapped.is_empty() || wrapped.len() > LONGEST {
            return Err(KmsError::Strange.into());
        }
        Ok(wrapped)
    }

    fn unwrap_key(
        &self,
        purpose: Purpose,
        address: &Address,
        wrapped: &[u8],
    ) -> Result<Key, MasterError> {
        if wrapped.is_empty() || wrapped.len() > LONGEST {
            return Err(MasterError::Refused);
        }
        let wrapped = STANDARD.encode(wrapped);
        let question = Question {
            key_id: self.key.arn(),
            encryption_context: address.told(purpose).into_iter().collect(),
            plaintext: None,
            ciphertext_blob: Some(&wrapped),
        };
        let answer: Decrypted = self.ask("Decrypt", &question)?;
        let plaintext = Zeroizing::new(answer.plaintext);
        self.expect_own(&answer.key_id)?;
        let key = STANDARD.decode(&*plaintext).map(Zeroizing::new);
        Key::new(&key.map_err(|_| KmsError::Strange)?).ok_or(MasterError::Refused)
    }
}

impl fmt::Debug for KmsMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsMaster").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Lets so many in at once: who waits for AWS holds a thread that others need.
#[derive(Debug, Default)]
struct Gate {
    inside: Mutex<usize>,
    left: Condvar,
}

struct Place<'a>(&'a Gate);

impl Gate {
    /// A place, unless none becomes free in time.
    fn enter(&self) -> Option<Place<'_>> {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.left.wait_timeout_while(inside, PATIENCE, |inside| *inside >= AT_ONCE);
        let (mut inside, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let is_free = *inside < AT_ONCE;
        *inside += usize::from(is_free);
        is_free.then(|| Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.inside.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_what_it_says_and_no_more() {
        #[track_caller]
        fn case(status: u16, kind: &str) -> Tried {
            let body = format!(r#"{{"__type":"{kind}","message":"canary"}}"#).into_bytes();
            judge(&Reply { status, body: Zeroizing::new(body) })
        }
        let over = |tried| match tried {
            Tried::Over(error) => error,
            _ => panic!("it is not over"),
        };
        assert_eq!(over(case(400, "InvalidCiphertextException")), MasterError::Refused);
        assert_eq!(
            over(case(400, "com.amazonaws.kms#IncorrectKeyException")),
            MasterError::Refused
        );
        assert_eq!(over(case(400, "AccessDeniedException")), KmsError::Denied.into());
        assert_eq!(over(case(400, "DisabledException")), KmsError::Unusable.into());
        assert_eq!(over(case(404, "NotFoundException")), KmsError::NotThere.into());
        assert_eq!(over(case(400, "canary")), KmsError::Strange.into());
        assert!(matches!(case(400, "ThrottlingException"), Tried::Again(KmsError::Busy)));
        assert!(matches!(case(500, "InvalidCiphertextException"), Tried::Again(KmsError::Silent)));
        assert!(matches!(case(400, "ExpiredTokenException"), Tried::Stale));
        let nonsense = Reply { status: 403, body: Zeroizing::new(b"<html>".to_vec()) };
        assert!(matches!(judge(&nonsense), Tried::Again(KmsError::Strange)));
    }

    #[test]
    fn so_many_are_inside_and_no_more() {
        let gate = Gate::default();
        let mut inside: Vec<_> = (0..AT_ONCE).map(|_| gate.enter().unwrap()).collect();
        assert!(gate.enter().is_none());
        inside.pop();
        assert!(gate.enter().is_some());
    }
}

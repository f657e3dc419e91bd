//! The file of findings that somebody has looked at and accepted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use unspoken_scan::{Accepted, Baseline, BaselineKey, Leak};
use unspoken_seal::Mac;
use unspoken_store::replace;

use super::trace::{Place, Trace, What};
use crate::failure::{Code, Failure};
use crate::git::Git;

/// How the file is called beside `unspoken.toml`.
const NAME: &str = "scan-baseline.json";

/// A baseline, and where it is kept.
#[derive(Debug)]
pub(crate) struct BaselineFile {
    pub(crate) path: PathBuf,
    baseline: Baseline,
    key: Arc<BaselineKey>,
}

/// What somebody accepts now.
#[derive(Debug)]
pub(crate) struct Acceptance {
    /// New in the file.
    pub(crate) added: Vec<Trace>,
    /// Not in what is committed, so that nobody can accept it for others.
    pub(crate) left: usize,
}

impl BaselineFile {
    /// Reads the file that was named, or the one beside the project file. Where
    /// none is there, it is `None`, but for who is about to accept.
    pub(crate) fn find(
        named: Option<&Path>,
        folder: &Path,
        accepting: bool,
    ) -> Result<Option<Self>, Failure> {
        let path = named.map_or_else(|| folder.join(NAME), Path::to_owned);
        let cannot = |why: String| {
            Failure::new(Code::Other, format!("cannot use `{}`: {why}", path.display()))
        };
        // Whoever could replace it by a link would choose what is not told.
        let bytes = match unspoken_store::read_limited(&path, Baseline::MAX_BYTES as u64) {
            Ok(bytes) => bytes,
            Err(unspoken_store::FileError::NotFound { .. }) if accepting => {
                let (key, baseline) = (Arc::new(BaselineKey::random()), Baseline::default());
                return Ok(Some(Self { path, baseline, key }));
            }
            Err(unspoken_store::FileError::NotFound { .. }) if named.is_none() => return Ok(None),
            Err(error) => return Err(Failure::because(Code::Other, &error)),
        };
        let (key, baseline) = Baseline::parse(&bytes).map_err(|error| cannot(error.to_string()))?;
        Ok(Some(Self { path, baseline, key: Arc::new(key) }))
    }

    /// A key to look with, and what is needed to tell what was accepted.
    pub(crate) fn key(&self) -> Arc<BaselineKey> {
        Arc::clone(&self.key)
    }

    fn mac(&self, trace: &Trace) -> Option<Mac> {
        let text = trace.text?;
        Some(self.key.mac(&Leak { kind: trace.what.label(), text, path: &trace.path }))
    }

    /// Takes out what was accepted before. Says how many there were, and how many
    /// entries were not met.
    pub(crate) fn sift(&self, traces: &mut Vec<Trace>) -> (usize, usize) {
        let mut met = BTreeSet::new();
        let before = traces.len();
        traces.retain(|trace| {
            let mac = self.mac(trace).filter(|mac| self.baseline.find(*mac).is_some());
            met.extend(mac);
            mac.is_none()
        });
        let entries = self.baseline.iter().count();
        (before - traces.len(), entries - met.len())
    }

    /// Accepts what is committed, and writes the file.
    pub(crate) fn accept(
        &mut self,
        traces: &mut Vec<Trace>,
        reason: &str,
        git: &Git,
    ) -> Result<Acceptance, Failure> {
        let tracked = tracked(git)?;
        let mut acceptance = Acceptance { added: Vec::new(), left: 0 };
        let mut left = Vec::new();
        for trace in traces.drain(..) {
            let mac = self.mac(&trace).filter(|_| is_committed(&trace, &tracked));
            let Some(mac) = mac else {
                left.push(trace);
                continue;
            };
            let accepted = Accepted::new(trace.what.label(), &trace.path, reason);
            self.baseline.add(mac, accepted).map_err(|error| {
                Failure::new(Code::Usage, format!("cannot accept it: {error}"))
                    .hint("Give a reason of one line: `unspoken scan --accept 'a test key'`.")
            })?;
            acceptance.added.push(trace);
        }
        acceptance.left = left.len();
        *traces = left;
        if !acceptance.added.is_empty() {
            replace(&self.path, self.baseline.print(&self.key).as_bytes())?;
        }
        Ok(acceptance)
    }
}

fn is_committed(trace: &Trace, tracked: &BTreeSet<Vec<u8>>) -> bool {
    match trace.place {
        Place::WorkTree => trace.what != What::Plaintext && tracked.contains(trace.path.as_bytes()),
        Place::Staged => trace.what != What::Plaintext,
        Place::Commit(_) | Place::Message(_) => true,
        Place::Ignored | Place::Stdin | Place::Transcript => false,
    }
}

fn tracked(git: &Git) -> Result<BTreeSet<Vec<u8>>, Failure> {
    let answer = git.bytes(&["ls-files", "-z", "--full-name"])?;
    Ok(answer.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect())
}

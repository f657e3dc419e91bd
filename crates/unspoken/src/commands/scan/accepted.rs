//! The file of findings that somebody has looked at and accepted.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use unspoken_scan::{Accepted, Baseline, BaselineKey, Leak};
use unspoken_seal::Mac;
use unspoken_store::replace;

use super::trace::{Place, Trace, What};
use crate::failure::{Code, Failure};
use crate::git::{Git, Index};
use crate::ui::counted;

/// How the file is called beside `unspoken.toml`.
pub(crate) const NAME: &str = "scan-baseline.json";

/// A baseline, and where it is kept.
#[derive(Debug)]
pub(crate) struct BaselineFile {
    path: PathBuf,
    /// The path as a person reads it.
    pub(crate) shown: String,
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
    /// Files of plaintext, which nobody can accept at all.
    pub(crate) plaintext: usize,
}

/// What somebody has said about what is to be accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consent<'a> {
    pub(crate) reason: &'a str,
    /// Whether that holds for more than one finding.
    pub(crate) is_for_all: bool,
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
        let shown = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        // Whoever could replace it by a link would choose what is not told.
        let bytes = match unspoken_store::read_limited(&path, Baseline::MAX_BYTES as u64) {
            Ok(bytes) => bytes,
            Err(unspoken_store::FileError::NotFound { .. }) if accepting => {
                let (key, baseline) = (Arc::new(BaselineKey::random()), Baseline::default());
                return Ok(Some(Self { path, shown, baseline, key }));
            }
            Err(unspoken_store::FileError::NotFound { .. }) if named.is_none() => return Ok(None),
            Err(error) => return Err(Failure::because(Code::Other, &error)),
        };
        Self::parse(path, shown, &bytes).map(Some)
    }

    /// Reads the file that would be committed: of these folders' files in the index
    /// the first. A file in the work tree alone would let pass what every other
    /// clone then finds.
    pub(crate) fn find_staged(
        git: &Git,
        index: &Index,
        folders: &[&str],
    ) -> Result<Option<Self>, Failure> {
        let paths = folders.iter().map(|folder| format!("{folder}{NAME}"));
        let find = |path: String| {
            let (_, id) = index.entries().find(|(entry, _)| *entry == path)?;
            Some((path, id))
        };
        let Some((path, id)) = paths.into_iter().find_map(find) else { return Ok(None) };
        let bytes = git.blob(id, Baseline::MAX_BYTES as u64)?;
        Self::parse(PathBuf::from(&path), path, &bytes).map(Some)
    }

    fn parse(path: PathBuf, shown: String, bytes: &[u8]) -> Result<Self, Failure> {
        let cannot = |error| Failure::new(Code::Other, format!("cannot use `{shown}`: {error}"));
        let (key, baseline) = Baseline::parse(bytes).map_err(cannot)?;
        Ok(Self { path, shown, baseline, key: Arc::new(key) })
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

    /// Accepts what is committed, and writes the file. Of several findings that
    /// needs to have been said: what was not looked at may be a live key.
    pub(crate) fn accept(
        &mut self,
        traces: &mut Vec<Trace>,
        consent: Consent<'_>,
        git: &Git,
    ) -> Result<Acceptance, Failure> {
        let tracked = tracked(git, traces)?;
        let (mut added, mut macs, mut left) = (Vec::new(), Vec::new(), Vec::new());
        for trace in traces.drain(..) {
            match self.mac(&trace).filter(|_| is_committed(&trace, &tracked)) {
                Some(mac) => {
                    macs.push(mac);
                    added.push(trace);
                }
                None => left.push(trace),
            }
        }
        // One text in many commits is one finding to decide about.
        if macs.iter().collect::<BTreeSet<_>>().len() > 1 && !consent.is_for_all {
            return Err(too_many(&added));
        }
        for (trace, mac) in added.iter().zip(macs) {
            let accepted = Accepted::new(trace.what.label(), &trace.path, consent.reason);
            self.baseline.add(mac, accepted).map_err(|error| {
                Failure::new(Code::Usage, format!("cannot accept it: {error}"))
                    .hint("Give a reason of one line: `unspoken scan PATH --accept 'a test key'`.")
            })?;
        }
        if !added.is_empty() {
            replace(&self.path, self.baseline.print(&self.key).as_bytes())?;
        }
        let plaintext = left.iter().filter(|trace| trace.what == What::Plaintext).count();
        let acceptance = Acceptance { added, left: left.len() - plaintext, plaintext };
        *traces = left;
        Ok(acceptance)
    }
}

fn too_many(traces: &[Trace]) -> Failure {
    let lines: String =
        traces.iter().map(|trace| format!("\n  {}", trace.print().trim_end())).collect();
    let count = counted(traces.len(), "finding");
    Failure::new(Code::Refused, format!("this would accept {count}:{lines}")).hint(
        "Nothing was accepted. Name what you have looked at: `unspoken scan PATH --accept 'why'`. \
         For all of these, add `--yes`.",
    )
}

/// One that can be accepted, in a file that is there if possible.
pub(crate) fn acceptable<'t>(traces: &'t [Trace], git: &Git) -> Option<&'t Trace> {
    // A bare repository tracks nothing.
    let tracked = tracked(git, traces).unwrap_or_default();
    let mut fitting = traces.iter().filter(|trace| is_committed(trace, &tracked));
    let is_there = |trace: &&Trace| matches!(trace.place, Place::WorkTree | Place::Staged);
    fitting.clone().find(is_there).or_else(|| fitting.next())
}

fn is_committed(trace: &Trace, tracked: &BTreeSet<Vec<u8>>) -> bool {
    match trace.place {
        Place::WorkTree => trace.what != What::Plaintext && tracked.contains(trace.path.as_bytes()),
        Place::Staged => trace.what != What::Plaintext,
        Place::Commit(_) | Place::Message(_) => true,
        Place::Ignored | Place::Stdin | Place::Transcript => false,
    }
}

/// The paths of these that git tracks.
fn tracked(git: &Git, traces: &[Trace]) -> Result<BTreeSet<Vec<u8>>, Failure> {
    let met: HashSet<&[u8]> = traces.iter().map(|trace| trace.path.as_bytes()).collect();
    let answer = git.bytes(&["ls-files", "-z", "--full-name"])?;
    let paths = answer.split(|&byte| byte == 0);
    Ok(paths.filter(|path| met.contains(path)).map(<[u8]>::to_vec).collect())
}

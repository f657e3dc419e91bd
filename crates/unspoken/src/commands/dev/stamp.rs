//! Whether anything that a set depends on may have changed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// Which files stood at some paths: enough to see that one is another now. Two
/// stamps that differ say nothing yet about the set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Stamp(Vec<Option<[i128; 5]>>);

impl Stamp {
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        let look = |path: &PathBuf| {
            let found = fs::metadata(path).ok()?;
            let nanoseconds = i128::from(found.mtime_nsec());
            Some([
                found.dev().into(),
                found.ino().into(),
                found.size().into(),
                found.mtime().into(),
                nanoseconds,
            ])
        };
        Self(paths.iter().map(look).collect())
    }
}

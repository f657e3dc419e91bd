//! The canary on the disk: after the suite no file may hold a test's value.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use memchr::memmem::Finder;

use crate::command::{root, target};

const CHUNK: usize = 1 << 20;

/// How long a find must stay to count: another checkout's running test may
/// have a `.env` file for a moment.
const SETTLE: Duration = Duration::from_secs(5);

/// Looks at every file that was written since the suite began.
pub(crate) fn check(since: SystemTime) -> Result<String> {
    let marker = unspoken_testkit::canary_marker();
    let mut search =
        Search { finder: Finder::new(marker.as_bytes()), since: seconds(since), files: 0 };
    let mut found = Vec::new();
    for place in places() {
        search.folder(&place, &mut found);
    }
    if !found.is_empty() {
        std::thread::sleep(SETTLE);
        found.retain(|path| search.holds(path).unwrap_or(false));
    }
    if found.is_empty() {
        return Ok(format!("{} files", search.files));
    }
    let list: Vec<String> = found.iter().map(|path| path.display().to_string()).collect();
    bail!("a test's secret value lies on the disk:\n{}", list.join("\n"))
}

/// The folders that a test could write to, none inside another.
fn places() -> Vec<PathBuf> {
    let mut places = vec![root(), target(), std::env::temp_dir()];
    places.extend(["/tmp", "/var/tmp", "/dev/shm"].map(PathBuf::from));
    if let Some(home) = std::env::home_dir() {
        places.extend([".cache", ".local/share", ".config"].map(|folder| home.join(folder)));
    }
    outermost(places.into_iter().filter_map(|place| place.canonicalize().ok()).collect())
}

fn outermost(mut places: Vec<PathBuf>) -> Vec<PathBuf> {
    places.sort();
    let mut kept: Vec<PathBuf> = Vec::new();
    for place in places {
        if !kept.iter().any(|outer| place.starts_with(outer)) {
            kept.push(place);
        }
    }
    kept
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(since).unwrap_or(i64::MAX)
}

struct Search<'a> {
    finder: Finder<'a>,
    since: i64,
    files: usize,
}

impl Search<'_> {
    /// What vanishes or cannot be read while we look is passed over: others
    /// use these folders too.
    fn folder(&mut self, folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(status) = fs::symlink_metadata(&path) else { continue };
            if status.is_dir() {
                self.folder(&path, found);
            } else if status.is_file() && self.is_new(&status) {
                self.files += 1;
                if self.holds(&path).unwrap_or(false) {
                    found.push(path);
                }
            }
        }
    }

    fn is_new(&self, status: &Metadata) -> bool {
        status.mtime().max(status.ctime()) >= self.since
    }

    /// Reads in pieces that overlap by a marker's length.
    fn holds(&self, path: &Path) -> io::Result<bool> {
        let overlap = self.finder.needle().len();
        let mut file = File::open(path)?;
        let mut buffer = vec![0; CHUNK + overlap];
        let mut kept = 0;
        loop {
            let read = file.read(&mut buffer[kept..])?;
            if read == 0 {
                return Ok(false);
            }
            let end = kept + read;
            if self.finder.find(&buffer[..end]).is_some() {
                return Ok(true);
            }
            kept = overlap.min(end);
            buffer.copy_within(end - kept..end, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search_since(since: i64, folder: &Path) -> usize {
        let marker = unspoken_testkit::canary_marker();
        let mut search = Search { finder: Finder::new(marker.as_bytes()), since, files: 0 };
        let mut found = Vec::new();
        search.folder(folder, &mut found);
        found.len()
    }

    #[test]
    fn a_value_is_found_wherever_it_lies_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let value = unspoken_testkit::canary("find");
        for (name, before) in [("start", 0), ("edge", CHUNK - 3), ("late", 3 * CHUNK + 17)] {
            let inner = folder.path().join(name);
            fs::create_dir(&inner).unwrap();
            let bytes = [vec![b'x'; before].as_slice(), value.as_bytes(), b"tail"].concat();
            fs::write(inner.join("file"), bytes).unwrap();
        }
        fs::write(folder.path().join("clean"), vec![b'x'; CHUNK + 5]).unwrap();

        assert_eq!(search_since(0, folder.path()), 3);
        assert_eq!(search_since(i64::MAX, folder.path()), 0);
    }

    #[test]
    fn a_folder_inside_another_is_not_searched_twice() {
        let places = ["/tmp/a/b", "/tmp/ab", "/tmp/a", "/var"].map(PathBuf::from).to_vec();
        assert_eq!(outermost(places), ["/tmp/a", "/tmp/ab", "/var"].map(PathBuf::from));
    }
}

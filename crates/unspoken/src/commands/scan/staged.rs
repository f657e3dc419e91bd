//! What is staged: the contents that a commit would have.

use std::io;

use unspoken_scan::{Position, plaintext};

use super::findings::Findings;
use super::search::{Room, Search};
use super::trace::{Place, Trace, What};
use crate::git::{Contents, Git, GitError, Staged};

/// Looks through every staged file.
pub(crate) fn scan(
    git: &Git,
    staged: &Staged,
    search: &Search,
    findings: &Findings,
) -> Result<(), GitError> {
    if staged.is_empty() {
        return Ok(());
    }
    let ids = staged.files().map(|(_, id)| id.clone());
    let mut contents = Contents::read(git, ids)?;
    let mut room = Room::new();
    for (path, _) in staged.files() {
        let Some(bytes) = contents.next()? else {
            let error = io::Error::other("it is too large, or git does not have it");
            findings.add(path, &Place::Staged, Err(error));
            continue;
        };
        if plaintext::is_plaintext(path, &bytes) {
            findings.push(Trace {
                path: path.to_owned(),
                position: Position { line: 1, column: 1 },
                place: Place::Staged,
                what: What::Plaintext,
                text: None,
            });
        }
        findings.add(path, &Place::Staged, search.look(bytes.as_slice(), &mut room));
    }
    contents.end()
}

//! Where an object came from: the commit that brought it, and its path there.

use std::collections::{HashMap, HashSet};

use super::{AS_KEPT, Hit, Kind};
use crate::commands::scan::trace::Place;
use crate::git::{Git, GitError, ObjectId};

/// The origins of some objects, as far as something leads to them.
#[derive(Debug, Default)]
pub(super) struct Origins(HashMap<ObjectId, (String, Place)>);

impl Origins {
    pub(super) fn of(git: &Git, hits: &[Hit]) -> Result<Self, GitError> {
        let wanted: HashSet<&str> = hits.iter().map(|hit| hit.id.as_str()).collect();
        let mut origins = Self::default();
        origins.follow(git, &wanted)?;
        if hits.iter().any(|hit| hit.kind == Kind::Tag) {
            origins.find_tags(git, &wanted)?;
        }
        Ok(origins)
    }

    pub(super) fn find(&self, hit: &Hit) -> Option<&(String, Place)> {
        self.0.get(&hit.id)
    }

    /// Goes through the commits, newest first. The oldest one that has an object
    /// has brought it.
    fn follow(&mut self, git: &Git, wanted: &HashSet<&str>) -> Result<(), GitError> {
        let mut words =
            vec![AS_KEPT, "log", "--all", "--root", "-c", "-z", "--raw", "--format=commit %H"];
        words.extend(["--no-renames", "--no-abbrev", "--full-history", "--topo-order"]);
        words.extend(["--no-ext-diff", "--no-textconv", "--no-show-signature", "--no-notes"]);
        words.extend(["--no-decorate", "--ignore-submodules=all"]);
        let stashes = git.find(&["reflog", "show", "--format=%H", "refs/stash"])?;
        words.extend(stashes.iter().flat_map(|list| list.lines()));
        words.push("--");
        let answer = git.bytes(&words)?;
        let mut commit = None;
        let mut fields = answer.split(|&byte| byte == 0);
        while let Some(field) = fields.next() {
            let text = String::from_utf8_lossy(field.trim_ascii_start());
            if let Some(id) = text.strip_prefix("commit ") {
                commit = ObjectId::parse(id);
                if let Some(id) = commit.as_ref().filter(|id| wanted.contains(id.as_str())) {
                    self.put_message("commit", id.as_str().get(..10).unwrap_or_default(), id);
                }
            } else if text.starts_with(':') {
                // Modes, then the objects: of each parent, and the new one.
                let id = text.rsplit(' ').nth(1).and_then(ObjectId::parse);
                let path = String::from_utf8_lossy(fields.next().unwrap_or_default());
                if let (Some(id), Some(commit)) = (id, &commit)
                    && wanted.contains(id.as_str())
                {
                    let place = Place::Commit(commit.to_string());
                    self.0.insert(id, (path.into_owned(), place));
                }
            }
        }
        Ok(())
    }

    fn find_tags(&mut self, git: &Git, wanted: &HashSet<&str>) -> Result<(), GitError> {
        let tags = git.text(&["for-each-ref", "--format=%(objectname) %(refname:short)"])?;
        for (id, name) in tags.lines().filter_map(|line| line.split_once(' ')) {
            if let Some(id) = ObjectId::parse(id).filter(|id| wanted.contains(id.as_str())) {
                self.put_message("tag", name, &id);
            }
        }
        Ok(())
    }

    fn put_message(&mut self, what: &str, name: &str, id: &ObjectId) {
        let place = Place::Message(id.to_string());
        self.0.insert(id.clone(), (format!("{what} {name}"), place));
    }
}

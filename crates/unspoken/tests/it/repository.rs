//! A project in a real repository whose git calls the program under test.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use unspoken_testkit::{Invocation, Output, Project, canary, peers, unspoken_binary};

pub(crate) struct Repository {
    pub(crate) project: Project,
    path: OsString,
}

/// The one document of these tests.
pub(crate) const DOCUMENT: &str = "secrets/development.json";

impl Repository {
    /// One commit with the value `A`, and git set up.
    pub(crate) fn new() -> Self {
        let repository = Self::without_setup();
        repository.unspoken(&["git", "setup"]).run().ok();
        repository
    }

    pub(crate) fn without_setup() -> Self {
        let project = Project::with_environments(&["development"]);
        let bin = project.folder().join("bin");
        std::fs::create_dir(&bin).unwrap();
        symlink(unspoken_binary(), bin.join("unspoken")).unwrap();
        let mut path = bin.into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let repository = Self { project, path };
        repository.set("A", "first");
        repository.commit("first");
        repository
    }

    pub(crate) fn call(&self, program: &str, arguments: &[&str]) -> Invocation {
        self.project.program(program, arguments).env("PATH", &self.path)
    }

    pub(crate) fn unspoken(&self, arguments: &[&str]) -> Invocation {
        self.call(unspoken_binary().to_str().unwrap(), arguments)
    }

    /// Runs git, whatever comes of it. It may have said no value.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> Output {
        self.call("git", arguments).env("GIT_EDITOR", "true").run().is_silent_on_values()
    }

    #[track_caller]
    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "--all"]).ok();
        self.git(&["commit", "--quiet", "--message", message]).ok();
    }

    /// A branch from a commit, with one commit that this makes.
    #[track_caller]
    pub(crate) fn branch(&self, name: &str, from: &str, change: impl FnOnce(&Self)) {
        self.git(&["checkout", "--quiet", "-b", name, from]).ok();
        change(self);
        self.commit(name);
    }

    #[track_caller]
    pub(crate) fn set(&self, name: &str, tag: &str) {
        self.project.set("development", name, canary(tag));
    }

    #[track_caller]
    pub(crate) fn has(&self, name: &str, tag: &str) {
        self.project.has("development", name, canary(tag));
    }

    pub(crate) fn lacks(&self, name: &str) {
        self.project.get("development", name).fails_with(3);
    }

    pub(crate) fn document(&self) -> String {
        self.project.read(DOCUMENT)
    }

    /// The file of the environment's own key.
    pub(crate) fn key(&self) -> PathBuf {
        let keys = std::fs::read_dir(self.project.unspoken_home().join("keys")).unwrap();
        keys.map(|entry| entry.unwrap().path()).next().unwrap()
    }

    /// The environment's public key.
    pub(crate) fn public(&self) -> String {
        let text = std::fs::read_to_string(self.key()).unwrap();
        text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned()
    }

    /// The real sops program, on the document.
    #[track_caller]
    pub(crate) fn sops(&self, arguments: &[&str]) -> Output {
        let call = self.call(peers().sops().to_str().unwrap(), arguments);
        call.env("SOPS_AGE_KEY_FILE", self.key()).run().ok()
    }

    /// A new data key, pinned.
    #[track_caller]
    pub(crate) fn rotate(&self) {
        self.sops(&["rotate", "--in-place", DOCUMENT]);
        self.unspoken(&["accept", "--new-data-key", "--yes"]).run().ok();
    }

    /// The seal key of the document in the work tree.
    pub(crate) fn seal_key(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.document()).unwrap();
        json["sops"]["unspoken"]["seal_key"].as_str().unwrap().to_owned()
    }
}

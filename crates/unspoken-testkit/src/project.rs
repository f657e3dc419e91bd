//! A temporary project with a home of its own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{Invocation, Member, Output, Snapshot};

/// A git repository, a home folder and a folder for temporary files, all
/// removed when this is dropped.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// An empty repository.
    #[track_caller]
    pub fn empty() -> Self {
        let folder = must(tempfile::tempdir(), "make a temporary folder");
        let project = Self { folder };
        for inner in [project.root(), project.home(), project.tmp()] {
            must(fs::create_dir(&inner), "make a folder");
        }
        project.git(["init", "--quiet", "--initial-branch=main"]);
        project
    }

    /// A repository in which `unspoken init` has been run, with these
    /// environments.
    #[track_caller]
    pub fn with_environments(names: &[&str]) -> Self {
        let project = Self::empty();
        let flags = names.iter().flat_map(|name| ["-e", name]);
        project.unspoken(["init", "--project", "acme-web"].into_iter().chain(flags)).run().ok();
        project
    }

    /// The repository's root.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("acme-web")
    }

    /// The folder that `HOME` names.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder that `UNSPOKEN_HOME` names, where the private keys are.
    pub fn unspoken_home(&self) -> PathBuf {
        self.home().join("unspoken")
    }

    /// The folder that `TMPDIR` names.
    pub fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// The folder that all of the above are in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What lies in these folders now.
    #[track_caller]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.folder())
    }

    /// Demands that these folders are as they were.
    #[track_caller]
    pub fn is_as(&self, before: &Snapshot) {
        let changes = before.changes(&self.snapshot());
        assert!(changes.is_empty(), "these have changed: {}", changes.join(", "));
    }

    /// Where an environment's document lies.
    pub fn document(&self, environment: &str) -> PathBuf {
        self.root().join("secrets").join(format!("{environment}.json"))
    }

    /// Reads a file below the root.
    #[track_caller]
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        must(fs::read_to_string(self.root().join(path)), "read a file")
    }

    /// Writes a file below the root.
    #[track_caller]
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        must(fs::write(self.root().join(path), bytes), "write a file");
    }

    /// A call of the real program, in the root.
    #[track_caller]
    pub fn unspoken<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Invocation {
        self.program(unspoken_binary(), arguments)
    }

    /// A call of any program, in the root, with the same environment.
    pub fn program<S: AsRef<OsStr>>(
        &self,
        name: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Invocation {
        let mut command = Command::new(name);
        command.args(arguments).current_dir(self.root()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home()).env("UNSPOKEN_HOME", self.unspoken_home());
        command.env("TMPDIR", self.tmp()).env("LANG", "C.UTF-8").env("TZ", "UTC");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_AUTHOR_NAME", "test").env("GIT_AUTHOR_EMAIL", "test@example.invalid");
        command.env("GIT_COMMITTER_NAME", "test").env("GIT_COMMITTER_EMAIL", "t@example.invalid");
        Invocation::new(command)
    }

    /// Puts a value into an environment; it may be empty.
    #[track_caller]
    pub fn set(&self, environment: &str, name: &str, value: impl AsRef<[u8]>) {
        self.unspoken(["set", name, "-e", environment, "--empty"]).stdin(value).run().ok();
    }

    /// Asks for a value.
    #[track_caller]
    pub fn get(&self, environment: &str, name: &str) -> Output {
        self.unspoken(["get", name, "-e", environment]).run()
    }

    /// Demands that a name has a value, and shows neither when it has another.
    #[track_caller]
    pub fn has(&self, environment: &str, name: &str, value: impl AsRef<[u8]>) {
        let found = self.get(environment, name).ok();
        assert!(found.stdout == value.as_ref(), "`{name}` in `{environment}` has another value");
    }

    /// The bare repository that members share.
    pub(crate) fn remote(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    /// Somebody else, with a clone of what was shared and a home of their own.
    /// What lies in this project is committed and shared first.
    #[track_caller]
    pub fn member(&self, name: &str) -> Member<'_> {
        if !self.remote().exists() {
            self.git(["add", "--all"]);
            self.git(["commit", "--quiet", "--allow-empty", "-m", "begin"]);
            self.git(["clone", "--quiet", "--bare", ".", "../remote.git"]);
        }
        Member::join(self, name)
    }

    #[track_caller]
    pub fn git<const N: usize>(&self, arguments: [&str; N]) -> String {
        self.program("git", arguments).run().ok().text().to_owned()
    }
}

/// The program under test: `UNSPOKEN_BIN`, or what cargo has built beside
/// this test.
#[track_caller]
pub fn unspoken_binary() -> PathBuf {
    if let Some(binary) = std::env::var_os("UNSPOKEN_BIN") {
        return PathBuf::from(binary);
    }
    beside_this_test("unspoken")
}

/// The program that prints the variables it received as JSON.
#[track_caller]
pub fn show_env() -> PathBuf {
    beside_this_test("show-env")
}

/// What cargo has built in this workspace, which is in the folder above the
/// tests' own.
#[track_caller]
pub(crate) fn beside_this_test(name: &str) -> PathBuf {
    let own = must(std::env::current_exe(), "find this test");
    let found =
        own.ancestors().skip(1).take(3).map(|folder| folder.join(name)).find(|p| p.is_file());
    match found {
        Some(binary) => binary,
        None => panic!("`{name}` is not built: run `cargo xtask test`"),
    }
}

#[track_caller]
pub(crate) fn must<T>(result: std::io::Result<T>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("cannot {what}: {error}"),
    }
}

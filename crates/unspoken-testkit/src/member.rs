//! One of several people or machines that share a project by git.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use crate::project::{Project, must, unspoken_binary};
use crate::{Invocation, Output};

/// Somebody with a clone of a project and a home folder of their own.
#[derive(Debug)]
pub struct Member<'p> {
    project: &'p Project,
    name: String,
}

impl<'p> Member<'p> {
    /// Clones what the project has pushed to the shared remote.
    #[track_caller]
    pub(crate) fn join(project: &'p Project, name: &str) -> Self {
        let member = Self { project, name: name.to_owned() };
        must(fs::create_dir_all(member.home()), "make a folder");
        let (remote, root) = (project.remote(), member.root());
        let arguments = [OsStr::new("clone"), OsStr::new("-q"), remote.as_ref(), root.as_ref()];
        member.program_in("git", arguments, member.home()).run().ok();
        member
    }

    /// The clone's root.
    pub fn root(&self) -> PathBuf {
        self.project.folder().join(&self.name).join("acme-web")
    }

    /// The folder that `HOME` names.
    pub fn home(&self) -> PathBuf {
        self.project.folder().join(&self.name).join("home")
    }

    /// The folder that `UNSPOKEN_HOME` names.
    pub fn unspoken_home(&self) -> PathBuf {
        self.home().join("unspoken")
    }

    /// A call of the real program, in the clone.
    #[track_caller]
    pub fn unspoken<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Invocation {
        self.program(unspoken_binary(), arguments)
    }

    /// A call of any program, in the clone.
    pub fn program<S: AsRef<OsStr>>(
        &self,
        name: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Invocation {
        self.program_in(name, arguments, self.root())
    }

    fn program_in<S: AsRef<OsStr>>(
        &self,
        name: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = S>,
        folder: PathBuf,
    ) -> Invocation {
        let email = format!("{}@example.invalid", self.name);
        self.project
            .program(name, arguments)
            .current_dir(folder)
            .env("HOME", self.home())
            .env("UNSPOKEN_HOME", self.unspoken_home())
            .env("GIT_AUTHOR_NAME", &self.name)
            .env("GIT_AUTHOR_EMAIL", &email)
            .env("GIT_COMMITTER_NAME", &self.name)
            .env("GIT_COMMITTER_EMAIL", &email)
    }

    #[track_caller]
    pub fn git<const N: usize>(&self, arguments: [&str; N]) -> Output {
        self.program("git", arguments).run()
    }

    /// Commits everything, on top of what others have pushed, and pushes it.
    #[track_caller]
    pub fn publish(&self, message: &str) {
        self.git(["add", "--all"]).ok();
        self.git(["commit", "--quiet", "-m", message]).ok();
        self.git(["pull", "--quiet", "--rebase"]).ok();
        self.git(["push", "--quiet", "origin", "HEAD:main"]).ok();
    }

    #[track_caller]
    pub fn pull(&self) {
        self.git(["pull", "--quiet", "--rebase"]).ok();
    }

    /// The public key of this member, made now if there is none.
    #[track_caller]
    pub fn identity(&self) -> String {
        self.unspoken(["identity"]).run().ok().text().trim().to_owned()
    }

    #[track_caller]
    pub fn set(&self, environment: &str, name: &str, value: impl AsRef<[u8]>) {
        self.unspoken(["set", name, "-e", environment]).stdin(value).run().ok();
    }

    /// Demands that a name has a value, and shows neither when it has another.
    #[track_caller]
    pub fn has(&self, environment: &str, name: &str, value: impl AsRef<[u8]>) {
        let found = self.unspoken(["get", name, "-e", environment]).run().ok();
        assert!(found.stdout == value.as_ref(), "`{name}` in `{environment}` has another value");
    }

    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        must(fs::read_to_string(self.root().join(path)), "read a file")
    }

    #[track_caller]
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        must(fs::write(self.root().join(path), bytes), "write a file");
    }
}

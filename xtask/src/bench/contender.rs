//! The contenders: the same values in the form that each keeps them in.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::project::{Project, dotenv, value};
use crate::command::must;

/// One program to be measured, and what it is given.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: PathBuf,
    variables: Vec<(&'static str, PathBuf)>,
    /// The exit codes of a program that did what it should.
    codes: &'static [i32],
    sink: Sink,
}

/// Where a contender's output goes.
#[derive(Clone, Debug)]
pub(crate) enum Sink {
    /// `/dev/null`.
    Nothing,
    /// A pipe that is read to its end.
    Pipe,
    /// A file that is new in each round.
    File(PathBuf),
}

impl Contender {
    pub(crate) fn new(
        name: &'static str,
        program: impl Into<PathBuf>,
        folder: &Path,
        words: &[&str],
    ) -> Self {
        Self {
            name,
            program: program.into(),
            arguments: words.iter().map(OsString::from).collect(),
            folder: folder.to_path_buf(),
            variables: Vec::new(),
            codes: &[0],
            sink: Sink::Nothing,
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: PathBuf) -> Self {
        self.variables.push((name, value));
        self
    }

    pub(crate) fn ending_with(mut self, codes: &'static [i32]) -> Self {
        self.codes = codes;
        self
    }

    pub(crate) fn writing_to(mut self, sink: Sink) -> Self {
        self.sink = sink;
        self
    }

    pub(crate) fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Whether it did what it should.
    pub(crate) fn is_done(&self, status: ExitStatus) -> bool {
        status.code().is_some_and(|code| self.codes.contains(&code))
    }

    /// The program itself, for one round.
    pub(crate) fn command(&self) -> Command {
        self.under(&[])
    }

    /// The program below another one that watches it.
    pub(crate) fn under(&self, watcher: &[&str]) -> Command {
        let mut words: Vec<OsString> = watcher.iter().map(OsString::from).collect();
        words.push(self.program.clone().into_os_string());
        words.extend(self.arguments.iter().cloned());
        let mut command = Command::new(words.remove(0));
        command.args(words).current_dir(&self.folder).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub(crate) fn run(&self) -> Result<()> {
        let mut command = self.command();
        command.stderr(Stdio::inherit());
        let status = command.status().with_context(|| format!("cannot start {}", self.name))?;
        ensure!(self.is_done(status), "{} failed", self.name);
        Ok(())
    }
}

/// A number of secrets, kept three times.
pub(crate) struct Bench {
    folder: TempDir,
    project: Project,
    peers: PathBuf,
}

impl Bench {
    /// Makes the values and gives them to each of the three.
    pub(crate) fn new(unspoken: &Path, peers: &Path, secrets: usize) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let at = |path| folder.path().join(path);
        for inner in ["ours", "sops", "dotenvx", "home"] {
            fs::create_dir(at(inner)).context("cannot make a folder")?;
        }
        let project = Project::new(unspoken, &at("ours"), &at("home"), secrets)?;
        let bench = Self { folder, project, peers: peers.to_path_buf() };
        bench.fill_sops(secrets)?;
        bench.fill_dotenvx(secrets)?;
        Ok(bench)
    }

    pub(crate) fn bare(&self) -> Contender {
        self.contender("true", "true", "ours", &[])
    }

    pub(crate) fn unspoken(&self) -> Contender {
        self.ours("unspoken run", &["run", "--", "true"])
    }

    /// The same by a pipe instead of variables.
    pub(crate) fn by_pipe(&self) -> Contender {
        self.ours("unspoken run --fd", &["run", "--fd", "--", "true"])
    }

    /// A run that becomes its command, although a pipe is watched.
    pub(crate) fn unspoken_replaced(&self) -> Contender {
        let words = ["run", "--redact", "never", "--", "true"];
        self.ours("unspoken run --redact never", &words)
    }

    /// A run of a command that does not exist: everything up to the start.
    pub(crate) fn unspoken_of_nothing(&self) -> Contender {
        let words = ["run", "--redact", "never", "--", "/nonexistent/command"];
        self.ours("unspoken run", &words)
    }

    pub(crate) fn list(&self) -> Contender {
        self.ours("unspoken list", &["list", "-e", "development"])
    }

    pub(crate) fn set(&self) -> Contender {
        self.ours("unspoken set", &["set", "ROTATED", "--generate", "--yes"])
    }

    /// Gives both files this many more recipients.
    pub(crate) fn share(&self, recipients: usize) -> Result<()> {
        let keygen = self.peers.join("bin/age-keygen");
        let mut all = vec![must(Command::new(&keygen).arg("-y").arg(self.at("sops/key")))?];
        for number in 0..recipients {
            let key = self.at(&format!("sops/reader-{number}"));
            must(Command::new(&keygen).arg("-o").arg(&key))?;
            let public = must(Command::new(&keygen).arg("-y").arg(&key))?;
            let (name, public) = (format!("reader-{number}"), public.trim());
            let words = ["recipients", "add", &name, public, "--yes", "--quiet"];
            self.ours("unspoken recipients add", &words).run()?;
            all.push(public.to_owned());
        }
        let all: Vec<&str> = all.iter().map(|key| key.trim()).collect();
        let rules = format!("creation_rules:\n  - age: {}\n", all.join(","));
        fs::write(self.at("sops/.sops.yaml"), rules).context("cannot write sops' rules")?;
        let words = ["updatekeys", "--yes", "secrets.json"];
        let mut sops =
            self.contender("sops updatekeys", self.peers.join("bin/sops"), "sops", &words);
        sops.variables.push(("SOPS_AGE_KEY_FILE", self.at("sops/key")));
        sops.run()
    }

    /// New keys, and every value sealed anew.
    pub(crate) fn rotate(&self) -> Contender {
        self.ours("unspoken rotate", &["rotate", "--yes", "--quiet"])
    }

    /// The same by sops: a new data key for the same recipients.
    pub(crate) fn sops_rotate(&self) -> Contender {
        let words = ["rotate", "--in-place", "secrets.json"];
        let program = self.peers.join("bin/sops");
        let mut sops = self.contender("sops rotate", program, "sops", &words);
        sops.variables.push(("SOPS_AGE_KEY_FILE", self.at("sops/key")));
        sops
    }

    pub(crate) fn sops(&self) -> Contender {
        let words = ["exec-env", "secrets.json", "true"];
        let mut sops = self.contender("sops exec-env", self.peers.join("bin/sops"), "sops", &words);
        sops.variables.push(("SOPS_AGE_KEY_FILE", self.at("sops/key")));
        sops
    }

    pub(crate) fn dotenvx(&self) -> Contender {
        let program = self.peers.join("node_modules/.bin/dotenvx");
        self.contender("dotenvx run", program, "dotenvx", &["run", "--quiet", "--", "true"])
    }

    /// Sops writes its own file here, so that it is measured at its best.
    fn fill_sops(&self, secrets: usize) -> Result<()> {
        let keygen = self.peers.join("bin/age-keygen");
        must(Command::new(&keygen).arg("-o").arg(self.at("sops/key")))?;
        let public = must(Command::new(&keygen).arg("-y").arg(self.at("sops/key")))?;
        let plain = self.at("sops/plain.json");
        fs::write(&plain, json(secrets)).context("cannot write the values")?;
        let mut sops = Command::new(self.peers.join("bin/sops"));
        sops.current_dir(self.at("sops")).args(["encrypt", "--age", public.trim()]);
        must(sops.args(["--output", "secrets.json", "plain.json"]))?;
        fs::remove_file(plain).context("cannot remove the values")?;
        self.sops().run()
    }

    fn fill_dotenvx(&self, secrets: usize) -> Result<()> {
        fs::write(self.at("dotenvx/.env"), dotenv(secrets)).context("cannot write the values")?;
        let program = self.peers.join("node_modules/.bin/dotenvx");
        self.contender("dotenvx encrypt", program, "dotenvx", &["encrypt"]).run()?;
        self.dotenvx().run()
    }

    pub(crate) fn ours(&self, name: &'static str, words: &[&str]) -> Contender {
        self.project.contender(name, words)
    }

    pub(crate) fn contender(
        &self,
        name: &'static str,
        program: impl Into<PathBuf>,
        folder: &str,
        words: &[&str],
    ) -> Contender {
        Contender::new(name, program, &self.at(folder), words).with("HOME", self.at("home"))
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }
}

fn json(secrets: usize) -> String {
    let line = |index| format!("  \"SECRET_{index:04}\": \"{}\"", value(index));
    format!("{{\n{}\n}}\n", (0..secrets).map(line).collect::<Vec<_>>().join(",\n"))
}

//! The stage: a temporary project, and commands that are shown as they run.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, ensure};
use unspoken_testkit::{Output, Project};

/// A project with a home of its own.
pub(crate) struct Stage {
    project: Project,
    binary: PathBuf,
    vault: PathBuf,
}

/// A vault that serves until this is dropped.
pub(crate) struct Server {
    child: Child,
    url: String,
}

/// Tells the story.
pub(crate) fn say(sentence: &str) {
    println!("\n# {sentence}");
}

impl Stage {
    pub(crate) fn new(binary: PathBuf, vault: PathBuf) -> Self {
        Self { project: Project::empty(), binary, vault }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.project.root().join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        std::fs::write(self.path(path), bytes).with_context(|| format!("cannot write {path}"))
    }

    /// Tells whether a program has left the mark that says it was started.
    pub(crate) fn marks(&self) -> bool {
        self.path("started").exists()
    }

    /// Shows a command of ours and what it says, which must end as expected.
    pub(crate) fn unspoken(&self, words: &[&str], code: i32) -> Result<String> {
        println!("$ unspoken {}", words.join(" "));
        heard(&self.project.program(&self.binary, words).run(), code)
    }

    /// The same as who has a vault's address and a token for it.
    pub(crate) fn with_token(
        &self,
        (url, token): (&str, &str),
        words: &[&str],
        code: i32,
    ) -> Result<String> {
        println!("$ UNSPOKEN_TOKEN=… UNSPOKEN_VAULT_URL={url} unspoken {}", words.join(" "));
        let call = self.project.program(&self.binary, words).env("UNSPOKEN_TOKEN", token.trim());
        heard(&call.env("UNSPOKEN_VAULT_URL", url).run(), code)
    }

    /// Shows a command of ours that is given something to read, which is not shown.
    pub(crate) fn typed(&self, words: &[&str], text: &str) -> Result<String> {
        println!("$ unspoken {}", words.join(" "));
        heard(&self.project.program(&self.binary, words).stdin(text).run(), 0)
    }

    /// Shows a command of the vault's program and what it says.
    pub(crate) fn vault(&self, words: &[&str]) -> Result<String> {
        println!("$ unspoken-vault {}", words.join(" "));
        heard(&self.project.program(&self.vault, words).run(), 0)
    }

    /// Shows that the vault serves.
    pub(crate) fn serve(&self, words: &[&str]) -> Result<Server> {
        println!("$ unspoken-vault {} &", words.join(" "));
        let mut command = self.project.program(&self.vault, words).command();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().context("cannot start the vault")?;
        let mut line = String::new();
        if let Some(said) = child.stderr.take() {
            BufReader::new(said).read_line(&mut line).context("cannot listen to the vault")?;
        }
        print!("{line}");
        let url = line.trim().strip_prefix("listening at ").unwrap_or_default().to_owned();
        let server = Server { child, url };
        ensure!(!server.url.is_empty(), "the vault does not serve");
        Ok(server)
    }

    /// Shows a command of ours, and returns what the program under it wrote.
    pub(crate) fn quietly(&self, words: &[&str]) -> Result<String> {
        println!("$ unspoken {}", words.join(" "));
        let output = self.project.program(&self.binary, words).run();
        ensure!(output.code == 0, "{}", spoken(&output));
        String::from_utf8(output.stdout).context("the program wrote no text")
    }

    /// Shows another program's command and what it says.
    pub(crate) fn show(&self, program: &str, words: &[&str]) -> Result<()> {
        println!("$ {program} {}", words.join(" "));
        let output = self.project.program(program, words).run();
        print!("{}", spoken(&output));
        ensure!(output.code == 0, "`{program}` failed");
        Ok(())
    }

    /// Tells whether any file below the project holds a text, by asking grep.
    pub(crate) fn holds(&self, text: &str) -> Result<bool> {
        let words = ["-r", "-q", "-F", "-e", text, "."];
        let code = self.project.program("grep", words).run().code;
        ensure!(code < 2, "grep failed");
        Ok(code == 0)
    }
}

impl Server {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Prints what a program said, which must end as expected.
fn heard(output: &Output, code: i32) -> Result<String> {
    let text = spoken(output);
    print!("{text}");
    if output.code != 0 {
        println!("(exit code {})", output.code);
    }
    ensure!(output.code == code, "exit code {code} was expected, not {}", output.code);
    Ok(text)
}

fn spoken(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&output.stderr);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

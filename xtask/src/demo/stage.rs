//! The stage: a temporary project, and commands that are shown as they run.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use unspoken_testkit::{Output, Project};

/// A project with a home of its own.
pub(crate) struct Stage {
    project: Project,
    binary: PathBuf,
}

/// Tells the story.
pub(crate) fn say(sentence: &str) {
    println!("\n# {sentence}");
}

impl Stage {
    pub(crate) fn new(binary: PathBuf) -> Self {
        Self { project: Project::empty(), binary }
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
        let output = self.project.program(&self.binary, words).run();
        let text = spoken(&output);
        print!("{text}");
        if output.code != 0 {
            println!("(exit code {})", output.code);
        }
        ensure!(output.code == code, "exit code {code} was expected, not {}", output.code);
        Ok(text)
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

fn spoken(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&output.stderr);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

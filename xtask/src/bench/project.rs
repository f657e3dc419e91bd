//! A project of ours, with values that are the same for each contender.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use unspoken_testkit::canary;

use super::contender::Contender;

/// A folder with a project, and the home that its key lies in.
pub(crate) struct Project {
    unspoken: PathBuf,
    folder: PathBuf,
    home: PathBuf,
}

impl Project {
    /// Makes the project in a folder that is there already.
    pub(crate) fn new(unspoken: &Path, folder: &Path, home: &Path, secrets: usize) -> Result<Self> {
        let [unspoken, folder, home] = [unspoken, folder, home].map(Path::to_path_buf);
        let project = Self { unspoken, folder, home };
        // The import takes the file away.
        fs::write(project.folder.join(".env"), dotenv(secrets))
            .context("cannot write the values")?;
        let words = ["init", "--project", "bench", "-e", "development", "--quiet"];
        project.contender("unspoken init", &words).run()?;
        let words = ["import", ".env", "-e", "development", "--quiet"];
        project.contender("unspoken import", &words).run()?;
        project.contender("unspoken run", &["run", "--", "true"]).run()?;
        Ok(project)
    }

    pub(crate) fn contender(&self, name: &'static str, words: &[&str]) -> Contender {
        let contender = Contender::new(name, &self.unspoken, &self.folder, words);
        let contender = contender.with("UNSPOKEN_HOME", self.home.join("unspoken"));
        contender.with("HOME", self.home.clone())
    }
}

/// Values as a `.env` file, of the length of a usual token.
pub(crate) fn dotenv(secrets: usize) -> String {
    let line = |index| format!("SECRET_{index:04}={}", value(index));
    (0..secrets).map(line).collect::<Vec<_>>().join("\n") + "\n"
}

pub(crate) fn value(index: usize) -> String {
    canary(&format!("bench-{index:04}"))
}

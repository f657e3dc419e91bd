//! Redaction in memory: the example of `unspoken-seal` that measures it, and what
//! it prints.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::page::verdict;
use crate::command::{cargo, must, program, target};

/// What a stream should pass with, by the number of secrets.
const BARS: [(usize, f64); 2] = [(100, 500.0), (1000, 300.0)];

/// What the example found with one number of secrets.
#[derive(Debug, PartialEq)]
pub(crate) struct Speed {
    secrets: usize,
    short: usize,
    microseconds: u64,
    megabytes: f64,
}

/// The example, built.
pub(crate) struct Example(PathBuf);

impl Example {
    /// Builds it without optimisation across crates, which takes a minute and moves
    /// nothing here.
    pub(crate) fn build() -> Result<Self> {
        let mut build = cargo(["build", "--release", "--locked", "--package", "unspoken-seal"]);
        build.args(["--example", "redact_speed"]).env("CARGO_PROFILE_RELEASE_LTO", "false");
        must(&mut build)?;
        Ok(Self(target().join("release/examples/redact_speed")))
    }

    /// Writes text like that of a log, the same each time.
    pub(crate) fn write_log(&self, path: &Path, bytes: u64) -> Result<()> {
        let file = File::create(path).context("cannot make the file for the log")?;
        let mut example = program(&self.0);
        example.args(["log", &bytes.to_string()]).stdout(file);
        let status = example.status().context("cannot start the example")?;
        ensure!(status.success(), "the example wrote no log");
        Ok(())
    }

    pub(crate) fn measure(&self) -> Result<Vec<Speed>> {
        let said = must(&mut program(&self.0))?;
        let speeds: Option<Vec<Speed>> = said.lines().skip(1).map(parse).collect();
        let speeds = speeds.filter(|speeds| !speeds.is_empty());
        speeds.with_context(|| format!("{said}\nthe example said something else"))
    }
}

fn parse(line: &str) -> Option<Speed> {
    let mut words = line.split('\t');
    let speed = Speed {
        secrets: words.next()?.parse().ok()?,
        short: words.next()?.parse().ok()?,
        microseconds: words.next()?.parse().ok()?,
        megabytes: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(speed)
}

pub(crate) fn print(speeds: &[Speed]) -> String {
    let mut text = String::from(
        "\n## Leaving values out, in memory\n\n\
         64 MB of generated text like that of a log, with no value in it, through one `Redactor` in \
         pieces of 64 KiB, on one core; the fastest of seven\nrounds. A fifth of the values are \
         addresses with a password. A short value has seven characters and is found as a whole word. \
         Built without\noptimisation across crates.\n\n\
         | secrets | of these short | learning | passing | bar |\n|--:|--:|--:|--:|---|\n",
    );
    for speed in speeds {
        let bar = BARS.iter().find(|(secrets, _)| *secrets == speed.secrets);
        let bar = bar.map_or(String::new(), |(_, bar)| {
            format!("≥ {bar:.0} MB/s: {}", verdict(speed.megabytes >= *bar))
        });
        let milliseconds = Duration::from_micros(speed.microseconds).as_secs_f64() * 1000.0;
        let _ = writeln!(
            text,
            "| {} | {} | {milliseconds:.1} ms | {:.0} MB/s | {bar} |",
            speed.secrets, speed.short, speed.megabytes
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_example_is_read() {
        let speed = Speed { secrets: 100, short: 1, microseconds: 5500, megabytes: 2050.0 };
        assert_eq!(parse("100\t1\t5500\t2050"), Some(speed));
        assert_eq!(parse("100\t1\t5500"), None);
        assert_eq!(parse("100\t1\t5500\t2050\t1"), None);
        assert_eq!(parse("100\t1\tfast\t2050"), None);
    }

    #[test]
    fn the_bar_is_held_against_the_figure() {
        let speed = |secrets, megabytes| Speed { secrets, short: 0, microseconds: 600, megabytes };
        let page = print(&[speed(10, 1.0), speed(100, 499.0), speed(1000, 300.0)]);

        assert!(page.contains("| 10 | 0 | 0.6 ms | 1 MB/s |  |\n"), "{page}");
        assert!(page.contains("| 499 MB/s | ≥ 500 MB/s: missed |\n"), "{page}");
        assert!(page.contains("| 300 MB/s | ≥ 300 MB/s: met |\n"), "{page}");
    }
}

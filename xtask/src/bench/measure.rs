//! Clocks and counters.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::contender::{Contender, Sink};

const WARM_UP: usize = 2;

/// How long one contender took, round by round.
#[derive(Debug, Default)]
pub(crate) struct Times {
    sorted: Vec<Duration>,
}

impl Times {
    fn new(mut rounds: Vec<Duration>) -> Self {
        rounds.sort_unstable();
        Self { sorted: rounds }
    }

    pub(crate) fn minimum(&self) -> Duration {
        self.sorted.first().copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> Duration {
        self.sorted.get(self.sorted.len() / 2).copied().unwrap_or_default()
    }

    pub(crate) fn rounds(&self) -> usize {
        self.sorted.len()
    }
}

/// Runs the contenders in turn, each as often as it is said, evenly spread.
pub(crate) fn race<const N: usize>(field: [(&Contender, usize); N]) -> Result<[Times; N]> {
    let rounds = field.iter().map(|(_, rounds)| *rounds).max().unwrap_or(0);
    for (contender, own) in field {
        for _ in 0..WARM_UP.min(own) {
            once(contender)?;
        }
    }
    let mut taken: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..rounds {
        for ((contender, own), times) in field.iter().zip(&mut taken) {
            if is_due(round, *own, rounds) {
                times.push(once(contender)?);
            }
        }
    }
    Ok(taken.map(Times::new))
}

/// Spreads `own` turns over all rounds.
fn is_due(round: usize, own: usize, rounds: usize) -> bool {
    (round + 1) * own / rounds > round * own / rounds
}

fn once(contender: &Contender) -> Result<Duration> {
    let mut command = contender.command();
    direct(&mut command, contender.sink())?;
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {}", contender.name))?;
    if let Some(stdout) = &mut child.stdout {
        throw_away(stdout).with_context(|| format!("cannot read from {}", contender.name))?;
    }
    let status = child.wait().with_context(|| format!("cannot wait for {}", contender.name))?;
    let taken = start.elapsed();
    ensure!(contender.is_done(status), "{} failed", contender.name);
    Ok(taken)
}

/// An old file goes before the clock starts: that takes as long as writing it.
fn direct(command: &mut Command, sink: &Sink) -> Result<()> {
    let stdout = match sink {
        Sink::Nothing => return Ok(()),
        Sink::Pipe => Stdio::piped(),
        Sink::File(path) => {
            let made = match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => File::create(path),
            };
            made.context("cannot make the file to be written to")?.into()
        }
    };
    command.stdout(stdout);
    Ok(())
}

fn throw_away(from: &mut impl Read) -> io::Result<()> {
    let mut room = vec![0; 128 * 1024];
    while from.read(&mut room)? > 0 {}
    Ok(())
}

/// The largest resident size that the program and what it waited for reached,
/// in KiB.
///
/// A small program starts it: the figure counts what a child shares with its
/// parent before it becomes another program.
pub(crate) fn peak_memory(contender: &Contender) -> Result<u64> {
    let mut command = contender.under(&["/usr/bin/time", "--format=%M"]);
    let output = command.stderr(Stdio::piped()).output().context("cannot start time")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    last.trim().parse().with_context(|| format!("no figure for {}", contender.name))
}

/// How many instructions our program executes before the command would
/// start. The contender's command does not exist, since a program that was
/// replaced reports nothing.
pub(crate) fn instructions(contender: &Contender) -> Result<u64> {
    let watcher = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let mut command = contender.under(&watcher);
    let output = command.stderr(Stdio::piped()).output().context("cannot start valgrind")?;
    ensure!(output.status.code() == Some(127), "the command was found, or the run failed before");
    collected(&String::from_utf8_lossy(&output.stderr)).context("callgrind reported no count")
}

fn collected(report: &str) -> Option<u64> {
    let (_, count) = report.split_once("Collected : ")?;
    count.lines().next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_over_all_rounds() {
        for (own, rounds) in [(300, 300), (30, 300), (4, 300), (7, 10), (0, 10)] {
            let due: Vec<_> = (0..rounds).filter(|&r| is_due(r, own, rounds)).collect();
            assert_eq!(due.len(), own);
            if own > 1 {
                assert!(due[1] - due[0] <= rounds / own + 1, "{due:?}");
            }
        }
    }

    #[test]
    fn minimum_and_median_do_not_depend_on_the_order() {
        let times = Times::new([5, 1, 9, 3, 4].map(Duration::from_millis).to_vec());

        assert_eq!(times.minimum(), Duration::from_millis(1));
        assert_eq!(times.median(), Duration::from_millis(4));
        assert_eq!(times.rounds(), 5);
    }

    #[test]
    fn the_count_is_read_from_callgrinds_report() {
        let report = "==7== Events    : Ir\n==7== Collected : 336184\n==7== \n";
        assert_eq!(collected(report), Some(336_184));
        assert_eq!(collected("==7== Command: x\n"), None);
    }
}

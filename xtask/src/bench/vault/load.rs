//! Requests by the thousand, and the processor's time that they took.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::command::{exists, must, program};

/// How long one load lasts.
const SECONDS: u64 = 3;

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mix {
    /// One secret.
    One,
    /// An environment.
    Whole,
    /// The same, by who has it already.
    Unchanged,
    /// One secret, and each tenth time a new value of another.
    Writes,
}

/// A request, as it is sent again and again.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// A server, and how it is asked.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) process: u32,
    /// The processes of the database, where that is another program.
    pub(super) beside: Vec<u32>,
    pub(super) one: Sent,
    pub(super) whole: Sent,
    pub(super) unchanged: Sent,
    pub(super) write: Sent,
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub(super) struct Figure {
    pub(super) requests: u64,
    pub(super) taken: Duration,
    pub(super) median: Duration,
    pub(super) p99: Duration,
    /// The server's own processor time, and that of its database.
    pub(super) processor: Duration,
    pub(super) beside: Duration,
}

impl Mix {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::One => "one secret",
            Self::Whole => "an environment of 50",
            Self::Unchanged => "an unchanged environment of 50",
            Self::Writes => "one secret, 10 % writes",
        }
    }
}

impl Figure {
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    pub(super) fn per_second(&self) -> f64 {
        self.requests as f64 / self.taken.as_secs_f64()
    }

    /// Microseconds of the processor for one request.
    pub(super) fn cost(&self, time: Duration) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        let requests = self.requests as f64;
        time.as_secs_f64() * 1e6 / requests
    }
}

impl Service {
    fn sends(&self, mix: Mix) -> Vec<&Sent> {
        match mix {
            Mix::One => vec![&self.one],
            Mix::Whole => vec![&self.whole],
            Mix::Unchanged => vec![&self.unchanged],
            Mix::Writes => {
                let mut sends = vec![&self.one; 9];
                sends.push(&self.write);
                sends
            }
        }
    }

    /// Has the server take no turn, so that it costs the others nothing.
    pub(super) fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    pub(super) fn go_on(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.process).ok().and_then(Pid::from_raw);
        let id = id.context("there is no such process")?;
        kill_process(id, signal).with_context(|| format!("{} cannot be told", self.name))
    }

    /// KiB in memory.
    pub(super) fn memory(&self) -> Result<u64> {
        memory_of(self.process)
    }
}

/// How many KiB a process has in memory.
pub(super) fn memory_of(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.context("cannot ask for a process's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).context("no figure for the memory")
}

pub(super) fn ensure_wrk() -> Result<()> {
    ensure!(exists("wrk"), "wrk is missing\ninstall it, for instance: apt-get install wrk");
    Ok(())
}

/// Has a service asked for some seconds.
pub(super) fn measure(
    service: &Service,
    mix: Mix,
    connections: usize,
    work: &Path,
) -> Result<Figure> {
    // Tokens stand in a file, and in nobody's arguments.
    let script = work.join("load.lua");
    fs::write(&script, print(&service.sends(mix))).context("cannot write the load")?;
    let before = (time_of(&[service.process])?, time_of(&service.beside)?);
    let mut client = program("wrk");
    client.args(["--threads", "1", "--connections", &connections.to_string()]);
    client.args(["--duration", &format!("{SECONDS}s"), "--timeout", "10s", "--script"]);
    let said = must(client.arg(&script).arg(format!("http://{}/", service.address)))?;
    let after = (time_of(&[service.process])?, time_of(&service.beside)?);
    let mut figure = read(&said)?;
    figure.processor = after.0.saturating_sub(before.0);
    figure.beside = after.1.saturating_sub(before.1);
    Ok(figure)
}

/// The load as wrk reads it.
fn print(sends: &[&Sent]) -> String {
    let mut text = String::from("local sends = {}\nlocal turn = 0\nfunction init(args)\n");
    for sent in sends {
        let headers = sent.headers.iter().map(|(name, value)| format!("[{name:?}] = {value:?}"));
        let headers = headers.collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            text,
            "  table.insert(sends, wrk.format({:?}, {:?}, {{ {headers} }}, {:?}))",
            sent.method, sent.path, sent.body
        );
    }
    text.push_str(
        "end\nfunction request()\n  turn = turn % #sends + 1\n  return sends[turn]\nend\n\
         function done(summary, latency, requests)\n  local errors = summary.errors\n\
         \x20 io.write(string.format(\"FIGURES %d %d %d %d %d %d\\n\", summary.requests, \
         summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout, \
         latency:percentile(50), latency:percentile(99)))\nend\n",
    );
    text
}

/// What the load says at its end.
fn read(said: &str) -> Result<Figure> {
    let line = said.lines().find_map(|line| line.strip_prefix("FIGURES "));
    let line = line.with_context(|| format!("no figures in {said}"))?;
    let numbers = line.split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>();
    let numbers: Result<[u64; 6], _> = numbers.context("not a figure")?.try_into();
    let Ok([requests, taken, refused, broken, median, p99]) = numbers else {
        anyhow::bail!("not the figures that were asked for: {line}");
    };
    ensure!(refused + broken == 0, "{refused} requests were refused, {broken} broke off");
    ensure!(requests > 0, "nothing was answered");
    let [taken, median, p99] = [taken, median, p99].map(Duration::from_micros);
    Ok(Figure { requests, taken, median, p99, ..Figure::default() })
}

/// The processor's time that processes took, in the kernel too.
fn time_of(processes: &[u32]) -> Result<Duration> {
    let mut ticks = 0;
    for process in processes {
        let Ok(line) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        ticks += ticks_in(&line).context("cannot read a process's time")?;
    }
    let in_a_second: u32 = must(program("getconf").arg("CLK_TCK"))?.trim().parse()?;
    Ok(Duration::from_secs(ticks) / in_a_second)
}

/// User's and system's time, which stand after the name and eleven more fields.
fn ticks_in(line: &str) -> Option<u64> {
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    Some(user + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_time_is_read_behind_a_name_with_spaces() {
        let line = "7 (a (b) c) S 1 7 7 0 -1 4194560 1 2 3 4 250 30 5 6 20 0 1 0 99";
        assert_eq!(ticks_in(line), Some(280));
        assert_eq!(ticks_in("7"), None);
    }

    #[test]
    fn a_refused_request_is_no_figure() {
        let figure = read("Running 4s test\nFIGURES 1000 2000000 0 0 150 900\n").unwrap();
        assert_eq!((figure.requests, figure.p99), (1000, Duration::from_micros(900)));
        assert!((figure.per_second() - 500.0).abs() < 0.1);
        assert!(read("FIGURES 1000 2000000 1 0 150 900\n").is_err());
        assert!(read("FIGURES 1000 2000000 0 1 150 900\n").is_err());
        assert!(read("nothing\n").is_err());
    }
}

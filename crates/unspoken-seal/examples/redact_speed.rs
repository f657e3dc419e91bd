//! How fast values are learnt and a stream passes a `Redactor`, for `cargo xtask
//! bench`.
//!
//! Without an argument: a line for each number of secrets, without and with a
//! short one. With `log BYTES`: text like that of a log, the same on each machine.

#![expect(clippy::print_stdout, reason = "a program that tells its figures")]
#![expect(clippy::disallowed_methods, reason = "a program has arguments and a clock")]

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use unspoken_model::SecretName;
use unspoken_seal::{Matcher, Redactor, Secret};

type Failure = Box<dyn Error>;
type Named = (SecretName, Secret);

const COUNTS: [usize; 3] = [10, 100, 1000];
const TEXT: usize = 64_000_000;
const PIECE: usize = 64 * 1024;
const ROUNDS: usize = 7;

/// One value in this many is an address with a password.
const ADDRESSES: usize = 5;

/// So many random bytes are seven characters.
const SHORT: usize = 5;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => measure(),
        [task, bytes] if task == "log" => print_log(bytes.parse()?),
        _ => Err("usage: redact_speed [log BYTES]".into()),
    }
}

fn measure() -> Result<(), Failure> {
    let mut log = Log::default();
    let mut text = Vec::with_capacity(TEXT + PIECE);
    while text.len() < TEXT {
        text.extend_from_slice(log.next_line().as_bytes());
    }
    println!("secrets\tshort\tlearning µs\tMB/s");
    for short in [0, 1] {
        for secrets in COUNTS {
            let values = values(secrets, short)?;
            let (learning, matcher) = learn(&values);
            let passing = pass(&matcher, &text)?;
            finds(&matcher, &values)?;
            // Bytes in a microsecond are megabytes in a second.
            let speed = text.len() as u128 / passing.as_micros().max(1);
            println!("{secrets}\t{short}\t{}\t{speed}", learning.as_micros());
        }
    }
    Ok(())
}

/// Values as a project has them; the last ones are short.
fn values(secrets: usize, short: usize) -> Result<Vec<Named>, Failure> {
    let value = |index| {
        if index + short >= secrets {
            return Ok(Secret::random(SHORT));
        }
        if index % ADDRESSES > 0 {
            return Ok(Secret::random(24));
        }
        let password = Secret::random(12);
        let address = format!("postgres://app{index}:{}@db.internal/shop", password.expose());
        Secret::new(address.into_bytes())
    };
    (0..secrets).map(|n| Ok((SecretName::parse(&format!("SECRET_{n}"))?, value(n)?))).collect()
}

fn learn(values: &[Named]) -> (Duration, Matcher) {
    let once = || {
        let start = Instant::now();
        let matcher = Matcher::new(values.iter().map(|(name, secret)| (name, secret)));
        (start.elapsed(), matcher)
    };
    (1..ROUNDS).fold(once(), |best, _| {
        let next = once();
        if next.0 < best.0 { next } else { best }
    })
}

/// The fastest of some rounds over the whole text.
fn pass(matcher: &Matcher, text: &[u8]) -> Result<Duration, Failure> {
    let mut best = Duration::MAX;
    let mut out = Vec::with_capacity(4 * PIECE);
    for _ in 0..ROUNDS {
        let mut redactor = Redactor::default();
        let mut passed = 0;
        let start = Instant::now();
        for piece in text.chunks(PIECE) {
            redactor.push(matcher, piece, &mut out);
            passed += out.len();
            out.clear();
        }
        redactor.release(matcher, &mut out);
        best = best.min(start.elapsed());
        passed += out.len();
        out.clear();
        if passed != text.len() {
            return Err("text without a value was changed".into());
        }
    }
    Ok(best)
}

/// A matcher that finds nothing would be fast.
fn finds(matcher: &Matcher, values: &[Named]) -> Result<(), Failure> {
    for (name, secret) in values {
        let (mut redactor, mut out) = (Redactor::default(), Vec::new());
        redactor.push(matcher, format!("token {} given\n", secret.expose()).as_bytes(), &mut out);
        redactor.release(matcher, &mut out);
        if out != format!("token [REDACTED:{name}] given\n").as_bytes() {
            return Err(format!("the value of `{name}` was not left out").into());
        }
    }
    Ok(())
}

fn print_log(bytes: usize) -> Result<(), Failure> {
    let mut log = Log::default();
    let mut out = io::BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let mut written = 0;
    while written < bytes {
        let line = log.next_line().as_bytes();
        out.write_all(line)?;
        written += line.len();
    }
    Ok(out.flush()?)
}

/// Lines as services and their proxies write them.
#[derive(Default)]
struct Log {
    line: String,
    lines: u64,
    state: u64,
}

impl Log {
    fn next_line(&mut self) -> &str {
        const PATHS: [&str; 4] = ["orders", "users/me", "assets/app.js", "search?q=red%20shoes"];
        const STEPS: [&str; 4] = ["checkout", "inventory", "mailer", "session"];
        const TALES: [&str; 4] = [
            "connection taken from the pool",
            "slow query, plan follows: Seq Scan on orders (cost=0.00..431.00 rows=21 width=244)",
            "retrying after `503 Service Unavailable`, the queue holds more than its limit",
            "cache miss, asked the next one",
        ];
        self.lines += 1;
        let (kind, number, id) = (self.draw(), self.draw(), self.draw());
        let pick = |from: [&'static str; 4]| from[(number % 4) as usize];
        let (second, milli) = (self.lines / 100 % 60, number % 1000);
        let (minute, hour) = (self.lines / 6000 % 60, self.lines / 360_000 % 24);
        let line = &mut self.line;
        line.clear();
        let _ = write!(line, "2026-11-20T{hour:02}:{minute:02}:{second:02}.{milli:03}Z ");
        let _ = match kind % 8 {
            0..3 => writeln!(
                line,
                "INFO  http 10.0.{}.{} \"GET /v1/{} HTTP/1.1\" 200 {} {id:016x}",
                id % 256,
                number % 256,
                pick(PATHS),
                number % 90_000
            ),
            3..5 => writeln!(
                line,
                "{{\"level\":\"info\",\"span\":\"{}\",\"id\":\"{id:016x}\",\"ms\":{}}}",
                pick(STEPS),
                number % 5000
            ),
            5..7 => writeln!(line, "DEBUG {}::worker[{}] {}", pick(STEPS), id % 64, pick(TALES)),
            _ => writeln!(line, "\u{1b}[33mWARN\u{1b}[0m  {} {}", pick(STEPS), pick(TALES)),
        };
        line
    }

    /// `SplitMix64`: well mixed, and the same everywhere.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

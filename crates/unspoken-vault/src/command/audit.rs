//! `unspoken-vault audit`: exports the record, checks an export, and prints the key to check it by.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use unspoken_wire::vault::Hex;

use super::{Where, failed, say};
use crate::audit::{Expected, Exporter, Summary, verify};
use crate::config::Variables;
use crate::failure::Failure;
use crate::opened::{connect, identity};

/// Export the record, and check that it is whole
#[derive(Debug, clap::Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(Export),
    Verify(Verify),
    Key(Key),
}

/// Write the whole record into a file, one JSON object to a line
///
/// Needs no master key. A server may run meanwhile.
#[derive(Debug, clap::Args)]
struct Export {
    #[command(flatten)]
    place: Where,

    /// Only what was signed since a time, such as 2026-11-01 or 2026-11-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<i64>,

    /// A new file, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Check an exported record
///
/// Needs neither the store nor its master key. Says the first thing that is wrong.
#[derive(Debug, clap::Args)]
struct Verify {
    /// The exported file, or - for standard input
    file: PathBuf,

    /// The public key that signed it, as `audit key` printed it
    ///
    /// Without it, a record that somebody has made and signed anew looks whole.
    #[arg(long, value_name = "PUBLIC", value_parser = key)]
    key: Option<Hex<32>>,

    /// A head that a check of this record told before, as NUMBER:HASH
    ///
    /// A record that lost all that came since an earlier time is whole in itself. This one has to have that
    /// head.
    #[arg(long, value_name = "HEAD", value_parser = head)]
    head: Option<(i64, Hex<32>)>,
}

/// Print the public key that signs the record
///
/// Keep it apart from the store. It needs the master key, so that nobody can put another one into
/// its place.
#[derive(Debug, clap::Args)]
struct Key {
    #[command(flatten)]
    place: Where,
}

impl Audit {
    pub(crate) fn run(self, variables: &Variables) -> Result<(), Failure> {
        match self.command {
            Command::Export(command) => command.run(variables),
            Command::Verify(command) => command.run(),
            Command::Key(command) => command.run(variables),
        }
    }
}

impl Export {
    fn run(self, variables: &Variables) -> Result<(), Failure> {
        let runtime = tokio::runtime::Runtime::new().map_err(|error| failed(&error))?;
        let store = self.place.store();
        let mut sql =
            connect(store, variables, runtime.handle(), false).map_err(|error| failed(&error))?;
        let identity = identity(&mut *sql).map_err(|error| failed(&error))?;
        let mut out = open(&self.output)?;
        let since = self.since.unwrap_or(i64::MIN);
        let counts = Exporter::new(&mut *sql, &mut *out)
            .run(identity, since)
            .map_err(|error| failed(&error))?;
        // A record that is printed is not mixed with words about it.
        let (rows, heads) = (count(counts.rows, "row"), count(counts.heads, "head"));
        let _ = writeln!(io::stderr(), "exported {rows} and {heads}");
        Ok(())
    }
}

fn open(output: &Path) -> Result<Box<dyn Write>, Failure> {
    if output == Path::new("-") {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(output).map_err(
        |error| Failure::new(format!("`{}` cannot be made ({error})", output.display())),
    )?;
    Ok(Box::new(BufWriter::with_capacity(1 << 16, file)))
}

impl Verify {
    fn run(self) -> Result<(), Failure> {
        let mut record: Box<dyn BufRead> = if self.file == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            let file = std::fs::File::open(&self.file).map_err(|error| {
                Failure::new(format!("`{}` cannot be opened ({error})", self.file.display()))
            })?;
            Box::new(BufReader::with_capacity(1 << 16, file))
        };
        let head = self.head.map(|(number, hash)| (number, hash.0));
        let summary = verify(&mut *record, Expected { key: self.key.map(|key| key.0), head })
            .map_err(|fault| Failure::new(format!("the record is not whole: {fault}")))?;
        say(&tell(&summary, self.key.is_some()))
    }
}

/// What is known of a record that is whole, and what is not.
fn tell(summary: &Summary, is_pinned: bool) -> String {
    let Summary { deployment, rows, chains, heads, unsigned, adopted, after, .. } = summary;
    let mut text = format!(
        "The record of {deployment} is whole: {} in {}, {}.\n",
        count(*rows, "row"),
        count(*chains, "chain"),
        count(*heads, "signed head")
    );
    if let Some((number, hash)) = summary.last {
        text.push_str(&format!("The last head is {number}:{}\n", Hex(hash).print()));
    }
    if *after > 0 {
        text.push_str(&format!(
            "It begins behind head {after}: what came before was not checked.\n"
        ));
    }
    if *unsigned > 0 {
        let rows = count(*unsigned, "row");
        text.push_str(&format!("Not yet signed, behind the last head: {rows}.\n"));
    }
    if *adopted > 0 {
        let rows = count(*adopted, "row");
        text.push_str(&format!(
            "Signed by another node, because the one that wrote them did not stop by itself: {rows}.\n"
        ));
    }
    if !is_pinned {
        text.push_str(&format!(
            "The key was not given, so this holds if it is {}.\n",
            Hex(summary.key).print()
        ));
    }
    text
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

impl Key {
    fn run(self, variables: &Variables) -> Result<(), Failure> {
        let opened = self.place.open(variables)?;
        let public = opened.store.signing.public();
        let public = public.try_into().map(Hex::<32>).map_err(|_| failed(&"no such key"))?;
        say(&format!("{}\n", public.print()))
    }
}

fn key(text: &str) -> Result<Hex<32>, &'static str> {
    Hex::parse(text).ok_or("a public key is 64 digits, 0 to 9 and a to f")
}

fn head(text: &str) -> Result<(i64, Hex<32>), &'static str> {
    let parts = text.split_once(':');
    let read = parts.and_then(|(number, hash)| Some((number.parse().ok()?, Hex::parse(hash)?)));
    read.filter(|(number, _)| *number > 0).ok_or("a head is its number, a colon and its hash")
}

/// Milliseconds since 1970, of a date in UTC or of a time.
fn time(text: &str) -> Result<i64, &'static str> {
    let time = text.parse::<jiff::Timestamp>().or_else(|_| {
        let date = text.parse::<jiff::civil::Date>()?;
        date.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp())
    });
    time.map(jiff::Timestamp::as_millisecond)
        .map_err(|_| "a time is 2026-11-01 or 2026-11-01T12:00:00Z")
}

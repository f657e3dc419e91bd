//! The real readers, as processes that answer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

/// A process that takes a text as a line of JSON, and answers with what it
/// found in it, as a line of JSON too.
pub(super) struct Answering {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

const NODE: &str = r"
const { parse } = require(process.argv[1])
require('readline').createInterface({ input: process.stdin })
  .on('line', line => console.log(JSON.stringify(Object.entries(parse(JSON.parse(line))))))
";

/// `newline=None` makes the stream read line ends as a file is read.
const PYTHON: &str = r"
import io, json, logging, sys
from dotenv import dotenv_values
logging.disable()
for line in sys.stdin:
    found = dotenv_values(stream=io.StringIO(json.loads(line), newline=None))
    print(json.dumps(list(found.items())), flush=True)
";

fn peers() -> PathBuf {
    let peers = std::env::var_os("UNSPOKEN_PEERS");
    PathBuf::from(peers.expect("run `cargo xtask test`, which installs the peers"))
}

pub(super) fn node() -> Answering {
    let mut command = Command::new("node");
    command.args(["-e", NODE]).arg(peers().join("node_modules/dotenv"));
    Answering::start(command)
}

pub(super) fn python() -> Answering {
    let mut command = Command::new(peers().join("py/bin/python"));
    command.args(["-c", PYTHON]).env("PYTHONIOENCODING", "utf-8");
    Answering::start(command)
}

impl Answering {
    fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the peer starts");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    pub(super) fn read(&mut self, text: &str) -> Vec<(String, String)> {
        let line = serde_json::to_string(text).unwrap() + "\n";
        self.input.write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let pair = |pair: &serde_json::Value| {
            (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap_or("null").to_owned())
        };
        answer.as_array().unwrap().iter().map(pair).collect()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A shell, by its program's name.
pub(super) struct Shell(pub(super) &'static str);

impl Shell {
    /// What a **child** of the shell finds in its environment after the text.
    pub(super) fn read(&self, text: &str, wanted: &[(String, String)]) -> Vec<(String, String)> {
        let output = self.run(&format!("{text}\nexec /usr/bin/env -0"));
        let found: Vec<_> = output.split('\0').filter_map(|pair| pair.split_once('=')).collect();
        let find = |(name, _): &(String, String)| {
            let value = found.iter().find(|(found, _)| found == name)?.1;
            Some((name.clone(), value.to_owned()))
        };
        wanted.iter().filter_map(find).collect()
    }

    /// What `A` is after a text that may be broken.
    pub(super) fn evaluate(&self, text: &str) -> Option<String> {
        self.evaluate_in(text, "A")
    }

    pub(super) fn evaluate_in(&self, text: &str, name: &str) -> Option<String> {
        let quoted = text.replace('\'', "'\\''");
        let output = self.run(&format!("eval '{quoted}' && printf '%s\\0' \"${name}\""));
        output.strip_suffix('\0').map(str::to_owned)
    }

    /// The names of all variables that the shell has.
    pub(super) fn variables(&self) -> Vec<String> {
        self.run("compgen -v").lines().map(str::to_owned).collect()
    }

    fn run(&self, script: &str) -> String {
        let mut child = Command::new(self.0)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the shell starts");
        let mut input = child.stdin.take().unwrap();
        let script = script.to_owned();
        // A shell that stops at an error leaves the rest of its script unread.
        let feeding = thread::spawn(move || drop(input.write_all(script.as_bytes())));
        let output = child.wait_with_output().unwrap();
        feeding.join().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

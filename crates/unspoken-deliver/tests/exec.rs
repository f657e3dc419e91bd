//! `exec` replaces the process that calls it, so this program plays both parts:
//! without arguments it runs itself again, once for each case, and looks at
//! what became of it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "this is a test, and its child")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use unspoken_deliver::child::{Selection, exec, plan};
use unspoken_model::{EnvironmentName, SecretName};
use unspoken_seal::{Secret, SecretSet};

/// The first argument of the child, then `NAME=value` for each secret.
const BECOME: &str = "become";
const COMMAND: &str = "--";

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == BECOME) {
        let arguments = arguments.map(|argument| argument.into_string().unwrap());
        become_the_command(&arguments.collect::<Vec<_>>());
    } else {
        the_child_is_the_command();
        its_own_path_finds_the_command();
        what_cannot_be_started_is_told_apart();
        too_much_is_counted();
    }
}

fn become_the_command(arguments: &[String]) {
    let mut parts = arguments.split(|argument| argument == COMMAND);
    let mut set = SecretSet::new(EnvironmentName::parse("test").unwrap());
    for secret in parts.next().unwrap() {
        let (name, value) = secret.split_once('=').unwrap();
        if value == "large" {
            for number in 0..200 {
                let name = SecretName::parse(&format!("{name}{number}")).unwrap();
                assert!(set.insert(name, Secret::new(vec![b'x'; Secret::MAX]).unwrap()));
            }
        } else {
            assert!(
                set.insert(SecretName::parse(name).unwrap(), Secret::new(value.into()).unwrap())
            );
        }
    }
    let environment = plan(std::env::vars_os(), set, &Selection::default()).unwrap();
    let command: Vec<OsString> = parts.next().unwrap().iter().map(OsString::from).collect();
    println!("{:?}", exec(&command, environment));
}

struct Case<'a> {
    path: &'a Path,
    secrets: &'a [&'a str],
    command: &'a [&'a str],
}

impl Case<'_> {
    fn run(&self) -> (u32, Output) {
        let child = Command::new(std::env::current_exe().unwrap())
            .arg(BECOME)
            .args(self.secrets)
            .arg(COMMAND)
            .args(self.command)
            .env("PATH", self.path)
            .env("UNSPOKEN_KEY", "withheld")
            .env("TOKEN", "the parent's")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        (child.id(), child.wait_with_output().unwrap())
    }

    #[track_caller]
    fn says(&self, expected: &str) {
        let (_, output) = self.run();
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(found.starts_with(expected), "{:?}: {found}", self.command);
    }
}

fn usual() -> &'static Path {
    Path::new("/usr/bin:/bin")
}

fn script(file: &Path, text: &str, mode: u32) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

fn the_child_is_the_command() {
    let print = "printf '%s|%s|%s' \"$TOKEN\" \"$UNSPOKEN_KEY\" $$; exit 7";
    let command = ["sh", "-c", print];
    let (id, output) = Case { path: usual(), secrets: &["TOKEN=it's #1"], command: &command }.run();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("it's #1||{id}"));
    assert_eq!(output.status.code(), Some(7));

    let command = ["sh", "-c", "kill -TERM $$"];
    let (_, output) = Case { path: usual(), secrets: &[], command: &command }.run();
    assert_eq!(output.status.signal(), Some(15));

    // There is no shell, so nothing in an argument means anything.
    let command = ["printf", "%s", "$TOKEN; *"];
    Case { path: usual(), secrets: &["TOKEN=x"], command: &command }.says("$TOKEN; *");
}

fn its_own_path_finds_the_command() {
    let parents = tempfile::tempdir().unwrap();
    let own = tempfile::tempdir().unwrap();
    script(&parents.path().join("hello"), "#!/bin/sh\necho not its own\n", 0o755);
    let path = format!("PATH={}", own.path().display());
    let case = Case { path: parents.path(), secrets: &[&path], command: &["hello"] };

    case.says("NotFound { program: \"hello\" }");
    script(&own.path().join("hello"), "#!/bin/sh\necho its own\n", 0o755);
    case.says("its own");
    Case { secrets: &[], ..case }.says("not its own");
}

fn what_cannot_be_started_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    script(&file("plain"), "#!/bin/sh\necho it ran\n", 0o644);
    script(&file("orphan"), "#!/no/such/interpreter\n", 0o755);
    fs::create_dir(file("folder")).unwrap();

    let says = |command: &str, expected: &str| {
        let command = [command];
        Case { path: folder.path(), secrets: &["TOKEN=x"], command: &command }.says(expected);
    };
    says("", "NotFound");
    says("absent", "NotFound");
    says("./absent", "NotFound");
    says(file("plain/under-a-file").to_str().unwrap(), "NotFound");
    for name in ["plain", "orphan"] {
        let expected = if name == "plain" { "NotExecutable" } else { "NoInterpreter" };
        says(name, expected);
        says(file(name).to_str().unwrap(), expected);
    }
    says("folder", "NotFound");
    says(file("folder").to_str().unwrap(), "NotExecutable");
}

fn too_much_is_counted() {
    let case = Case { path: usual(), secrets: &["LARGE=large"], command: &["true"] };
    let (_, output) = case.run();
    let found = String::from_utf8(output.stdout).unwrap();
    let bytes = found.split_once("bytes: ").unwrap().1.split_once(',').unwrap().0;
    assert!(found.starts_with("TooLarge"));
    assert!(bytes.parse::<usize>().unwrap() > 200 * Secret::MAX);
    assert!(found.len() < 100, "it says more than two numbers");
}

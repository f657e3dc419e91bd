//! Generated text as the languages' own tools see it.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;
mod hostile;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use unspoken_model::ProjectFile;
use unspoken_typegen::{Catalogue, Form, GoPackage, Sheet};

/// The catalogue of a project file, whose environments have these names. A
/// name may have the day of its expiry behind it: `NAME 2031-01-31`.
fn catalogue(file: &str, sheets: &[(&str, &[&str])]) -> Catalogue {
    let file = ProjectFile::parse(file).unwrap();
    let sheets: BTreeMap<_, _> = sheets
        .iter()
        .map(|(environment, words)| {
            let mut sheet = Sheet::default();
            for word in *words {
                let (name, day) = word.split_once(' ').unwrap_or((word, ""));
                let name: unspoken_model::SecretName = name.parse().unwrap();
                if let Ok(day) = unspoken_model::Expiry::parse(day) {
                    sheet.expires.insert(name.clone(), day);
                }
                sheet.names.insert(name);
            }
            (environment.parse().unwrap(), sheet)
        })
        .collect();
    Catalogue::of(&file, &sheets).unwrap()
}

fn forms() -> [Form; 5] {
    let go = Form::Go { package: GoPackage::from_folder("secrets") };
    [Form::TypeScript, go, Form::Python, Form::PythonStub, Form::Rust]
}

/// Runs a program over a text.
fn pipe(program: &str, arguments: &[&str], text: &str) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the real tools are programs")]
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Demands that a formatter leaves a text as it is.
#[track_caller]
fn is_formatted(program: &str, arguments: &[&str], text: &str) {
    let output = pipe(program, arguments, text);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}\n{text}");
    let found = String::from_utf8(output.stdout).unwrap();
    // The line alone: the whole is long.
    let differing = found.lines().zip(text.lines()).find(|(found, line)| found != line);
    assert_eq!(differing, None, "{program}");
    assert!(found == text, "{program} leaves another end");
}

const RUSTFMT: [&str; 5] = ["--edition", "2024", "--emit", "stdout", "--quiet"];

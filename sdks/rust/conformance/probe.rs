//! The probe of this library: see `conformance/README.md` at the top of the repository.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    error::Error,
    fmt::Write as _,
    process::{Command, ExitCode},
    sync::{Arc, Barrier, Mutex},
    thread,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use unspoken_sdk::{Secret, Secrets};

const NO_SUCH_SECRET: &str = "NO_SUCH_SECRET";
const THREADS: usize = 64;

/// What an application keeps: it must be safe to log.
#[derive(Debug)]
#[expect(dead_code, reason = "read by `Debug` alone")]
struct Settings<'a> {
    all: &'a Secrets,
    one: Option<&'a Secret>,
}

#[expect(clippy::print_stdout, reason = "a probe prints its report")]
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = match words.as_slice() {
        ["threads", ..] => Ok(threads()),
        ["ready", ..] => unspoken_sdk::ready(8080).map(|()| json!({})).map_err(Into::into),
        ["report", child] => report(child),
        _ => Err("usage: probe report CHILD | threads | ready".into()),
    };
    match report {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{}", json!({ "error": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

fn report(child: &str) -> Result<Value, Box<dyn Error>> {
    // Where the first access fails, the optional one and the second one must fail as well.
    let secrets = match unspoken_sdk::load() {
        Ok(secrets) => secrets,
        Err(error) => {
            let again = unspoken_sdk::optional(NO_SUCH_SECRET);
            assert!(again.is_err_and(|other| other == error), "not the same error again");
            return Err(error.into());
        }
    };
    let missing = unspoken_sdk::get(NO_SUCH_SECRET).map(drop).err();
    let variables = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let variables: Vec<String> = variables.filter(|name| name.starts_with("UNSPOKEN_")).collect();
    let printed = Command::new(child).output()?;
    let lines = String::from_utf8(printed.stdout)?;
    Ok(json!({
        "outside": secrets.is_outside(),
        "project": secrets.project(),
        "environment": secrets.environment(),
        "revision": secrets.revision(),
        "token": secrets.token().map_or(String::new(), |token| digest(token.expose())),
        "secrets": digests(secrets),
        "missing": missing.map(|error| error.to_string()),
        "optional": unspoken_sdk::optional(NO_SUCH_SECRET)?.is_none(),
        "again": digests(unspoken_sdk::load()?) == digests(secrets),
        "printed": printed_texts(secrets),
        "variables": variables,
        "child": lines.lines().collect::<Vec<_>>(),
    }))
}

fn printed_texts(secrets: &Secrets) -> Vec<String> {
    let values: Vec<Secret> = secrets
        .names()
        .filter_map(|name| secrets.optional(name))
        .chain(secrets.token().cloned())
        .collect();
    let settings = Settings { all: secrets, one: values.first() };
    let mut printed = vec![
        format!("{secrets:?}"),
        format!("{secrets:#?}"),
        format!("{settings:?} {settings:#?}"),
        format!("{values:?}"),
        serialised(secrets),
        serialised(&values),
        logged(&settings),
    ];
    for value in &values {
        printed.push(format!("{value:?} {value:#?} {value:x?} {value:60?}"));
        printed.push(serialised(value));
    }
    printed
}

/// What becomes of a serialising: a text, or the message of its refusal.
fn serialised(value: &impl serde_core::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

/// What a log would say.
fn logged(settings: &Settings) -> String {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().map_or(Ok(0), |mut log| log.write(bytes))
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let log = Log::default();
    let writer = log.clone();
    let logger = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(logger, || {
        tracing::info!(?settings, one = ?settings.one, "starting {settings:?}");
    });
    let log = log.0.lock().map(|log| log.clone()).unwrap_or_default();
    String::from_utf8_lossy(&log).into_owned()
}

fn threads() -> Value {
    let barrier = Barrier::new(THREADS);
    let answers: Vec<String> = thread::scope(|scope| {
        let use_first = || {
            barrier.wait();
            unspoken_sdk::load().map_or_else(
                |error| error.to_string(),
                |secrets| format!("{:?} at {:p}", digests(secrets), secrets),
            )
        };
        let started: Vec<_> = (0..THREADS).map(|_| scope.spawn(use_first)).collect();
        started.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    });
    let distinct: BTreeSet<&String> = answers.iter().collect();
    json!({ "threads": answers.len(), "distinct": distinct.len() })
}

fn digests(secrets: &Secrets) -> BTreeMap<&str, Value> {
    let value = |name| {
        secrets
            .optional(name)
            .map(|value| json!({ "bytes": value.expose().len(), "sha256": digest(value.expose()) }))
    };
    secrets.names().filter_map(|name| Some((name, value(name)?))).collect()
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

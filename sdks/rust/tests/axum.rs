//! The axum example as a real process: it serves with its secret, and shows it nowhere.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    collections::hash_map::RandomState,
    env, fs,
    hash::{BuildHasher as _, Hasher as _},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Ends the server where a test fails.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Cargo builds the examples beside the tests.
fn example() -> PathBuf {
    let test = env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("examples/axum");
    assert!(built.exists(), "{} is not built", built.display());
    built
}

fn canary(tag: &str) -> String {
    format!("canary-{tag}-{:016x}", RandomState::new().build_hasher().finish())
}

fn request(port: u16, path: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{header}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Reads the log until the server listens.
fn read_log(server: &mut Child) -> (String, u16) {
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let mut read = String::new();
    while log.read_line(&mut read).unwrap() > 0 {
        if let Some((_, port)) = read.rsplit_once("listening port=") {
            let port = port.trim().parse().unwrap();
            return (read, port);
        }
    }
    panic!("the server ended: {read}");
}

#[track_caller]
fn check(server: &mut Child, log: &str, port: u16, key: &str) {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(b"hello");
    let digest = mac.finalize().into_bytes();
    let expected: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();

    let answer = request(port, "/sign?text=hello", "");

    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&expected.concat()),
        "{answer}"
    );
    assert!(log.contains("\"SIGNING_KEY\": [REDACTED]"), "{log}");
    assert!(!log.contains("canary-"), "a value was logged");
    for file in ["environ", "cmdline"] {
        let shown = fs::read(format!("/proc/{}/{file}", server.id())).unwrap();
        assert!(!String::from_utf8_lossy(&shown).contains("canary-"), "a value stands in {file}");
    }
}

#[test]
fn a_server_signs_with_its_secret_and_shows_it_nowhere() {
    let (key, token) = (canary("key"), canary("token"));
    let bundle = serde_json::json!({
        "version": 1, "project": "acme", "environment": "production", "revision": 1,
        "token": token, "secrets": { "SIGNING_KEY": key }, "storages": {},
    });
    // The test's pipes are on 0 and 1; the server finds them on 3 and 20, and on 4.
    let started = Command::new("sh")
        .args(["-c", r#"exec "$0" 3<&0 20<&0 4>&1 0</dev/null"#])
        .arg(example())
        .env("UNSPOKEN_FD", "3,20")
        .env("UNSPOKEN_READY_FD", "4")
        .env("PORT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut server = Server(started.unwrap());
    let mut pipe = server.0.stdin.take().unwrap();
    pipe.write_all(bundle.to_string().as_bytes()).unwrap();
    drop(pipe);

    let (log, port) = read_log(&mut server.0);

    let mut ready = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, format!("{port}\n"));
    check(&mut server.0, &log, port, &key);
    let probe = format!("unspoken-token: {token}\r\n");
    assert!(request(port, "/health", &probe).starts_with("HTTP/1.1 204 "));
    assert!(request(port, "/health", "").starts_with("HTTP/1.1 404 "));
}

/// `check.sh` leaves it out where `UNSPOKEN_BIN` does not name the program.
#[test]
fn a_server_is_started_by_the_real_program() {
    let unspoken = PathBuf::from(env::var_os("UNSPOKEN_BIN").unwrap());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(canary("project"));
    fs::create_dir(&folder).unwrap();
    // Private keys inside of a project are refused.
    let keys = folder.with_extension("keys");
    let key = canary("key");
    let call = |arguments: &[&str]| {
        let mut command = Command::new(&unspoken);
        command.args(arguments).current_dir(&folder).env("UNSPOKEN_HOME", &keys);
        command
    };
    let init = call(&["init", "--project", "acme", "-e", "production"]).output().unwrap();
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    let mut set = call(&["set", "SIGNING_KEY", "-e", "production"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    set.stdin.take().unwrap().write_all(key.as_bytes()).unwrap();
    assert!(set.wait().unwrap().success());

    let started = call(&["run", "--fd", "--redact", "never", "-e", "production", "--"])
        .arg(example())
        .env("PORT", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut server = Server(started.unwrap());
    let (log, port) = read_log(&mut server.0);

    check(&mut server.0, &log, port, &key);
    drop(server);
    fs::remove_dir_all(folder).unwrap();
    fs::remove_dir_all(keys).unwrap();
}

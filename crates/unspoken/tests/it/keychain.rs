//! Keys that move to the keychain and back: a real Secret Service on a bus of
//! its own, and the machines that have none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use unspoken_testkit::{Output, Project, Session, canary, peers, show_env};

/// What an error may take where nobody is asked, on a machine that is busy.
const SOON: Duration = Duration::from_secs(5);
const NOWHERE: &str = "unix:path=/nonexistent/bus";

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("keychain"));
    project
}

fn open(project: &Project) -> Session {
    Session::open(project, &canary("password"))
}

/// The key files of all environments.
fn keys(project: &Project) -> Vec<PathBuf> {
    let entries = fs::read_dir(project.unspoken_home().join("keys")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The one key file, and what it says.
#[track_caller]
fn key(project: &Project) -> (PathBuf, String) {
    let mut keys = keys(project);
    assert_eq!(keys.len(), 1);
    let path = keys.remove(0);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

/// Calls the program in a session, and demands that it tells no key.
#[track_caller]
fn call(project: &Project, session: &Session, arguments: &[&str]) -> Output {
    let output = session.call(project.unspoken(arguments)).run();
    assert!(!output.stderr.contains("AGE-SECRET-KEY"), "a key was told");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("AGE-SECRET-KEY"), "a key was told");
    output
}

#[track_caller]
fn is_open(project: &Project, session: &Session) {
    let found = call(project, session, &["get", "A"]).ok();
    assert!(found.stdout == canary("keychain").as_bytes(), "another value");
}

#[track_caller]
fn is_stub(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    assert!(!text.contains("AGE-SECRET-KEY"), "the key is in the file");
    assert!(text.lines().any(|line| line.starts_with("keychain: unspoken/")), "{text}");
    assert!(text.lines().any(|line| line.starts_with("# public key: age1")), "{text}");
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o600);
}

/// Whether any file below a folder holds a text.
fn lies_below(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let holds = |bytes: Vec<u8>| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        if path.is_dir() { lies_below(&path, text) } else { fs::read(&path).is_ok_and(holds) }
    })
}

#[test]
fn a_key_moves_to_the_keychain_and_comes_back_as_it_was() {
    let project = project();
    let session = open(&project);
    let (path, text) = key(&project);
    let secret = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).unwrap();
    let others = project.snapshot();

    let output = call(&project, &session, &["key", "move", "--to", "keychain"]).ok();

    output.says("is in the keychain now");
    is_stub(&path);
    assert!(fs::read_to_string(&path).unwrap().contains("# environment: acme-web/development"));
    assert_eq!(session.entries(&project, "unspoken"), 1);
    assert!(!lies_below(project.folder(), secret), "the key lies on the disk");
    is_open(&project, &session);
    let show = show_env();
    let run = ["run", "--redact=never", "--", show.to_str().unwrap()];
    assert!(call(&project, &session, &run).ok().json()["A"] == canary("keychain").as_str());
    let doctor = call(&project, &session, &["doctor"]).ok();
    assert!(doctor.text().contains("in the keychain"), "{}", doctor.text());
    // A change is as possible as a look.
    session.call(project.unspoken(["set", "B"])).stdin(canary("b")).run().ok();

    let again = call(&project, &session, &["key", "move", "--to", "keychain"]).ok();
    again.says("was in the keychain already");
    is_stub(&path);

    call(&project, &session, &["key", "move", "--to", "file"]).ok().says("is in its file now");
    assert!(fs::read_to_string(&path).unwrap() == text, "the key came back differently");
    assert_eq!(session.entries(&project, "unspoken"), 0);
    project.has("development", "A", canary("keychain"));
    let again = call(&project, &session, &["key", "move", "--to", "file"]).ok();
    again.says("was in its file already");
    let keyrings = |changes: Vec<String>| -> Vec<String> {
        let ours = |path: &String| !path.starts_with("home/.") && !path.starts_with("runtime");
        changes.into_iter().filter(ours).collect()
    };
    let changed = keyrings(others.changes(&project.snapshot()));
    assert_eq!(changed, ["acme-web/secrets/development.json"]);
}

#[test]
fn the_command_inherits_nothing_of_the_keychain() {
    let project = project();
    let session = open(&project);
    call(&project, &session, &["key", "move", "--to", "keychain"]).ok();
    let output =
        call(&project, &session, &["run", "--redact=never", "--", "ls", "-l", "/proc/self/fd"])
            .ok();
    let fds: Vec<&str> = output.text().lines().filter(|line| line.contains(" -> ")).collect();
    assert!(fds.len() >= 3, "{fds:?}");
    assert!(!fds.iter().any(|fd| fd.contains("socket") || fd.contains("anon_inode")), "{fds:?}");
}

#[test]
fn a_move_starts_no_program_and_no_log_of_the_bus_holds_the_key() {
    let project = project();
    let session = open(&project);
    let (path, text) = key(&project);
    let secret = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).unwrap();
    let binary = unspoken_testkit::unspoken_binary();
    let traced = "trace=execve,execveat,sendmsg,sendto,recvmsg,recvfrom,write,writev";
    for arguments in [&["key", "move", "--to", "keychain"][..], &["get", "A"]] {
        let words = [&[binary.to_str().unwrap()], arguments].concat();
        let flags = ["-f", "-qq", "-s", "65536", "-e", traced];
        // The trace goes to standard error: a file would keep it.
        let strace = project.program("strace", flags.iter().chain(&words));
        let trace = session.call(strace).run().ok().stderr;
        assert!(trace.contains("org.freedesktop.Secret"), "no bus was spoken to");
        assert_eq!(trace.matches("execve").count(), 1, "another program was started");
        assert!(!trace.contains(secret), "the key travelled in the clear");
    }
    is_stub(&path);
}

#[test]
fn all_keys_and_the_identity_move_together() {
    let project = Project::with_environments(&["development", "staging"]);
    project.set("development", "A", canary("keychain"));
    let session = open(&project);
    // The identity opens the document in the place of the environment's key.
    let id = project.read(project.document("development"));
    let id: serde_json::Value = serde_json::from_str(&id).unwrap();
    let id = id["sops"]["unspoken"]["key_id"].as_str().unwrap();
    let identity = project.unspoken_home().join("identity");
    fs::rename(project.unspoken_home().join("keys").join(id), &identity).unwrap();

    let output = call(&project, &session, &["key", "move", "--to", "keychain", "--all", "--json"]);
    let json = output.ok().json();
    assert_eq!(json["to"], "keychain");
    assert_eq!(json["keys"].as_array().unwrap().len(), 2);
    assert!(json["keys"].as_array().unwrap().iter().all(|key| key["moved"] == true));
    is_stub(&identity);
    is_stub(&key(&project).0);
    assert_eq!(session.entries(&project, "unspoken"), 2);
    is_open(&project, &session);

    let move_identity = ["key", "move", "--to", "file", "--identity"];
    call(&project, &session, &move_identity).ok().says("identity");
    assert_eq!(session.entries(&project, "unspoken"), 1);
    project.has("development", "A", canary("keychain"));
    call(&project, &session, &["key", "move", "--to", "file", "--all"]).ok();
    assert_eq!(session.entries(&project, "unspoken"), 0);
}

#[test]
fn the_same_key_in_two_folders_has_two_entries() {
    let project = project();
    let session = open(&project);
    let second = project.home().join("second");
    let first = project.unspoken_home();
    project.program("cp", ["-a".as_ref(), first.as_path(), second.as_path()]).run().ok();
    let in_second = |arguments: &[&str]| {
        session.call(project.unspoken(arguments)).env("UNSPOKEN_HOME", &second).run()
    };
    call(&project, &session, &["key", "move", "--to", "keychain"]).ok();
    in_second(&["key", "move", "--to", "keychain"]).ok();
    assert_eq!(session.entries(&project, "unspoken"), 2);
    call(&project, &session, &["key", "move", "--to", "file"]).ok();
    in_second(&["get", "A"]).ok();
}

#[test]
fn a_key_survives_a_move_that_is_killed_at_any_moment() {
    let project = project();
    let session = open(&project);
    let (path, text) = key(&project);
    let mut was_killed = [false, false];
    for (direction, to) in [(0, "keychain"), (1, "file")] {
        for calls in ["openat", "renameat", "fsync", "sendmsg", "recvmsg"] {
            for nth in 1..=12 {
                // The other way first, so that there is something to do.
                let back = if to == "file" { "keychain" } else { "file" };
                call(&project, &session, &["key", "move", "--to", back]).ok();
                let inject = format!("inject={calls}:signal=KILL:when={nth}");
                let log = project.tmp().join("trace");
                let flags = ["-f", "-qq", "-o", log.to_str().unwrap(), "-e", &inject];
                let binary = unspoken_testkit::unspoken_binary();
                let words = [binary.to_str().unwrap(), "key", "move", "--to", to];
                let strace = project.program("strace", flags.iter().chain(&words));
                let killed = session.call(strace).run().code == 128 + 9;
                was_killed[direction] |= killed;
                is_open(&project, &session);
                if !killed {
                    break;
                }
            }
        }
    }
    assert_eq!(was_killed, [true, true], "no move was killed");
    call(&project, &session, &["key", "move", "--to", "file"]).ok();
    assert!(fs::read_to_string(&path).unwrap() == text, "the key is another one");
    assert_eq!(session.entries(&project, "unspoken"), 0);
    assert_eq!(keys(&project).len(), 1);
}

#[test]
fn who_reads_while_a_key_moves_finds_it() {
    let project = project();
    let session = open(&project);
    for round in 0..16 {
        let to = if round % 2 == 0 { "keychain" } else { "file" };
        let mut mover = session.call(project.unspoken(["key", "move", "--to", to])).spawn();
        let readers: Vec<_> =
            (0..8).map(|_| session.call(project.unspoken(["get", "A"])).spawn()).collect();
        for reader in readers {
            let output = reader.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.stdout == canary("keychain").as_bytes(), "{to}: no value: {said}");
        }
        assert!(mover.wait().unwrap().success());
    }
}

#[test]
fn what_a_broken_move_left_over_is_taken_away_by_the_next() {
    let project = project();
    let session = open(&project);
    let (path, text) = key(&project);
    let in_both = || {
        call(&project, &session, &["key", "move", "--to", "keychain"]).ok();
        fs::write(&path, &text).unwrap();
        assert_eq!(session.entries(&project, "unspoken"), 1);
    };
    in_both();
    call(&project, &session, &["key", "move", "--to", "keychain"]).ok();
    is_stub(&path);
    assert_eq!(session.entries(&project, "unspoken"), 1);
    is_open(&project, &session);

    in_both();
    call(&project, &session, &["key", "move", "--to", "file"]).ok();
    assert_eq!(session.entries(&project, "unspoken"), 0);
    assert!(fs::read_to_string(&path).unwrap() == text, "the key is another one");
}

#[test]
fn a_keychain_that_is_locked_is_told_of_and_opens_again() {
    let project = project();
    let session = open(&project);
    call(&project, &session, &["key", "move", "--to", "keychain"]).ok();
    session.lock(&project);
    let before = project.snapshot();
    for (arguments, code) in [
        (&["get", "A"][..], 4),
        (&["run", "--redact=never", "--", "touch", "started"], 4),
        (&["key", "move", "--to", "file"], 1),
    ] {
        let start = Instant::now();
        let output = call(&project, &session, arguments).fails_with(code);
        assert!(start.elapsed() < SOON, "{arguments:?}");
        output.says("the keychain is locked").says("hint: Unlock");
        // A screen that is not there: the prompt fails, and nobody waits for it.
        let with_screen = session.call(project.unspoken(arguments)).env("DISPLAY", ":4711").run();
        assert!(start.elapsed() < 2 * SOON, "{arguments:?}");
        with_screen.fails_with(code).says("was not unlocked");
    }
    project.is_as(&before);
    drop(session);

    let session = open(&project);
    is_open(&project, &session);
    call(&project, &session, &["key", "move", "--to", "file"]).ok();
    project.has("development", "A", canary("keychain"));
}

#[test]
fn an_entry_that_is_gone_and_one_that_is_another_key_are_refused() {
    let project = project();
    let session = open(&project);
    let (path, text) = key(&project);
    call(&project, &session, &["key", "move", "--to", "keychain"]).ok();
    let stub = fs::read_to_string(&path).unwrap();
    call(&project, &session, &["key", "move", "--to", "file"]).ok();
    fs::write(&path, &stub).unwrap();
    call(&project, &session, &["get", "A"]).fails_with(4).says("the keychain has no entry");
    let output = call(&project, &session, &["key", "move", "--to", "file"]).fails_with(1);
    output.says("the keychain has no entry");
    assert_eq!(fs::read_to_string(&path).unwrap(), stub);

    // Two keys in the keychain, of which the file holds one.
    let second = project.program(peers().age_keygen(), [] as [&str; 0]).run().ok();
    fs::write(&path, format!("{text}{}", second.text())).unwrap();
    call(&project, &session, &["key", "move", "--to", "keychain"]).ok();
    fs::write(&path, &text).unwrap();
    let output = call(&project, &session, &["key", "move", "--to", "keychain"]).fails_with(1);
    output.says("holds another key");
    assert!(fs::read_to_string(&path).unwrap() == text, "the key is another one");
}

#[test]
fn without_a_keychain_a_move_fails_at_once_and_changes_nothing() {
    #[track_caller]
    fn case(project: &Project, variable: &str, value: &str, says: &str) {
        let start = Instant::now();
        let call = project.unspoken(["key", "move", "--to", "keychain"]).env(variable, value);
        let output = call.run().fails_with(1);
        assert!(start.elapsed() < SOON, "{variable}={value}");
        output.says(says).says("hint: ");
    }

    let project = project();
    let folder = project.folder().join("empty");
    fs::create_dir(&folder).unwrap();
    let before = project.snapshot();
    case(&project, "IRRELEVANT", "", "there is no session bus");
    case(&project, "XDG_RUNTIME_DIR", folder.to_str().unwrap(), "there is no session bus");
    case(&project, "DBUS_SESSION_BUS_ADDRESS", NOWHERE, "cannot connect to the session bus");
    case(&project, "DBUS_SESSION_BUS_ADDRESS", "autolaunch:", "names no socket of this machine");
    let program = "unixexec:path=/usr/bin/touch,argv1=started";
    case(&project, "DBUS_SESSION_BUS_ADDRESS", program, "names no socket of this machine");
    assert!(!project.root().join("started").exists());
    // Back to a file, where it is: there is no need of a keychain.
    project.unspoken(["key", "move", "--to", "file"]).run().ok().says("already");
    project.is_as(&before);
    project.unspoken(["key", "move", "--to", "file", "--identity"]).run().fails_with(3);
    project.unspoken(["key", "move", "--to", "elsewhere"]).run().fails_with(2);
}

#[test]
fn a_bus_that_never_answers_is_given_up_once_for_all_keys() {
    let project = Project::with_environments(&["one", "two", "three", "four"]);
    let session = open(&project);
    call(&project, &session, &["key", "move", "--to", "keychain", "--all"]).ok();
    let socket = project.folder().join("silent");
    let _listener = UnixListener::bind(&socket).unwrap();
    let before = project.snapshot();
    let address = format!("unix:path={}", socket.display());
    let start = Instant::now();
    let get = project.unspoken(["get", "A", "-e", "one"]);
    let output = get.env("DBUS_SESSION_BUS_ADDRESS", &address).run().fails_with(4);
    assert!(start.elapsed() < SOON);
    output.says("did not answer within 2.5 s").says("hint: Unlock");
    project.is_as(&before);
}

#[test]
fn a_bus_without_a_keychain_is_told_of() {
    let project = project();
    let before = project.snapshot();
    let config = project.tmp().join("bus.conf");
    let text = "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy \
                context='default'><allow user='*'/><allow own='*'/><allow send_destination='*' \
                eavesdrop='true'/><allow eavesdrop='true'/></policy></busconfig>";
    fs::write(&config, text).unwrap();
    let config = format!("--config-file={}", config.display());
    let binary = unspoken_testkit::unspoken_binary();
    let words = [&config, "--", binary.to_str().unwrap(), "key", "move", "--to", "keychain"];
    let start = Instant::now();
    let output = project.program("dbus-run-session", words).run().fails_with(1);
    assert!(start.elapsed() < SOON);
    output.says("there is no keychain").says("hint: Start the keychain");
    fs::remove_file(project.tmp().join("bus.conf")).unwrap();
    project.is_as(&before);
}

#[test]
fn a_stub_that_names_nothing_or_another_key_leads_nowhere() {
    #[track_caller]
    fn case(project: &Project, path: &Path, text: &str, says: &str) {
        fs::write(path, text).unwrap();
        for arguments in [&["get", "A"][..], &["key", "move", "--to", "file"]] {
            let output = project.unspoken(arguments).run();
            assert_ne!(output.code, 0);
            output.says("does not say which entry of the keychain").says(says);
        }
    }

    let project = project();
    let (path, _) = key(&project);
    case(&project, &path, "keychain: here\n", "line 1 names no entry");
    case(&project, &path, "# a\nkeychain: unspoken/0123456789abcdef-00000000\nb\n", "line 3");
    case(&project, &path, "keychain: unspoken/0123456789abcdef-00000000\n", "");
}

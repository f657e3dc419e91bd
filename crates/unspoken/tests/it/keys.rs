//! Keys of every kind, where they may lie, and what they ask.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use unspoken_testkit::{Invocation, Output, Project, canary, peers};

use crate::terminal::at_a_terminal;

const PASSPHRASE: &str = "correct horse";

/// A project whose environment `legacy` is a document that sops made for these
/// public keys, and that nobody here has another key of.
fn project(recipients: &[&str]) -> Project {
    let project = Project::with_environments(&["development"]);
    let all = recipients.join(",");
    let flags = ["encrypt", "--age", &all, "--filename-override", "legacy.json", "/dev/stdin"];
    let plain = format!("{{\"A\":\"{}\"}}", canary("keys"));
    let sealed = project.program(peers().sops(), flags).stdin(plain).run().ok();
    project.write("legacy.json", sealed.stdout);
    let toml = project.read("unspoken.toml");
    let legacy = "[environments.legacy]\nfile = \"legacy.json\"\n";
    project.write("unspoken.toml", format!("{toml}\n{legacy}"));
    project
}

/// A folder to make keys in, before there is a project for them.
struct Maker {
    world: Project,
}

impl Maker {
    fn new() -> Self {
        Self { world: Project::empty() }
    }

    fn ssh(&self, passphrase: &str) -> (String, String) {
        let path = self.world.root().join("key");
        let path = path.to_str().unwrap();
        let flags = ["-q", "-t", "ed25519", "-N", passphrase, "-C", "ada@example", "-f", path];
        self.world.program("ssh-keygen", flags).run().ok();
        let key = (self.world.read("key.pub").trim().to_owned(), self.world.read("key"));
        for name in ["key", "key.pub"] {
            fs::remove_file(self.world.root().join(name)).unwrap();
        }
        key
    }

    fn age(&self) -> (String, String) {
        let made = self.world.program(peers().age_keygen(), ["-pq"]).run().ok();
        Self::public("# public key: ", &made)
    }

    fn plugin(&self) -> (String, String) {
        let no_flags: [&str; 0] = [];
        let made = self.world.program(peers().age_plugin("xwing"), no_flags).run().ok();
        Self::public("# recipient: ", &made)
    }

    fn public(mark: &str, made: &Output) -> (String, String) {
        let text = made.text();
        let line = text.lines().find_map(|line| line.strip_prefix(mark)).unwrap();
        (line.to_owned(), text.to_owned())
    }

    /// What a key file is under a passphrase, as the program age makes it.
    fn sealed(&self, text: &str) -> Vec<u8> {
        let flags = ["-e", "-a", "-j", "batchpass"];
        let call = self.world.program(peers().age(), flags).env("AGE_PASSPHRASE", PASSPHRASE);
        call.stdin(text).run().ok().stdout
    }
}

/// Puts a private file below the home folder.
fn put(project: &Project, path: &str, text: impl AsRef<[u8]>) {
    let path = project.home().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn get(project: &Project) -> Invocation {
    project.unspoken(["get", "A", "-e", "legacy"])
}

#[track_caller]
fn opens(call: Invocation) {
    assert!(call.run().ok().stdout == canary("keys").as_bytes());
}

/// How a key that does not open it is told of: at once, with a code of its own.
#[track_caller]
fn does_not_open(call: Invocation) -> Output {
    let began = Instant::now();
    let output = call.run().fails_with(4).is_silent_on_values();
    assert!(began.elapsed() < Duration::from_mins(1), "somebody was waited for");
    output
}

const SOPS: &str = ".config/sops/age/keys.txt";

#[test]
fn a_key_of_a_plugin_opens_by_its_program() {
    let maker = Maker::new();
    let (recipient, key) = maker.plugin();
    let project = project(&[&recipient]);
    put(&project, SOPS, &key);
    opens(get(&project));

    let output = does_not_open(get(&project).env("PATH", "/usr/bin:/bin"));
    output.says("(which takes the program `age-plugin-xwing`)").says("it is for: age1xwing1");
}

#[test]
fn a_missing_plugin_keeps_no_other_key_from_opening() {
    let maker = Maker::new();
    let (quantum, key) = maker.age();
    let (other, plugin) = maker.plugin();
    let project = project(&[&other, &quantum]);
    put(&project, SOPS, format!("{plugin}\n{key}"));
    opens(get(&project).env("PATH", "/usr/bin:/bin"));
}

#[test]
fn an_ssh_key_opens_from_its_usual_place() {
    let maker = Maker::new();
    let (recipient, key) = maker.ssh("");
    let project = project(&[&recipient]);
    does_not_open(get(&project)).says("it is for: ssh-ed25519 AAAA");
    put(&project, ".ssh/id_ed25519", &key);
    opens(get(&project));

    let loose = project.home().join(".ssh/id_ed25519");
    fs::set_permissions(&loose, fs::Permissions::from_mode(0o644)).unwrap();
    does_not_open(get(&project)).says("chmod 600");

    let moved = project.home().join("elsewhere");
    put(&project, "elsewhere", &key);
    opens(get(&project).env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", moved));
}

#[test]
fn a_command_gives_the_key() {
    let maker = Maker::new();
    let (recipient, key) = maker.age();
    let project = project(&[&recipient]);
    put(&project, "key", &key);
    let path = project.home().join("key");
    let path = path.display();
    opens(get(&project).env("SOPS_AGE_KEY_CMD", format!("cat '{path}'")));
    let output = does_not_open(get(&project).env("SOPS_AGE_KEY_CMD", "/nonexistent/program"));
    output.says("not used: the command cannot be run");
}

#[test]
fn where_nobody_is_there_a_passphrase_is_not_waited_for() {
    let maker = Maker::new();
    let (quantum, key) = maker.age();
    let (ssh, locked) = maker.ssh(PASSPHRASE);
    let project = project(&[&quantum, &ssh]);
    put(&project, SOPS, maker.sealed(&key));
    put(&project, ".ssh/id_ed25519", &locked);
    let output = does_not_open(get(&project));
    output
        .says(&format!("{SOPS}` of sops (which is under a passphrase)"))
        .says(".ssh/id_ed25519` (which is under a passphrase)");
}

#[test]
fn a_person_gives_the_passphrase_of_a_key_file() {
    let maker = Maker::new();
    let (recipient, key) = maker.age();
    let project = project(&[&recipient]);
    put(&project, SOPS, maker.sealed(&key));
    let screen = at_a_terminal(&project, &["get", "A", "-e", "legacy"])
        .piped()
        .expect("Passphrase of the key file `")
        .send("wrong\r")
        .expect("the passphrase does not fit")
        .expect("Passphrase of")
        .send(&format!("{PASSPHRASE}\r"))
        .end();
    assert_eq!(screen.code, 0, "{}", screen.shown());
    assert!(screen.stdout == canary("keys"));
    assert!(!screen.shown().contains(PASSPHRASE));
}

#[test]
fn a_person_gives_the_passphrase_of_an_ssh_key_that_the_document_names() {
    let maker = Maker::new();
    let (recipient, key) = maker.ssh(PASSPHRASE);
    let (other, _) = maker.ssh("");
    let project_of_mine = project(&[&recipient]);
    put(&project_of_mine, ".ssh/id_ed25519", &key);
    let screen = at_a_terminal(&project_of_mine, &["get", "A", "-e", "legacy"])
        .piped()
        .expect("Passphrase of the ssh key `ssh-ed25519 AAAA")
        .send(&format!("{PASSPHRASE}\r"))
        .end();
    assert_eq!(screen.code, 0, "{}", screen.shown());
    assert!(screen.stdout == canary("keys"));

    // Somebody else's document asks for nothing.
    let project_of_others = project(&[&other]);
    put(&project_of_others, ".ssh/id_ed25519", &key);
    let screen = at_a_terminal(&project_of_others, &["get", "A", "-e", "legacy"]).piped().end();
    assert_eq!(screen.code, 4, "{}", screen.shown());
    assert!(!screen.shown().contains("Passphrase"), "{}", screen.shown());
}

#[test]
fn no_lock_is_held_while_a_key_is_asked_for() {
    let maker = Maker::new();
    let (recipient, key) = maker.age();
    let project = project(&[&recipient]);
    put(&project, "key", &key);
    // The command gives the key only where it gets the lock.
    let lock = project.root().join(".legacy.json.lock");
    let key = project.home().join("key");
    let command = format!("flock -n '{}' cat '{}'", lock.display(), key.display());
    let call = project.unspoken(["set", "B", "-e", "legacy"]).stdin(canary("b"));
    call.env("SOPS_AGE_KEY_CMD", &command).run().ok();
    let get = project.unspoken(["get", "B", "-e", "legacy"]).env("SOPS_AGE_KEY_CMD", &command);
    assert!(get.run().ok().stdout == canary("b").as_bytes());

    // While somebody has it, nobody else does: the lock is the one that counts.
    let held = format!("flock -n -o '{0}' flock -n '{0}' cat '{1}'", lock.display(), key.display());
    let call = project.unspoken(["set", "B", "-e", "legacy"]).stdin(canary("c"));
    call.env("SOPS_AGE_KEY_CMD", &held).run().fails_with(4);
    assert!(lock.exists());
}

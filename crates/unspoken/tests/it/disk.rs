//! A disk that takes no more: what was there stays, and nothing is left over.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, lchown};
use std::path::Path;

use unspoken_testkit::{Output, Project, canary, unspoken_binary};

const NOBODY: u32 = 65_534;

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn give(path: &Path) {
    lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

/// Calls the program as a user whom modes bind, which they do not bind root.
#[track_caller]
fn as_nobody(project: &Project, arguments: &[&str], stdin: &str) -> Output {
    if !is_root() {
        return project.unspoken(arguments).stdin(stdin).run();
    }
    let binary = project.folder().join("unspoken");
    let flags = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let binary = [binary.to_str().unwrap()];
    let flags = flags.iter().chain(&binary).chain(arguments);
    project.program("setpriv", flags).stdin(stdin).run()
}

/// Gives a project to the user that [`as_nobody`] is, with a program to call:
/// where cargo has put it may be closed to others.
pub(crate) fn bind(project: Project) -> Project {
    if is_root() {
        // By a process of its own: a copy that is open for writing here would be
        // inherited by what other tests start, and could not be executed.
        let target = project.folder().join("unspoken");
        project.program("cp", [unspoken_binary(), target]).run().ok();
        give(project.folder());
    }
    project
}

fn bound_project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("old"));
    bind(project)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_read_only_folder_is_told_and_reading_goes_on() {
    let project = bound_project();
    let secrets = project.root().join("secrets");
    let locks = [true, false].map(|with_lock| {
        if !with_lock {
            fs::remove_file(secrets.join(".development.json.lock")).unwrap();
        }
        set_mode(&secrets, 0o555);
        let before = project.snapshot();
        let output = as_nobody(&project, &["set", "A"], &canary("new"));
        project.is_as(&before);
        let read = as_nobody(&project, &["get", "A"], "");
        assert!(read.ok().stdout == canary("old").as_bytes());
        as_nobody(&project, &["run", "--", "true"], "").ok();
        set_mode(&secrets, 0o755);
        output.fails_with(1).is_silent_on_values()
    });
    for output in locks {
        output.says("secrets").says("denied");
    }
}

#[test]
fn what_cannot_be_read_is_no_missing_project() {
    let project = bound_project();
    for name in ["unspoken.toml", "secrets/development.json"] {
        let path = project.root().join(name);
        set_mode(&path, 0);
        let output = as_nobody(&project, &["get", "A"], "").fails_with(1);
        output.says("denied").says(name);
        set_mode(&path, 0o644);
    }
}

#[test]
fn a_key_folder_that_takes_nothing_leaves_no_document_without_a_key() {
    let project = bound_project();
    let keys = project.unspoken_home().join("keys");
    set_mode(&keys, 0o500);
    let before = project.snapshot();
    let output = as_nobody(&project, &["env", "add", "production"], "");
    assert!(output.code != 0, "{output:?}");
    project.is_as(&before);
    set_mode(&keys, 0o700);
}

#[test]
fn a_project_in_a_read_only_folder_is_not_half_made() {
    let project = bind(Project::empty());
    set_mode(&project.root(), 0o555);
    let before = project.snapshot();
    let output = as_nobody(&project, &["init"], "").fails_with(1);
    assert!(output.stderr.contains("denied"), "{output:?}");
    project.is_as(&before);
    set_mode(&project.root(), 0o755);
}

/// A small disk for `secrets/`, in a namespace of mounts that ends with the
/// shell. `$0` is the program, `$1` how many KiB are left free.
const SMALL_DISK: &str = r#"
set -eu
mkdir "$TMPDIR/aside"
cp -a secrets/. "$TMPDIR/aside"
mount -t tmpfs -o size=256k tmpfs secrets
cp -a "$TMPDIR/aside/." secrets
before=$(sha256sum secrets/development.json)
ls -A secrets > "$TMPDIR/names"
head -c "$(( ($(df --output=avail -k secrets | tail -n 1) - $1) * 1024 ))" /dev/zero > secrets/filler
code=0
"$0" set B || code=$?
rm secrets/filler
[ "$before" = "$(sha256sum secrets/development.json)" ] || { echo "the document changed" >&2; exit 90; }
ls -A secrets | diff "$TMPDIR/names" - >&2 || exit 91
"$0" get A
exit $code
"#;

#[test]
fn a_full_disk_leaves_the_old_document_whole() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("old"));
    let binary = unspoken_binary();
    let namespace = if is_root() { "-m" } else { "-rm" };
    for free in ["0", "4", "32"] {
        let arguments =
            [namespace, "sh", "-c", SMALL_DISK, binary.to_str().unwrap(), free].map(str::to_owned);
        let value = canary("new") + &"x".repeat(60_000);
        let output = project.program("unshare", arguments).stdin(value).run();
        fs::remove_dir_all(project.tmp().join("aside")).unwrap();
        assert!(output.code == 1, "{free} KiB free: {output:?}");
        assert!(output.stderr.contains("No space left"), "{output:?}");
        assert!(output.stdout == canary("old").as_bytes(), "{free} KiB free: another value");
        assert!(!output.stderr.contains(&canary("new")));
    }
}

//! Things that are not as they should be around the documents: each is told,
//! has its exit code, and changes nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use unspoken_testkit::{Output, Project, canary};

/// Somebody who is neither us nor root.
const STRANGER: u32 = 65_534;

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("fault"));
    project
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn key(project: &Project) -> PathBuf {
    let mut keys = fs::read_dir(project.unspoken_home().join("keys")).unwrap();
    keys.next().unwrap().unwrap().path()
}

#[track_caller]
fn run(project: &Project) -> Output {
    let output = project.unspoken(["run", "--", "touch", "started"]).run().is_silent_on_values();
    assert!(!project.root().join("started").exists(), "the command was started");
    output
}

#[track_caller]
fn set(project: &Project) -> Output {
    let before = project.snapshot();
    let output = project.unspoken(["set", "A"]).stdin(canary("new")).run().is_silent_on_values();
    project.is_as(&before);
    output
}

#[test]
fn without_a_project_every_command_says_how_to_make_one() {
    let project = Project::empty();
    for command in [
        &["set", "A"][..],
        &["get", "A"],
        &["list"],
        &["rm", "A"],
        &["mv", "A", "B"],
        &["export"],
        &["run", "true"],
        &["env", "list"],
        &["env", "add", "x"],
        &["why", "A"],
    ] {
        let output = project.unspoken(command).run().fails_with(3);
        assert!(output.stderr.contains("no project"), "{command:?}: {output:?}");
        output.says("unspoken init");
    }
    let doctor = project.unspoken(["doctor"]).run().fails_with(1);
    assert!(doctor.text().contains("unspoken init"));
}

#[test]
fn an_environment_whose_document_is_gone_is_told_with_the_way_back() {
    let project = project();
    fs::remove_file(project.document("development")).unwrap();
    run(&project).fails_with(3).says("development").says("git checkout");
    set(&project).fails_with(3);
    // A second `init` does not put an empty one in its place.
    project.unspoken(["init"]).run();
    assert!(!project.document("development").exists());
}

#[test]
fn a_key_that_others_may_read_is_not_used() {
    let project = project();
    for (path, mode, chmod) in [
        (key(&project), 0o644, "chmod 600"),
        (project.unspoken_home().join("keys"), 0o755, "chmod 700"),
        (project.unspoken_home(), 0o750, "chmod 700"),
    ] {
        let old = fs::metadata(&path).unwrap().permissions().mode();
        set_mode(&path, mode);
        let command = format!("{chmod} {}", path.display());
        run(&project).fails_with(4).says(&command);
        set(&project).fails_with(4).says(&command);
        // Names need no key.
        project.unspoken(["list"]).run().ok();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        set_mode(&path, old);
    }
    project.has("development", "A", canary("fault"));
}

#[test]
fn without_a_key_it_is_told_for_whom_the_document_is() {
    let project = project();
    fs::remove_dir_all(project.unspoken_home()).unwrap();
    run(&project)
        .fails_with(4)
        .says("it is for: the environment's own key (age1")
        .says("unspoken key import");
    let left = project.unspoken(["set", "A"]).stdin(canary("left")).run();
    left.ok().says("was left for those who can");
    assert!(!project.unspoken_home().exists(), "a folder was made for nothing");
}

#[test]
fn a_key_that_does_not_fit_and_one_that_is_no_key_are_named() {
    let (project, other) = (project(), project());
    fs::copy(key(&other), key(&project)).unwrap();
    run(&project).fails_with(4).says("does not fit");
    fs::write(key(&project), format!("{}\n", canary("nokey"))).unwrap();
    run(&project).fails_with(4).says("does not read");
}

#[test]
fn a_link_is_followed_nowhere() {
    let project = project();
    let elsewhere = project.folder().join("elsewhere");
    let keys = project.unspoken_home().join("keys");
    let lock = project.root().join("secrets/.development.json.lock");
    for (path, code, reads) in [
        (project.document("development"), 1, true),
        (keys.clone(), 4, true),
        (key(&project), 4, true),
        (project.unspoken_home(), 4, true),
        (project.root().join("unspoken.toml"), 1, true),
        (lock, 1, false),
    ] {
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        if reads {
            let output = run(&project);
            assert!(output.code == code, "{}: {output:?}", path.display());
            output.says("symbolic link");
        }
        let output = set(&project);
        assert!(output.code == code, "{}: {output:?}", path.display());
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        fs::remove_file(&path).unwrap();
        fs::rename(&elsewhere, &path).unwrap();
    }
    project.has("development", "A", canary("fault"));
}

#[test]
fn what_is_no_file_does_not_hang() {
    let project = project();
    let document = project.document("development");
    fs::remove_file(&document).unwrap();
    project.program("mkfifo", [document.as_os_str()]).run().ok();
    run(&project).fails_with(1);
    fs::remove_file(&document).unwrap();
    fs::create_dir(&document).unwrap();
    run(&project).fails_with(1);
}

#[test]
fn a_project_file_above_the_repository_is_not_believed() {
    let project = project();
    let inner = project.root().join("vendor/lib");
    fs::create_dir_all(&inner).unwrap();
    project.program("git", ["init", "--quiet", "vendor/lib"]).run().ok();
    let output = project.unspoken(["get", "A"]).current_dir(&inner).run().fails_with(5);
    output.is_silent_on_values().says("above the repository").says("--project-dir");
    let output = project.unspoken(["get", "A", "--project-dir", "../.."]).current_dir(&inner).run();
    assert!(output.ok().stdout == canary("fault").as_bytes());
}

#[test]
fn a_strangers_files_are_refused() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away; for others the store's tests stand in.
        return;
    }
    let project = project();
    for (path, code) in [
        (project.root().join("unspoken.toml"), 5),
        (key(&project), 4),
        (project.unspoken_home().join("keys"), 4),
        (project.unspoken_home(), 4),
    ] {
        chown(&path, Some(STRANGER), None).unwrap();
        let output = run(&project);
        assert!(output.code == code, "{}: {output:?}", path.display());
        output.says("belongs to user 65534").says("hint: ");
        chown(&path, Some(0), None).unwrap();
    }
    run_is_fine(&project);
}

#[track_caller]
fn run_is_fine(project: &Project) {
    project.unspoken(["run", "--", "true"]).run().ok();
}

#[test]
fn a_wrong_project_file_is_told_with_its_line() {
    let project = project();
    let whole = project.read("unspoken.toml");
    for (text, said) in [
        (whole.replace("default", "defualt"), "line 5"),
        (whole.replace("acme-web", "Acme Web"), "line 3"),
        (whole.replace("[environments.development]", "[environments.development"), "line 7"),
        (format!("{whole}inherits = \"development\"\n"), "circle"),
        (format!("{whole}file = \"../x.json\"\n"), "root"),
        (format!("{whole}[environments.b]\nfile = \"secrets/development.json\"\n"), "share"),
        (String::new(), "`project`"),
    ] {
        project.write("unspoken.toml", &text);
        let output = run(&project);
        assert!(![0, 3].contains(&output.code), "{said}: {output:?}");
        output.says("unspoken.toml").says(said).says("hint: ");
        assert!(project.read("unspoken.toml") == text);
    }
}

#[test]
fn a_huge_document_and_a_deep_one_are_refused_at_once() {
    let project = project();
    let file = fs::File::create(project.document("development")).unwrap();
    file.set_len(50 * 1024 * 1024).unwrap();
    drop(file);
    let output = run(&project);
    assert!([1, 5].contains(&output.code), "{output:?}");
    output.says("larger than 33554432 bytes");

    for open in ["[", "{\"A\":", "[{\"A\":"] {
        let text = format!("{{\"A\": {}", open.repeat(10_000));
        project.write("secrets/development.json", text);
        run(&project).fails_with(5);
        let import = project.unspoken(["import", "-", "--format", "json"]);
        import.stdin(open.repeat(10_000)).run().fails_with(1);
    }
}

#[test]
fn a_document_of_another_mode_keeps_it() {
    let project = project();
    set_mode(&project.document("development"), 0o640);
    project.set("development", "A", canary("mode"));
    let mode = fs::metadata(project.document("development")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[test]
fn the_mask_cannot_make_a_key_readable() {
    let project = Project::empty();
    let script = "umask 0; exec \"$0\" init";
    let binary = unspoken_testkit::unspoken_binary();
    project.program("sh", ["-c", script, binary.to_str().unwrap()]).run().ok();
    for path in [project.unspoken_home(), project.unspoken_home().join("keys"), key(&project)] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{path:?}");
    }
}

#[test]
fn a_home_that_is_no_absolute_path_is_refused() {
    let project = project();
    let output = project.unspoken(["get", "A"]).env("UNSPOKEN_HOME", "keys").run().fails_with(1);
    output.says("absolute path").says("UNSPOKEN_HOME");
    let call = project.unspoken(["get", "A"]).env_remove("UNSPOKEN_HOME").env_remove("HOME");
    call.run().fails_with(1).says("hint: ");
}

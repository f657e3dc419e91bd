//! `export` for containers and units: the real systemd-creds and the real YAML
//! reader take what is printed, and no value lies on a disk.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use unspoken_testkit::{Invocation, Project, canary, canary_marker, peers};

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    for name in ["DATABASE_URL", "STRIPE_KEY"] {
        project.set("development", name, canary(name));
    }
    project.set("development", "ON", format!("{}\n\"ü\"", canary("ON")));
    project
}

/// A folder in memory, removed with all that is in it.
fn memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

fn holds_a_value(bytes: &[u8]) -> bool {
    let marker = canary_marker();
    bytes.windows(marker.len()).any(|window| window == marker.as_bytes())
}

/// Demands that no file of the project, its home and its `TMPDIR` holds a value.
#[track_caller]
fn no_value_on_disk(project: &Project) {
    let mut folders = vec![project.folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => {
                    let path = entry.path();
                    assert!(!holds_a_value(&fs::read(&path).unwrap()), "{}", path.display());
                }
                _ => {}
            }
        }
    }
}

#[track_caller]
fn read(project: &Project, bundle: &[u8]) -> Value {
    let call = project.unspoken(["read", "--file", "-", "--json"]);
    call.stdin(bundle).run().ok().json()
}

fn expected() -> Value {
    json!({
        "DATABASE_URL": canary("DATABASE_URL"),
        "STRIPE_KEY": canary("STRIPE_KEY"),
        "ON": format!("{}\n\"ü\"", canary("ON")),
    })
}

#[test]
fn a_bundle_is_what_read_takes_from_a_pipe_and_from_the_variable() {
    let project = project();
    project.unspoken(["env", "add", "preview", "--inherits", "development"]).run().ok();
    let before = project.snapshot();
    let output = project.unspoken(["export", "-e", "preview", "-f", "bundle"]).run().ok();
    let bundle = output.json();
    assert_eq!(
        (&bundle["version"], &bundle["project"], &bundle["environment"], &bundle["token"]),
        (&json!(1), &json!("acme-web"), &json!("preview"), &json!("")),
    );
    assert!(read(&project, &output.stdout) == expected());

    let call = project.unspoken(["read", "DATABASE_URL"]).env("UNSPOKEN_BUNDLE", output.text());
    assert!(call.run().ok().stdout == canary("DATABASE_URL").as_bytes());
    project.is_as(&before);
}

/// Calls with a machine's key of this project's own: the real one is root's.
fn with_key(project: &Project, call: Invocation) -> Invocation {
    call.env("SYSTEMD_CREDENTIAL_SECRET", project.home().join("credential.secret"))
}

fn decrypt(project: &Project, name: &str, blob: &[u8]) -> unspoken_testkit::Output {
    let name = format!("--name={name}");
    let call = project.program("systemd-creds", ["decrypt", &name, "-", "-"]);
    with_key(project, call).stdin(blob).run()
}

#[test]
fn systemd_decrypts_a_credential_which_read_takes() {
    let project = project();
    for (name, flags) in [
        ("unspoken", &["--with-key", "host"][..]),
        ("acme.web-1", &["--with-key", "host", "--credential", "acme.web-1"]),
    ] {
        let arguments = ["export", "--format", "systemd"].iter().chain(flags);
        let output = with_key(&project, project.unspoken(arguments)).run().ok();
        let output = output.is_silent_on_values();
        let plain = decrypt(&project, name, &output.stdout).ok();
        assert!(read(&project, &plain.stdout) == expected());
        // The name is part of what is authenticated.
        let other = decrypt(&project, "other", &output.stdout);
        assert!(other.code != 0 && other.stdout.is_empty());
    }
    no_value_on_disk(&project);
}

#[test]
fn systemd_chooses_a_key_itself_that_protects() {
    let project = project();
    // Where the chosen key would lie in memory systemd refuses, as it should: the key would be
    // gone after the next start.
    let output = with_key(&project, project.unspoken(["export", "-f", "systemd"])).run().ok();
    let plain = decrypt(&project, "unspoken", &output.stdout).ok();
    assert!(read(&project, &plain.stdout) == expected());
}

/// A program in the place of `systemd-creds`.
fn in_its_place(project: &Project, script: &str) -> Invocation {
    let folder = project.folder().join("bin");
    fs::create_dir(&folder).unwrap();
    // By a process of its own: what other tests start would inherit a file that is open for
    // writing here, which then cannot be executed.
    let install = "cat > \"$0\" && chmod 755 \"$0\"";
    let path = folder.join("systemd-creds");
    let text = format!("#!/bin/sh\n{script}\n");
    let call = project.program("sh", ["-c", install, path.to_str().unwrap()]);
    call.stdin(text).run().ok();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    project.unspoken(["export", "-f", "systemd"]).env("PATH", path)
}

#[test]
fn the_values_reach_systemd_creds_on_its_standard_input_alone() {
    let project = project();
    let script = "tr '\\0' '\\n' < /proc/$$/cmdline; env; echo its words >&2; cat >/dev/null";
    let output = in_its_place(&project, script).env("UNSPOKEN_KEY", "").run().ok();
    let output = output.is_silent_on_values().says("its words");
    let seen = output.text();
    assert!(seen.contains("encrypt\n--name=unspoken\n-\n-\n"), "{seen}");
    assert!(!seen.contains("UNSPOKEN_HOME"), "{seen}");
    no_value_on_disk(&project);
}

#[test]
fn what_systemd_creds_did_not_encrypt_is_refused() {
    for (script, words) in [
        ("echo no key here >&2; exit 1", "no key here"),
        ("cat >/dev/null", "gave nothing"),
        ("cat >/dev/null; echo BYRp2vb1QySABUnaD46i+yAAAAABAAAADAAA", "no secret key"),
        ("kill -9 $$", "signal: 9"),
    ] {
        // More than a pipe holds: what does not read must not end us.
        let project = project();
        for name in ["LONG", "LONGER"] {
            project.set("development", name, format!("{}{}", canary(name), "x".repeat(60_000)));
        }
        let output = in_its_place(&project, script).run().fails_with(1).is_silent_on_values();
        assert!(output.stdout.is_empty(), "{script}");
        output.says(words);
    }
    let project = project();
    let empty = project.tmp();
    let call = project.unspoken(["export", "-f", "systemd"]).env("PATH", &empty);
    call.run().fails_with(1).says("there is no program `systemd-creds`").says("ssh HOST");
    for key in ["null", "tpm2-absent"] {
        let call = project.unspoken(["export", "-f", "systemd", "--with-key", key]);
        call.run().fails_with(2).says("anybody could decrypt");
    }
}

#[test]
fn a_credential_has_an_end() {
    let project = Project::with_environments(&["development"]);
    let value = |number: usize| format!("{}{}", canary("long"), "x".repeat(60_000 + number));
    let values: Map<String, Value> =
        (0..18).map(|number| (format!("A{number}"), value(number).into())).collect();
    let text = Value::Object(values).to_string();
    project.unspoken(["import", "-", "--format", "json"]).stdin(text).run().ok();
    let output = with_key(&project, project.unspoken(["export", "-f", "systemd"])).run();
    output.fails_with(1).is_silent_on_values().says("at most 1048576").says("run -e development");
}

#[track_caller]
fn compose(project: &Project, folder: &Path, flags: &[&str]) -> Invocation {
    let folder = folder.to_str().unwrap();
    let arguments = ["export", "--format", "compose", "--dir", folder];
    project.unspoken(arguments.iter().chain(flags))
}

/// What a YAML reader that is not ours makes of a text.
#[track_caller]
fn yaml(project: &Project, text: &[u8]) -> Value {
    let script = "import sys, json, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))";
    project.program(peers().python(), ["-c", script]).stdin(text).run().ok().json()
}

#[test]
fn compose_reads_who_gets_what_and_where_it_lies() {
    let project = project();
    let memory = memory();
    let folder = memory.path().join("a $b 'ü\" #/c");
    let flags = ["--service", "web=DATABASE_URL,ON", "--service", "off=ON", "--mode", "444"];
    let output = compose(&project, &folder, &flags).run().ok().is_silent_on_values();
    let shown = folder.to_str().unwrap().replace('$', "$$");
    assert_eq!(
        yaml(&project, &output.stdout),
        json!({
            "services": {
                "web": { "secrets": ["DATABASE_URL", "ON"] },
                "off": { "secrets": ["ON"] },
            },
            "secrets": {
                "DATABASE_URL": { "file": format!("{shown}/DATABASE_URL") },
                "ON": { "file": format!("{shown}/ON") },
            },
        })
    );
    assert!(fs::read(folder.join("ON")).unwrap() == expected()["ON"].as_str().unwrap().as_bytes());
    assert!(!folder.join("STRIPE_KEY").exists());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&folder), mode(&folder.join("ON"))), (0o700, 0o444));

    let again = compose(&project, &folder, &flags).run().ok();
    assert!(again.stdout == output.stdout);
    let fewer = compose(&project, &folder, &["--service", "web=ON"]).run().ok();
    assert_eq!(yaml(&project, &fewer.stdout)["secrets"].as_object().unwrap().len(), 1);
    assert!(!folder.join("DATABASE_URL").exists());
    assert_eq!(mode(&folder.join("ON")), 0o400);
    no_value_on_disk(&project);
}

#[test]
fn a_compose_file_takes_the_fragment_beside_it() {
    let project = project();
    let memory = memory();
    let folder = memory.path().join("$HOME ü");
    let output = compose(&project, &folder, &["--service", "web=ON"]).run().ok();
    project.write("secrets.yaml", &output.stdout);
    project.write("compose.yaml", "services: { web: { image: acme }, worker: { image: acme } }");
    let arguments = ["--format", "json", "compose.yaml", "secrets.yaml"];
    let read = project.program(peers().compose_spec(), arguments).run().ok().json();
    let mounted = json!([{ "source": "ON", "target": "/run/secrets/ON" }]);
    assert_eq!(read["services"]["web"]["secrets"], mounted);
    assert_eq!(read["services"]["worker"]["secrets"], Value::Null);
    let file = read["secrets"]["ON"]["file"].as_str().unwrap();
    assert_eq!(Path::new(file), folder.join("ON"));
}

#[test]
fn compose_finds_its_folder_by_itself_and_removes_it() {
    let project = project();
    let runtime = memory();
    let folder = runtime.path().join("unspoken/acme-web/development");
    let call = |flag: &[&str]| {
        let arguments = ["export", "-f", "compose"].iter().chain(flag);
        project.unspoken(arguments).env("XDG_RUNTIME_DIR", runtime.path())
    };
    call(&["--remove"]).run().ok().says("removed nothing");
    call(&["--service", "web"]).run().ok().says("3 secret files");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
    call(&["--remove"]).run().ok().says("removed 3 secret files");
    assert!(!folder.exists());

    // A name of its own: other tests of this machine's use the same folder.
    let environment = format!("e{}", std::process::id());
    let project = Project::with_environments(&[&environment]);
    project.set(&environment, "ON", canary("ON"));
    let user = rustix::process::geteuid().as_raw();
    let folder = format!("/dev/shm/unspoken-{user}/acme-web/{environment}");
    project.unspoken(["export", "-f", "compose", "--service", "web"]).run().ok();
    let owner = fs::metadata(format!("{folder}/ON")).unwrap().uid();
    project.unspoken(["export", "-f", "compose", "--remove"]).run().ok();
    assert_eq!(owner, user);
    assert!(!Path::new(&folder).exists());
}

#[test]
fn a_folder_on_a_disk_is_refused_and_stays_as_it_was() {
    let project = project();
    let before = project.snapshot();
    for path in ["home", "home/new/folder"] {
        let folder = project.folder().join(path);
        let output = compose(&project, &folder, &["--service", "web"]).run().fails_with(1);
        let output = output.is_silent_on_values().says("on a disk").says("--dir /dev/shm");
        assert!(output.stdout.is_empty());
    }
    project.is_as(&before);
}

#[test]
fn links_are_not_followed_and_what_is_not_ours_is_kept() {
    let project = project();
    let memory = memory();
    let disk = project.tmp();
    let link = memory.path().join("link");
    symlink(&disk, &link).unwrap();
    let output = compose(&project, &link, &["--service", "web"]).run().fails_with(1);
    output.is_silent_on_values().says("is a link");

    let folder = memory.path().join("folder");
    compose(&project, &folder, &["--service", "web=ON"]).run().ok();
    fs::write(folder.join("note"), "mine").unwrap();
    symlink(disk.join("target"), folder.join("STRIPE_KEY")).unwrap();
    let output = compose(&project, &folder, &["--service", "web"]).run().fails_with(1);
    let output = output.is_silent_on_values().says("was not made by us");
    assert!(output.stdout.is_empty() && !folder.join("DATABASE_URL").exists());
    compose(&project, &folder, &["--remove"]).run().ok().says("removed 1 secret file");
    assert_eq!(fs::read_to_string(folder.join("note")).unwrap(), "mine");
    assert!(folder.join("STRIPE_KEY").is_symlink());
    assert_eq!(fs::read_dir(disk).unwrap().count(), 0);
}

#[test]
fn compose_needs_services_that_get_what_is_there() {
    let project = project();
    let memory = memory();
    let folder = memory.path().join("folder");
    let output = compose(&project, &folder, &[]).run().fails_with(2);
    output.says("--service web=DATABASE_URL");
    let output = compose(&project, &folder, &["--service", "web=STRIPE_KEX"]).run();
    output.fails_with(3).says("for the service `web`").says("Did you mean `STRIPE_KEY`?");
    compose(&project, &folder, &["--service", "w b"]).run().fails_with(2);
    assert!(!folder.exists());
}

#[test]
fn a_flag_of_one_format_is_refused_with_another() {
    let project = project();
    for (format, flag) in [
        ("json", &["--service", "web"][..]),
        ("systemd", &["--remove"]),
        ("bundle", &["--mode", "400"]),
        ("systemd", &["--dir", "/dev/shm"]),
        ("bundle", &["--credential", "a"]),
        ("compose", &["--with-key", "host"]),
    ] {
        let start = ["export", "--format", format];
        let call = project.unspoken(start.iter().chain(flag));
        let output = call.run().fails_with(2).is_silent_on_values();
        let output = output.says(flag[0]).says("belongs to");
        assert!(output.stdout.is_empty());
    }
}

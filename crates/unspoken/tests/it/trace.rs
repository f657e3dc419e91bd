//! What `run` asks of the kernel before the command starts, seen by strace.

use std::path::Path;

use unspoken_testkit::{Project, canary};

/// Every call before the command is executed, in order.
#[track_caller]
fn calls(project: &Project, inherits: bool) -> Vec<String> {
    let log = project.tmp().join("trace");
    let binary = unspoken_testkit::unspoken_binary();
    let environment = if inherits { "preview" } else { "development" };
    let traced =
        "trace=%network,%file,write,writev,pwrite64,openat,openat2,clone,clone3,fork,vfork";
    let flags = ["-f", "-qq", "-s", "4096", "-e", traced, "-o", log.to_str().unwrap()];
    let command =
        [binary.to_str().unwrap(), "run", "--redact=never", "-e", environment, "--", "true"];
    project.program("strace", flags.iter().chain(&command)).run().ok().says_nothing();
    let text = std::fs::read_to_string(&log).unwrap();
    // The process id goes; the first call is strace's own `execve` of ours.
    let call = |line: &str| line.split_once(' ').map(|(_, call)| call.trim().to_owned());
    let lines = text.lines().filter_map(call).skip(1);
    let calls: Vec<String> = lines.take_while(|call| !call.starts_with("execve(")).collect();
    assert!(
        text.lines().filter(|line| line.contains("execve(")).count() >= 2,
        "nothing was executed"
    );
    calls
}

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.unspoken(["env", "add", "preview", "--inherits", "development"]).run().ok();
    for name in ["A", "B", "C"] {
        project.set("development", name, canary(name));
    }
    project
}

/// What is opened, as paths; relative ones are those below an opened folder.
fn opened(calls: &[String]) -> Vec<(String, String)> {
    let opens = calls.iter().filter(|call| call.starts_with("open"));
    opens
        .filter(|call| !call.contains(" = -1 "))
        .map(|call| {
            let path = call.split('"').nth(1).unwrap().to_owned();
            (path, call.rsplit_once("\", ").unwrap().1.to_owned())
        })
        // A binary that is not static has its libraries loaded first.
        .filter(|(path, _)| {
            !Path::new(path).starts_with("/etc/ld.so.cache") && !path.contains(".so")
        })
        .filter(|(path, _)| !["/proc/", "/sys/", "/dev/null"].iter().any(|p| path.starts_with(p)))
        .collect()
}

#[test]
fn no_socket_is_made_no_process_started_and_nothing_written() {
    let calls = calls(&project(), false);
    for call in &calls {
        let name = call.split('(').next().unwrap();
        let harmless = name.starts_with("open")
            || name.contains("stat")
            || ["access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd"]
                .contains(&name);
        assert!(harmless, "{call}");
    }
}

#[test]
fn only_the_project_file_the_document_and_one_key_are_read() {
    let project = project();
    let calls = calls(&project, false);
    let opened = opened(&calls);
    for (path, flags) in &opened {
        assert!(flags.contains("O_RDONLY"), "{path} is opened with {flags}");
    }
    let root = project.root().canonicalize().unwrap();
    let paths: Vec<&str> = opened.iter().map(|(path, _)| path.as_str()).collect();
    let id = std::fs::read_to_string(project.document("development")).unwrap();
    let id: serde_json::Value = serde_json::from_str(&id).unwrap();
    let id = id["sops"]["unspoken"]["key_id"].as_str().unwrap();
    assert_eq!(
        paths,
        [
            root.join("unspoken.toml").to_str().unwrap(),
            root.join("secrets/development.json").to_str().unwrap(),
            project.unspoken_home().to_str().unwrap(),
            "keys",
            id,
        ]
    );
}

#[test]
fn a_parent_environment_costs_its_document_and_its_key() {
    let project = project();
    let opened = opened(&calls(&project, true));
    let documents = opened.iter().filter(|(path, _)| path.contains(".json")).count();
    assert_eq!(documents, 2);
    assert_eq!(opened.len(), 1 + 2 * 4, "{opened:?}");
}

#[test]
fn no_value_is_seen_by_the_kernel_before_the_command() {
    let project = project();
    let calls = calls(&project, false).join("\n");
    for name in ["A", "B", "C"] {
        assert!(!calls.contains(&canary(name)), "{name}");
    }
}

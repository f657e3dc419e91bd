//! `agents`: the files of coding agents, the answers of their hooks, and what is
//! not shown inside of one.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::{Value, json};
use unspoken_testkit::{Project, canary, peers, unspoken_binary};

use crate::terminal::at_a_terminal;

const AGENTS: [&str; 6] = ["claude", "cursor", "codex", "copilot", "gemini", "windsurf"];

/// What users have in files that we write into.
const THEIRS: [(&str, &str); 15] = [
    (
        ".claude/settings.json",
        "{\n    \"permissions\": {\n        \"allow\": [\"Bash(npm test:*)\"],\n        \"deny\": [ \"Read(**/.env)\",\n            \"Bash(rm -rf:*)\" ]\n    },\n    \"model\": \"opus\"\n}\n",
    ),
    ("CLAUDE.md", "# Acme\r\n\r\nUse tabs.\r\n"),
    (
        ".cursor/hooks.json",
        "{\"version\":1,\"hooks\":{\"beforeShellExecution\":[{\"command\":\"./a.sh\"}],\"stop\":[]}}",
    ),
    (
        ".cursor/cli.json",
        "{\n\t\"permissions\": {\n\t\t\"allow\": [\n\t\t\t\"Shell(ls)\"\n\t\t]\n\t}\n}\n",
    ),
    (".cursorignore", "dist\n.env"),
    (".cursor/rules/mine.mdc", "mine\n"),
    (
        ".codex/hooks.json",
        "{\n  \"hooks\": {\n    \"PreToolUse\": [\n      {\"matcher\": \"Bash\", \"hooks\": [{\"type\": \"command\", \"command\": \"x\"}]}\n    ]\n  }\n}",
    ),
    (".codex/rules/default.rules", "prefix_rule(pattern = [\"ls\"])\n"),
    ("AGENTS.md", "# Agents\n\nno line end"),
    (".github/copilot-instructions.md", "\n\nBe brief.\n\n"),
    (".github/hooks/mine.json", "{\"version\": 1, \"hooks\": {}}\n"),
    (".gemini/settings.json", "{ \"theme\": \"dark\" }\n"),
    ("GEMINI.md", "Hello\n"),
    (".codeiumignore", "# mine\r\nbuild\r\n"),
    (
        ".windsurf/hooks.json",
        "{\n  \"hooks\": {\n    \"pre_user_prompt\": [{ \"command\": \"y\" }]\n  }\n}\n",
    ),
];

fn theirs(project: &Project) {
    for (path, text) in THEIRS {
        fs::create_dir_all(project.root().join(path).parent().unwrap()).unwrap();
        project.write(path, text);
    }
}

/// A project with one value in two environments.
fn project() -> Project {
    let project = Project::with_environments(&["development", "staging"]);
    for environment in ["development", "staging"] {
        project.set(environment, "A", canary("agents"));
    }
    project
}

#[test]
fn twice_changes_no_byte_and_removing_leaves_none() {
    for is_empty in [true, false] {
        let project = Project::with_environments(&["development"]);
        if !is_empty {
            theirs(&project);
        }
        let before = project.snapshot();
        project.unspoken(["agents", "setup", "--all", "--print"]).run().ok();
        project.is_as(&before);

        let made = project.unspoken(["agents", "setup", "--all", "--json"]).run().ok().json();
        let done = |value: &Value| value["files"].as_array().unwrap().clone();
        assert!(done(&made).iter().all(|file| file["done"] != "unchanged"), "{made}");
        let after = project.snapshot();
        let again = project.unspoken(["agents", "setup", "--all", "--json"]).run().ok().json();
        assert!(done(&again).iter().all(|file| file["done"] == "unchanged"), "{again}");
        project.is_as(&after);
        project.unspoken(["agents", "check"]).run().ok();
        project.unspoken(["agents", "setup", "--all", "--remove"]).run().ok();
        project.is_as(&before);
        project.unspoken(["agents", "setup", "--all", "--remove"]).run().ok().says("nothing");
        project.is_as(&before);
    }
}

#[test]
fn what_cannot_be_kept_is_not_rewritten_and_stops_no_other() {
    let project = project();
    fs::create_dir(project.root().join(".claude")).unwrap();
    for (text, reason) in [
        ("{\n  // mine\n}\n", "has comments, which would be lost (line 2, column 3)"),
        ("{\"hooks\": []}", "`PreToolUse` in it is something else"),
        ("{\"hooks\": [\n", "does not read as JSON (line 2,"),
        ("{\"a\": 1,}", "does not read as JSON (line 1, column 9)"),
    ] {
        project.write(".claude/settings.json", text);
        let output = project.unspoken(["agents", "setup", "claude"]).run().fails_with(1);
        output.says(".claude/settings.json").says(reason).says("setup claude --print");
        assert!(project.read(".claude/settings.json") == text);
        assert!(project.read("CLAUDE.md").contains("unspoken:begin"));
    }
    // Two at once: both are told, and all else is done.
    fs::create_dir(project.root().join(".gemini")).unwrap();
    project.write(".gemini/settings.json", "{ // mine\n}");
    let output = project.unspoken(["agents", "setup", "--all"]).run().fails_with(1);
    let output = output.says("2 files were left").says(".claude/settings.json");
    output.says(".gemini/settings.json").says("setup claude gemini --print");
    for agent in ["cursor", "codex", "copilot", "windsurf"] {
        project.unspoken(["agents", "check", agent]).run().ok();
    }
    let listed = project.unspoken(["agents", "setup", "gemini", "--json"]).run().fails_with(1);
    let file = &listed.json()["files"][0];
    assert_eq!(file["done"], "left");
    assert!(file["reason"].as_str().unwrap().contains("has comments"), "{file}");

    // A link out of the repository.
    fs::remove_dir_all(project.root().join(".claude")).unwrap();
    let outside = project.folder().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, project.root().join(".claude")).unwrap();
    project.unspoken(["agents", "setup", "claude"]).run().fails_with(1).says("symbolic link");
    assert!(fs::read_dir(&outside).unwrap().next().is_none());
}

#[test]
fn who_has_set_up_is_told_what_is_new_alone() {
    let project = project();
    let setup = |more: &[&str]| {
        let call = ["agents", "setup", "codex", "claude"].iter().chain(more);
        project.unspoken(call).run().ok().stderr
    };
    assert!(setup(&[]).contains("by hand, for codex"));
    let again = setup(&[]);
    assert!(again.contains("all is in place") && !again.contains("by hand"), "{again}");
    assert!(setup(&["--verbose"]).contains("by hand, for codex"));
    project.write("AGENTS.md", format!("mine\n{}", project.read("AGENTS.md")));
    let removed = setup(&["--remove"]);
    assert!(removed.contains("removed CLAUDE.md, nothing else was in it"), "{removed}");
    assert!(removed.contains("changed AGENTS.md") && !removed.contains("by hand"), "{removed}");
}

#[test]
fn the_agents_are_named_to_who_names_none() {
    let project = Project::empty();
    let mut output = project.unspoken(["agents", "setup"]).run().fails_with(2).says("--all");
    for agent in AGENTS {
        output = output.says(agent);
    }
    project.unspoken(["agents", "setup", "nobody"]).run().fails_with(2).says("windsurf");
    let call = project.unspoken(["--", "unspoken", "agents", "setup", "c"]);
    let call = call.env("UNSPOKEN_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "3");
    let found = call.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_COMP_TYPE", "9").run().ok();
    let found: Vec<&str> = found.text().lines().collect();
    assert_eq!(found, ["claude", "cursor", "codex", "copilot"]);
}

#[test]
fn check_tells_what_is_missing() {
    let project = project();
    project.unspoken(["agents", "check"]).run().fails_with(1).says("no agent is set up");
    project.unspoken(["agents", "setup", "claude", "gemini"]).run().ok();
    project.unspoken(["agents", "check"]).run().ok();
    project.unspoken(["agents", "check", "claude"]).run().ok();
    project.unspoken(["agents", "check", "codex"]).run().fails_with(1).says("setup codex");

    let state = |agent: &str| {
        let output = project.unspoken(["agents", "check", agent, "--json"]).run();
        (output.code, output.json()["agents"][0]["state"].as_str().unwrap().to_owned())
    };
    fs::remove_file(project.root().join("GEMINI.md")).unwrap();
    assert_eq!(state("gemini"), (1, "partly".to_owned()));
    project.unspoken(["agents", "check"]).run().fails_with(1).says("gemini");
    project.write("CLAUDE.md", project.read("CLAUDE.md").replace("never with their", "with"));
    assert_eq!(state("claude"), (1, "out of date".to_owned()));
    project.unspoken(["agents", "setup", "claude", "gemini"]).run().ok();
    assert_eq!(state("claude"), (0, "in place".to_owned()));
    assert_eq!(state("windsurf"), (1, "not there".to_owned()));
}

#[test]
fn the_files_lie_where_agents_are_started() {
    let project = Project::empty();
    let inner = project.root().join("apps/web");
    fs::create_dir_all(&inner).unwrap();
    project.unspoken(["init", "--project", "web"]).current_dir(&inner).run().ok();
    project.unspoken(["agents", "setup", "claude"]).current_dir(&inner).run().ok();
    assert!(project.root().join(".claude/settings.json").exists());
    assert!(!inner.join(".claude").exists());
    project.unspoken(["agents", "check", "claude"]).current_dir(&inner).run().ok();
}

#[test]
fn a_hook_answers_each_agent_as_it_expects() {
    let project = Project::empty();
    let ask = |agent: &str, question: &Value| {
        project.unspoken(["agents", "hook", agent]).stdin(question.to_string()).run()
    };
    let claude = |tool: &str, input: Value| {
        json!({ "session_id": "abc", "transcript_path": "/t.jsonl", "cwd": "/work", "permission_mode":
            "default", "hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": input })
    };
    for agent in ["claude", "codex"] {
        for (tool, input) in [
            ("Bash", json!({ "command": "cd app && unspoken get A | cat", "description": "look" })),
            ("Bash", json!({ "command": "env | sort", "timeout": 1000 })),
            ("Read", json!({ "file_path": "/work/app/.env", "limit": 10 })),
        ] {
            let said = ask(agent, &claude(tool, input)).ok().json();
            let inner = &said["hookSpecificOutput"];
            assert_eq!(inner["hookEventName"], "PreToolUse");
            assert_eq!(inner["permissionDecision"], "deny");
            assert!(inner["permissionDecisionReason"].as_str().unwrap().contains("unspoken run"));
        }
        for fine in ["unspoken run -- npm test", "unspoken run -- env", "printenv PATH"] {
            ask(agent, &claude("Bash", json!({ "command": fine }))).ok().says_nothing();
        }
        let raw = claude("Bash", json!({ "command": "unspoken run --redact=never -- npm test" }));
        assert!(ask(agent, &raw).ok().text().contains("without `--redact never`"));
    }
    let cursor = |more: Value| {
        let mut question = json!({ "conversation_id": "c", "generation_id": "g", "hook_event_name": "x",
            "workspace_roots": ["/work"] });
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        question
    };
    for more in [
        json!({ "command": "printenv", "cwd": "/work" }),
        json!({ "file_path": "/work/.env.local", "content": "A=1", "attachments": [] }),
    ] {
        let said = ask("cursor", &cursor(more)).ok().json();
        assert_eq!(said["permission"], "deny");
        assert!(said["agent_message"].as_str().unwrap().contains("unspoken run"));
    }
    ask("cursor", &cursor(json!({ "command": "npm test", "cwd": "" }))).ok().says_nothing();

    for arguments in [json!("{\"command\":\"cat .env\"}"), json!({ "command": "cat .env" })] {
        let question = json!({ "sessionId": "s", "timestamp": 1, "cwd": "/", "toolName": "bash", "toolArgs": arguments });
        assert_eq!(ask("copilot", &question).ok().json()["permissionDecision"], "deny");
    }
    let question = claude("run_shell_command", json!({ "command": "sops -d a.json" }));
    assert_eq!(ask("gemini", &question).ok().json()["decision"], "deny");
    let question = claude("read_file", json!({ "file_path": "README.md" }));
    assert_eq!(ask("gemini", &question).ok().json(), json!({}));

    let question = json!({ "agent_action_name": "pre_run_command", "trajectory_id": "t", "execution_id":
        "e", "timestamp": "t", "tool_info": { "command_line": "unspoken export", "cwd": "/work" } });
    ask("windsurf", &question).fails_with(2).says("unspoken run");
    let question =
        json!({ "agent_action_name": "pre_read_code", "tool_info": { "file_path": "/a/.env" } });
    ask("windsurf", &question).fails_with(2);
}

#[test]
fn what_a_hook_does_not_understand_does_not_stop_work() {
    let project = Project::empty();
    for agent in AGENTS {
        for question in [&b"\xff\xfe"[..], b"", b"{", &vec![b'['; 2 << 20]] {
            let output = project.unspoken(["agents", "hook", agent]).stdin(question).run();
            assert!(output.code < 2, "{agent}: {output:?}");
            assert!(output.says("is allowed").stdout.len() < 4);
        }
    }
}

#[test]
fn values_are_not_shown_inside_an_agent() {
    let project = project();
    project.write("passphrase", "correct horse battery");
    for variable in ["CLAUDECODE", "CURSOR_AGENT", "CODEX_SANDBOX", "GEMINI_CLI", "AI_AGENT"] {
        for arguments in [
            &["get", "A"][..],
            &["get", "A", "--show"],
            &["get", "A", "--json"],
            &["export"],
            &["export", "--format", "shell", "--show"],
            &["export", "--format", "bundle"],
            &["key", "export", "--yes"],
            &["key", "export", "--yes", "--passphrase-file", "passphrase"],
        ] {
            let output = project.unspoken(arguments).env(variable, "1").run().fails_with(10);
            assert!(output.stdout.is_empty(), "{arguments:?}");
            output.is_silent_on_values().says(variable).says("agents allow");
        }
    }
    let edit = project.unspoken(["edit"]).env("CLAUDECODE", "1").env("EDITOR", "true").run();
    edit.fails_with(10).says("agents allow edit");
    // Names, and programs that need values, are what an agent works with.
    for arguments in [&["list"][..], &["why", "A"], &["check"], &["run", "--", "true"]] {
        project.unspoken(arguments).env("CLAUDECODE", "1").run().ok();
    }
    project.has("development", "A", canary("agents"));
    // What is no secret.
    project.set("development", "PORT", "8080");
    project.unspoken(["get", "PORT"]).env("CLAUDECODE", "1").run().fails_with(10);
    let file = project.read("unspoken.toml");
    project.write("unspoken.toml", format!("visible = [\"PORT\"]\n{file}"));
    assert_eq!(project.unspoken(["get", "PORT"]).env("CLAUDECODE", "1").run().ok().text(), "8080");
    project.unspoken(["get", "A"]).env("CLAUDECODE", "1").run().fails_with(10);
    // Set where no agent is: an editor's terminal, and something else's name.
    for (variable, value) in [("CURSOR_TRACE_ID", "ab"), ("AGENT", "smith"), ("CLAUDECODE", "")] {
        project.unspoken(["get", "A"]).env(variable, value).run().ok();
    }
}

/// A program of that name, which starts what it is given.
fn starter(project: &Project, name: &str) -> String {
    let path = project.folder().join(name);
    fs::write(&path, "#!/bin/sh\n\"$@\"\nexit $?\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
#[cfg(target_os = "linux")]
fn an_agent_is_noticed_among_the_ancestors() {
    let project = project();
    let binary = unspoken_binary().to_str().unwrap().to_owned();
    let arguments = [binary.as_str(), "get", "A"];
    for (name, code) in [("claude", 10), ("codex", 10), ("claudia", 0), ("vim", 0)] {
        let output = project.program(starter(&project, name), arguments).run().fails_with(code);
        assert_eq!(output.stdout.is_empty(), code == 10);
        // Not the parent, but further up, in a session of its own.
        let far = ["setsid", "-w", "sh", "-c", "\"$0\" \"$@\"; exit $?"];
        let call = project.program(starter(&project, name), far.into_iter().chain(arguments));
        call.run().fails_with(code);
    }
    // One that works for another home folder is not the agent of these keys.
    let call = ["env", "HOME=/nonexistent"].into_iter().chain(arguments);
    project.program(starter(&project, "claude"), call).run().ok();
}

#[test]
fn a_person_permits_it_at_a_terminal() {
    let project = project();
    let inside = |arguments: &[&str]| project.unspoken(arguments).env("CLAUDECODE", "1").run();
    // Neither an agent, nor without a terminal, nor another answer.
    let allow = ["agents", "allow", "get", "-e", "development"];
    inside(&allow).fails_with(10).says("only a person");
    let binary = unspoken_binary();
    let alone = ["-w", binary.to_str().unwrap()].into_iter().chain(allow);
    project.program("setsid", alone).stdin("development\n").run().fails_with(10).says("terminal");
    let session = at_a_terminal(&project, &allow).expect("Type `development`").send("yes\r");
    session.end().exits_with(10).says("nothing was permitted");
    at_a_terminal(&project, &allow).env("CLAUDECODE", "1").end().exits_with(10);
    inside(&["get", "A", "-e", "development"]).fails_with(10);

    let session = at_a_terminal(&project, &allow).expect("Type `development`");
    session.send("development\r").end().exits_with(0).says("is permitted until");
    assert!(inside(&["get", "A", "-e", "development"]).ok().stdout == canary("agents").as_bytes());
    inside(&["get", "A", "-e", "staging"]).fails_with(10);
    inside(&["export", "-e", "development"]).fails_with(10);
    let list = inside(&["agents", "allow", "--list", "--json"]).ok().json();
    assert_eq!(list["projects"][0]["permitted"][0]["command"], "get");
    let seconds = list["projects"][0]["permitted"][0]["seconds"].as_i64().unwrap();
    assert!((800..=900).contains(&seconds), "{seconds}");

    // One that others could have written, that is over, or that lies in the project.
    let folder = project.unspoken_home().join("agents");
    let record = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&record).unwrap();
    fs::set_permissions(&record, fs::Permissions::from_mode(0o602)).unwrap();
    inside(&["get", "A"]).fails_with(10).says("open to others");
    fs::set_permissions(&record, fs::Permissions::from_mode(0o600)).unwrap();
    for until in ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        let (before, _) = text.split_once("until = ").unwrap();
        fs::write(&record, format!("{before}until = \"{until}\"\n")).unwrap();
        inside(&["get", "A"]).fails_with(10);
    }
    fs::write(&record, &text).unwrap();
    inside(&["get", "A"]).ok();
    project.unspoken(["agents", "allow", "--revoke"]).run().ok().says("any more");
    inside(&["get", "A"]).fails_with(10);
    project.unspoken(["agents", "allow", "--list"]).run().ok().says("nothing is permitted");
}

#[test]
fn what_is_written_reads_in_other_programs() {
    let project = project();
    project.unspoken(["agents", "setup", "--all"]).run().ok();
    // Ignore files are git's language, exceptions included: git itself says what they mean.
    for path in [".cursorignore", ".geminiignore", ".codeiumignore"] {
        let ignored = |name: &str| {
            let exclude = format!("core.excludesFile={}", project.root().join(path).display());
            let call = ["-c", &exclude, "check-ignore", "--quiet", "--no-index", name];
            project.program("git", call).run().code == 0
        };
        fs::rename(project.root().join(".gitignore"), project.root().join("kept")).unwrap();
        for name in [".env", "app/.env.local", "a/server-key.pem", ".envrc", "id_ed25519"] {
            assert!(ignored(name), "{path}: {name}");
        }
        for name in [".env.example", "app/.env.production.enc", "README.md", "id_rsa.pub", "ca.pem"]
        {
            assert!(!ignored(name), "{path}: {name}");
        }
        fs::rename(project.root().join("kept"), project.root().join(".gitignore")).unwrap();
    }
    // Starlark's calls are Python's.
    let rules = Path::new(".codex/rules/unspoken.rules");
    let script = "import ast, sys\nfor node in ast.parse(sys.stdin.read()).body:\n    call = node.value\n    assert call.func.id == 'prefix_rule'\n    words = {k.arg: ast.literal_eval(k.value) for k in call.keywords}\n    assert words['decision'] == 'forbidden'\n    print(' '.join(words['pattern']))\n";
    let call = project.program(peers().python(), ["-c", script]).stdin(project.read(rules));
    assert!(call.run().ok().text().contains("unspoken get\n"));
}

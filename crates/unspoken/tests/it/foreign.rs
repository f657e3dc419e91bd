//! Documents that the sops program made: read and edited in their own form.

use std::fs;
use std::path::PathBuf;

use unspoken_testkit::{Invocation, Project, canary, peers};

const FORMS: [&str; 3] = ["json", "dotenv", "yaml"];

struct Foreign {
    project: Project,
    key: PathBuf,
    form: &'static str,
    file: &'static str,
}

/// A project whose environment `legacy` is a file that sops encrypted.
fn foreign(form: &'static str) -> Foreign {
    let project = Project::with_environments(&["development"]);
    let key = project.home().join("age.txt");
    project.program(peers().age_keygen(), ["-o", key.to_str().unwrap()]).run().ok();
    let text = fs::read_to_string(&key).unwrap();
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let c = canary("foreign");
    let (file, plain) = match form {
        "json" => (
            "legacy.json",
            format!("{{\"Z_LAST\":\"{c}\",\"A\":\"{c} a\",\"N\":7,\"EMPTY\":\"\"}}"),
        ),
        "yaml" => (
            "legacy.yaml",
            format!("Z_LAST: {c}\n# a comment\nA: \"{c} a\" # another\n\nN: 7\nEMPTY: ''\n"),
        ),
        _ => ("legacy.env", format!("Z_LAST={c}\n# a comment\nA={c} a\nN=7\nEMPTY=\n")),
    };
    let flags = ["encrypt", "--age", recipient, "--input-type", form, "--output-type", form];
    let flags = [&flags[..], &["--filename-override", file, "/dev/stdin"]].concat();
    let sealed = project.program(peers().sops(), flags).stdin(plain).run().ok();
    project.write(file, sealed.stdout);
    let toml = project.read("unspoken.toml");
    project.write("unspoken.toml", format!("{toml}\n[environments.legacy]\nfile = \"{file}\"\n"));
    Foreign { project, key, form, file }
}

impl Foreign {
    fn unspoken(&self, arguments: &[&str]) -> Invocation {
        let call = self.project.unspoken(arguments);
        call.env("SOPS_AGE_KEY_FILE", &self.key).env("UNSPOKEN_ENV", "legacy")
    }

    fn sops(&self) -> serde_json::Value {
        let flags = ["decrypt", "--input-type", self.form, "--output-type", "json", self.file];
        let call = self.project.program(peers().sops(), flags);
        call.env("SOPS_AGE_KEY_FILE", &self.key).run().ok().json()
    }
}

#[test]
fn it_is_read_by_every_reading_command() {
    for form in FORMS {
        let foreign = foreign(form);
        let c = canary("foreign");
        assert!(foreign.unspoken(&["get", "Z_LAST"]).run().ok().stdout == c.as_bytes());
        assert!(foreign.unspoken(&["get", "N"]).run().ok().stdout == b"7");
        let listed = foreign.unspoken(&["list", "-e", "legacy"]).run().ok();
        assert_eq!(listed.text(), "A\nEMPTY\nN\nZ_LAST\n", "{form}");
        let run = foreign
            .unspoken(&["run", "--redact=never", "--", "sh", "-c", "printf %s \"$A\""])
            .run()
            .ok();
        assert!(run.stdout == format!("{c} a").as_bytes());
        let doctor = foreign.unspoken(&["doctor"]).run().fails_with(1);
        assert!(doctor.text().contains("not sealed"), "{form}");
        let why = foreign.unspoken(&["why", "A"]).run().ok().is_silent_on_values();
        assert!(why.text().contains("age.txt"), "{form}: {}", why.text());
    }
}

#[test]
fn the_key_may_be_in_the_variable_or_in_the_place_of_sops() {
    let foreign = foreign("json");
    let get = || foreign.project.unspoken(["get", "N", "-e", "legacy"]);
    get().run().fails_with(4).says("it is for: age1");
    let text = fs::read_to_string(&foreign.key).unwrap();
    let words: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    get().env("SOPS_AGE_KEY", words.join(" ")).run().ok();
    let place = foreign.project.home().join(".config/sops/age");
    fs::create_dir_all(&place).unwrap();
    fs::copy(&foreign.key, place.join("keys.txt")).unwrap();
    get().run().ok();
}

#[test]
fn an_edit_keeps_its_form_and_sops_still_reads_it() {
    for form in FORMS {
        let foreign = foreign(form);
        let before = foreign.project.read(foreign.file);
        let set = |name: &str, value: String| {
            foreign.unspoken(&["set", name]).stdin(value).run().ok().is_silent_on_values();
        };

        set("A", canary("edited"));
        set("NEW", format!("{}\nline", canary("new")));
        foreign.unspoken(&["rm", "EMPTY", "--yes"]).run().ok();
        foreign.unspoken(&["mv", "N", "M"]).run().ok();

        let found = foreign.sops();
        assert!(found["A"] == canary("edited").as_str(), "{form}");
        assert!(found["NEW"] == format!("{}\nline", canary("new")).as_str(), "{form}");
        assert!(found["Z_LAST"] == canary("foreign").as_str(), "{form}");
        assert!(found.get("EMPTY").is_none() && found.get("N").is_none());
        // What was not edited kept its bytes, and its place.
        let after = foreign.project.read(foreign.file);
        let first =
            |text: &str| text.lines().find(|line| line.contains("Z_LAST")).unwrap().to_owned();
        assert!(first(&before) == first(&after), "{form}");
        if form != "json" {
            assert!(after.contains("\n#ENC["), "the comment is lost");
        }
        assert!(!after.contains("unspoken"), "{form}: it was sealed unasked");
        // What sops does to it next is fine with us too.
        let value = format!("\"{}\"", canary("back"));
        let flags = ["set", "--value-stdin", foreign.file, "[\"A\"]"];
        let edit = foreign.project.program(peers().sops(), flags);
        edit.env("SOPS_AGE_KEY_FILE", &foreign.key).stdin(value).run().ok();
        assert!(foreign.unspoken(&["get", "A"]).run().ok().stdout == canary("back").as_bytes());
    }
}

#[test]
fn the_same_value_again_leaves_every_byte() {
    for form in FORMS {
        let foreign = foreign(form);
        let before = foreign.project.snapshot();
        let output = foreign.unspoken(&["set", "Z_LAST"]).stdin(canary("foreign")).run().ok();
        output.says("unchanged");
        foreign.project.is_as(&before);
    }
}

#[test]
fn an_expiry_that_cannot_be_kept_is_not_dropped_without_a_word() {
    let foreign = foreign("json");
    let set = foreign.unspoken(&["set", "A", "--expires", "2031-01-31"]);
    let output = set.stdin(canary("expires")).run();
    assert!(output.code != 0 || output.stderr.contains("warning"), "{output:?}");
}

#[test]
fn a_name_in_it_sends_no_control_characters_to_a_terminal() {
    let foreign = foreign("json");
    let text = foreign.project.read(foreign.file);
    let bell = text.replacen("\"EMPTY\"", "\"\\u001b[2J\\u0007\"", 1);
    foreign.project.write(foreign.file, bell);
    let control = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    let commands =
        [&["list"][..], &["list", "-e", "legacy"], &["doctor"], &["accept"], &["get", "A"]];
    let obeyed: Vec<_> = commands
        .iter()
        .filter(|command| {
            let output = foreign.unspoken(command).run().is_silent_on_values();
            control(output.text()) || control(&output.stderr)
        })
        .collect();
    assert!(obeyed.is_empty(), "{obeyed:?}");
}

#[test]
fn accept_takes_it_in_and_seals_it() {
    for form in FORMS {
        let foreign = foreign(form);
        foreign.unspoken(&["accept", "--yes"]).run().ok().is_silent_on_values();
        assert!(foreign.project.read("unspoken.toml").matches("seal_key").count() == 2);
        let doctor = foreign.unspoken(&["doctor"]).run().ok();
        assert!(!doctor.text().contains("not sealed"), "{form}");
        assert!(foreign.sops()["Z_LAST"] == canary("foreign").as_str(), "{form}");
        let text = foreign.project.read(foreign.file);
        foreign.project.write(foreign.file, text.replacen("EMPTY", "NODE_OPTIONS", 1));
        foreign.unspoken(&["run", "--redact=never", "--", "true"]).run().fails_with(5);
    }
}

#[test]
fn what_sops_itself_would_refuse_is_refused() {
    for form in FORMS {
        let foreign = foreign(form);
        let whole = foreign.project.read(foreign.file);
        for (what, changed) in [
            ("a byte", whole.replacen("data:", "data:AAAA", 1)),
            ("a name", whole.replacen("Z_LAST", "Z_OTHER", 1)),
            ("the time", whole.replacen("lastmodified", "lastmodifie_", 1)),
            ("CR LF", whole.replace('\n', "\r\n")),
            ("the MAC", whole.replacen("mac", "macc", 1)),
        ] {
            // JSON and YAML do not care for line ends.
            if what == "CR LF" && form != "dotenv" {
                continue;
            }
            foreign.project.write(foreign.file, &changed);
            let output =
                foreign.unspoken(&["run", "--redact=never", "--", "touch", "started"]).run();
            assert!(output.code == 5, "{form}, {what}: {output:?}");
            output.is_silent_on_values();
        }
        assert!(!foreign.project.root().join("started").exists());
    }
}

#[test]
fn a_document_that_is_not_flat_is_refused_with_the_name() {
    let foreign = foreign("json");
    let text = fs::read_to_string(&foreign.key).unwrap();
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    for (name, plain) in [
        ("DB", format!("{{\"A\":\"{0}\",\"DB\":{{\"url\":\"{0}\"}}}}", canary("nested"))),
        ("lower", format!("{{\"A\":\"{0}\",\"lower\":\"{0}\"}}", canary("lower"))),
    ] {
        let flags =
            ["encrypt", "--age", recipient, "--filename-override", foreign.file, "/dev/stdin"];
        let sealed = foreign.project.program(peers().sops(), flags).stdin(plain).run().ok();
        foreign.project.write(foreign.file, sealed.stdout);
        let output = foreign.unspoken(&["run", "--redact=never", "--", "touch", "started"]).run();
        let output = output.is_silent_on_values();
        assert!(output.code != 0, "{output:?}");
        output.says(&format!("`{name}`"));
    }
    assert!(!foreign.project.root().join("started").exists());
}

#[test]
fn a_yaml_file_keeps_what_a_person_made_of_it() {
    let foreign = foreign("yaml");
    let written = foreign.project.read(foreign.file);
    let laid_out = written.replacen("A: ", "# ours\n\n\"A\":   ", 1).replacen(
        "\nsops:",
        "\n# the end\n\nsops:",
        1,
    );
    assert!(laid_out.len() > written.len() + 20);
    foreign.project.write(foreign.file, &laid_out);

    let set = |name: &str, value: &str| {
        foreign.unspoken(&["set", name]).stdin(value).run().ok().is_silent_on_values();
    };
    set("A", &canary("edited"));
    set("NEW", &canary("new"));
    let more = format!("FIRST={0}\nA={0}\n", canary("imported"));
    let import = ["import", "-", "--format", "dotenv", "--on-conflict", "overwrite"];
    foreign.unspoken(&import).stdin(more).run().ok().is_silent_on_values();

    let after = foreign.project.read(foreign.file);
    let kept = |text: &str| -> Vec<String> {
        let changes = ["\"A\"", "NEW", "FIRST", "    mac:", "    lastmodified:"];
        let lines = text.lines().filter(|line| !changes.iter().any(|c| line.starts_with(c)));
        lines.map(str::to_owned).collect()
    };
    assert!(kept(&after) == kept(&laid_out), "{after}");
    let at = |text: &str| after.find(text).unwrap_or_else(|| panic!("no `{text}`:\n{after}"));
    assert!(at("EMPTY:") < at("\nNEW: ") && at("\nNEW: ") < at("\nFIRST: "));
    assert!(at("\nFIRST: ") < at("# the end"));
    let found = foreign.sops();
    for (name, tag) in [("A", "imported"), ("FIRST", "imported"), ("NEW", "new")] {
        assert!(found[name] == canary(tag).as_str(), "{name}");
    }
    assert!(found["N"] == 7);
}

#[test]
fn yaml_that_is_not_read_is_refused_with_its_line_and_no_value() {
    let foreign = foreign("yaml");
    let written = foreign.project.read(foreign.file);
    let c = canary("not-read");
    for (head, words) in [
        (format!("X: &anchor {c}\n"), "line 1: not YAML that is read here: anchors"),
        (format!("X:\n  Y: !tag {c}\n"), "line 2: not YAML that is read here: tags"),
        (format!("X: {c}\nX: {c}\n"), "line 2: not YAML that is read here: a key stands twice"),
        (format!("X: {c}\n---\n"), "line 2: not YAML that is read here: a second document"),
        (format!("X: [{c}\n"), "not YAML that is read here: the text does not follow"),
    ] {
        foreign.project.write(foreign.file, format!("{head}{written}"));
        let output = foreign.unspoken(&["run", "--redact=never", "--", "touch", "started"]).run();
        output.fails_with(5).says(words).is_silent_on_values();
    }
    assert!(!foreign.project.root().join("started").exists());
}

#[test]
fn a_yaml_document_of_our_own_is_sealed_like_any_other() {
    let foreign = foreign("yaml");
    let file = "secrets/staging.yaml";
    let project = &foreign.project;
    project.unspoken(["env", "add", "staging", "--file", file]).run().ok();
    for name in ["NO", "B", "A"] {
        let set = project.unspoken(["set", name, "-e", "staging"]);
        set.stdin(canary("sealed")).run().ok().is_silent_on_values();
    }
    project.unspoken(["rm", "B", "-e", "staging", "--yes"]).run().ok();
    let text = project.read(file);
    assert!(text.starts_with("A: ENC[") && text.contains("\n\"NO\": ENC["), "{text}");
    let run = project.unspoken([
        "run",
        "--redact=never",
        "-e",
        "staging",
        "--",
        "sh",
        "-c",
        "printf %s \"$NO$A\"",
    ]);
    assert!(run.run().ok().stdout == canary("sealed").repeat(2).as_bytes());
    for changed in [
        text.replacen("A: ", "A:  ", 1),
        text.replacen("\nsops", "\n# comment\nsops", 1),
        text.replacen("\nsops", "\nNODE_OPTIONS: \"\"\nsops", 1),
        text.replace('\n', "\r\n"),
    ] {
        project.write(file, changed);
        project
            .unspoken(["run", "--redact=never", "-e", "staging", "--", "true"])
            .run()
            .fails_with(5);
    }
}

//! `import`: a plaintext file is taken over whole, or not at all.

use std::fs;
use std::path::Path;

use serde_json::json;
use unspoken_testkit::{Output, Project, canary};

fn project() -> Project {
    Project::with_environments(&["development", "production"])
}

#[track_caller]
fn import(project: &Project, arguments: &[&str]) -> Output {
    project.unspoken([&["import"], arguments].concat()).run().is_silent_on_values()
}

fn is_there(project: &Project, name: &str) -> bool {
    project.root().join(name).exists()
}

#[test]
fn awkward_values_arrive_as_npm_reads_them() {
    let project = project();
    let c = canary("awkward");
    project.write(
        ".env",
        format!(
            "# a comment\n\
             PLAIN={c}\n\
             export EXPORTED={c}\n\
             SINGLE='{c} # \"$X\" `'\n\
             DOUBLE=\"{c}\\n{c}\" # comment\n\
             PEM=\"-----BEGIN\n{c}\n-----END\"\n\
             SPACES='  {c}  '\n\
             UNICODE={c} ü 🔑\n\
             EMPTY=\n\
             EQUALS={c}==\n\
             TWICE=first\n\
             TWICE={c}\n"
        ),
    );

    let output = import(&project, &[".env"]).ok();

    assert!(output.stdout.is_empty());
    output.clone().says("line 2: PLAIN added").says("line 6: PEM added").says("10 added");
    for (name, value) in [
        ("PLAIN", c.clone()),
        ("EXPORTED", c.clone()),
        ("SINGLE", format!("{c} # \"$X\" `")),
        ("DOUBLE", format!("{c}\n{c}")),
        ("PEM", format!("-----BEGIN\n{c}\n-----END")),
        ("SPACES", format!("  {c}  ")),
        ("UNICODE", format!("{c} ü 🔑")),
        ("EMPTY", String::new()),
        ("EQUALS", format!("{c}==")),
        ("TWICE", c.clone()),
    ] {
        project.has("development", name, value);
    }
    assert!(!is_there(&project, ".env"), "the plaintext is still there");
    assert!(output.stderr.contains("git log --all"), "{output:?}");
}

#[test]
fn where_dialects_disagree_there_is_a_warning() {
    let project = project();
    let c = canary("dialect");
    project.write(".env", format!("A={c}#x\nB={c}${{HOME}}\nC=`{c}`\n"));
    let output = import(&project, &[".env"]).ok();
    for line in 1..=3 {
        assert!(output.stderr.contains(&format!("warning: line {line}: ")), "{line}: {output:?}");
    }
    project.has("development", "A", &c);
    project.has("development", "B", format!("{c}${{HOME}}"));
    project.has("development", "C", &c);
}

#[test]
fn json_is_taken_by_its_ending_or_by_the_flag() {
    let project = project();
    let c = canary("json");
    let text = json!({ "A": c, "B": 12.5, "C": true, "D": format!("{c}\n{c}") }).to_string();
    project.write("values.json", &text);
    import(&project, &["values.json", "-e", "production"]).ok().says("A added").says("4 added");
    project.has("production", "A", &c);
    project.has("production", "B", "12.5");
    project.has("production", "C", "true");
    project.has("production", "D", format!("{c}\n{c}"));

    let arguments = ["import", "-", "--format", "json"];
    let output = project.unspoken(arguments).stdin(&text).run().ok().is_silent_on_values();
    output.says("4 added");
    project.has("development", "D", format!("{c}\n{c}"));
}

#[test]
fn a_wrong_line_stops_everything_and_keeps_the_source() {
    let project = project();
    project.set("development", "A", canary("kept"));
    let c = canary("wrong");
    for (name, text, line) in [
        ("a.env", format!("A={c}\n1B={c}\n"), "line 2"),
        ("b.env", format!("A={c}\nlower={c}\n"), "line 2"),
        ("c.env", format!("A={c}\nB=\"{c}\n"), "line 2"),
        ("d.env", format!("A={c}\n\n{c}\n"), "line 3"),
        ("e.env", format!("A={c}\nSOPS_B={c}\n"), "line 2"),
        ("f.env", format!("A={c}\nB={c}\0\n"), "line 2"),
        ("g.json", format!("{{\"A\":\"{c}\",\"b\":\"{c}\"}}"), "`b`"),
        ("h.json", format!("{{\"A\":\"{c}\",\"B\":[\"{c}\"]}}"), "`B`"),
        ("i.json", format!("{{\"A\":\"{c}\",\n\"B\":\"{c}}}"), "line 2"),
        ("j.json", format!("[\"{c}\"]"), "object"),
        ("k.env", format!("A={c}\nB={}\n", "x".repeat(65_537)), "65536"),
    ] {
        project.write(name, text);
        let before = project.snapshot();
        let output = import(&project, &[name, "--on-conflict", "overwrite"]);
        assert_eq!(output.code, 1, "{name}: {output:?}");
        output.says(line);
        project.is_as(&before);
    }
    project.has("development", "A", canary("kept"));
}

#[test]
fn all_wrong_lines_are_told_at_once() {
    let project = project();
    project.write(".env", "1A=x\nB=ok\n2C=x\n");
    import(&project, &[".env"])
        .fails_with(1)
        .says("line 1")
        .says("line 3")
        .says("2 things are wrong");
}

#[test]
fn other_values_that_are_there_stop_it_unless_told_otherwise() {
    let prepare = || {
        let project = project();
        project.set("development", "A", canary("old"));
        project.set("development", "SAME", canary("same"));
        let (new, same) = (canary("new"), canary("same"));
        project.write(".env", format!("A={new}\nSAME={same}\nB={new}\n"));
        project
    };

    let project = prepare();
    let before = project.snapshot();
    let output = import(&project, &[".env"]).fails_with(10);
    output.says(": A").says("--on-conflict skip").says("overwrite");
    project.is_as(&before);

    let project = prepare();
    let output = import(&project, &[".env", "--on-conflict", "skip"]).ok();
    output.says("line 1: A skipped").says("line 2: SAME unchanged").says("line 3: B added");
    project.has("development", "A", canary("old"));
    project.has("development", "B", canary("new"));

    let project = prepare();
    let output = import(&project, &[".env", "--on-conflict", "overwrite"]).ok();
    output.says("line 1: A replaced").says("1 added, 1 replaced, 1 unchanged, 0 skipped");
    project.has("development", "A", canary("new"));
    import(&project, &["-", "--on-conflict", "sometimes"]).fails_with(2);
}

#[test]
fn a_source_whose_values_were_skipped_is_not_removed() {
    // Its skipped values are nowhere else.
    let project = project();
    project.set("development", "A", canary("old"));
    project.write(".env", format!("A={}\n", canary("only-here")));
    import(&project, &[".env", "--on-conflict", "skip"]).ok();
    assert!(is_there(&project, ".env"), "a value that was skipped is lost");
}

#[test]
fn keep_keeps_the_source_out_of_git() {
    let project = project();
    fs::create_dir(project.root().join("config")).unwrap();
    project.write("config/app.env", format!("A={}\n", canary("kept")));
    import(&project, &["config/app.env", "--keep"]).ok().says("plaintext");
    assert!(is_there(&project, "config/app.env"));
    project.git(["check-ignore", "--quiet", "config/app.env"]);
    project.has("development", "A", canary("kept"));
}

#[test]
fn the_source_is_removed_and_stays_ignored() {
    let project = project();
    project.write("prod.env", format!("A={}\n", canary("gone")));
    import(&project, &["prod.env"]).ok().says("removed prod.env");
    assert!(!is_there(&project, "prod.env"));
    project.write("prod.env", "");
    project.git(["check-ignore", "--quiet", "prod.env"]);
}

#[test]
fn what_output_leaves_out_is_said_once_when_something_is_new() {
    let project = project();
    let said = |arguments: &[&str]| {
        project.write("a.env", format!("A={}\nB={}\n", canary("a"), canary("b")));
        let output = import(&project, &[&["a.env"], arguments].concat()).ok();
        output.stderr.matches("can be named in `visible`").count()
    };
    assert_eq!(said(&[]), 1);
    assert_eq!(said(&[]), 0, "nothing was added");
    project.unspoken(["rm", "A", "--yes"]).run().ok();
    assert_eq!(said(&["--quiet"]), 0);
    project.unspoken(["rm", "A", "--yes"]).run().ok();
    assert_eq!(said(&["--json"]), 0);
}

#[test]
fn a_source_from_a_subfolder_and_from_outside_is_found() {
    let project = project();
    let inner = project.root().join("api");
    fs::create_dir(&inner).unwrap();
    project.write("api/.env", format!("A={}\n", canary("sub")));
    project.unspoken(["import", ".env"]).current_dir(&inner).run().ok();
    project.has("development", "A", canary("sub"));

    let outside = project.folder().join("outside.env");
    fs::write(&outside, format!("B={}\n", canary("outside"))).unwrap();
    let before = fs::read(project.root().join(".gitignore")).unwrap();
    import(&project, &[outside.to_str().unwrap()]).ok();
    assert!(!outside.exists());
    assert!(before == fs::read(project.root().join(".gitignore")).unwrap());
}

#[test]
fn what_cannot_be_read_is_told() {
    let project = project();
    let before = project.snapshot();
    import(&project, &["absent.env"]).says("absent.env");
    assert_ne!(import(&project, &["absent.env"]).code, 0);
    assert_ne!(import(&project, &["secrets"]).code, 0);
    project.is_as(&before);
    import(&project, &[]).fails_with(2);
}

#[test]
fn standard_input_is_a_source_that_stays_where_it_is() {
    let project = project();
    let stdin = format!("A={}\n", canary("stdin"));
    let output = project.unspoken(["import", "-"]).stdin(stdin).run().ok();
    output.is_silent_on_values().says("line 1: A added");
    project.has("development", "A", canary("stdin"));
    assert!(!is_there(&project, "-"));
}

#[test]
fn ten_thousand_values_fit_and_one_more_does_not() {
    let project = project();
    let lines = |range: std::ops::Range<u32>| -> String {
        range.map(|n| format!("N{n}={}\n", canary("many"))).collect()
    };
    let before = project.snapshot();
    let json: serde_json::Map<String, serde_json::Value> =
        (0..10_001).map(|n| (format!("N{n}"), canary("many").into())).collect();
    let json = serde_json::Value::Object(json).to_string();
    for (format, text) in [("dotenv", lines(0..10_001)), ("json", json)] {
        let call = project.unspoken(["import", "-", "--format", format]).stdin(text);
        call.run().fails_with(1).is_silent_on_values().says("10000");
    }
    project.is_as(&before);

    project.unspoken(["-q", "import", "-"]).stdin(lines(0..10_000)).run().ok().says_nothing();
    project.unspoken(["set", "ONE_MORE"]).stdin(canary("more")).run().fails_with(1).says("10000");
    project.has("development", "N9999", canary("many"));
}

#[test]
fn json_output_names_lines_and_outcomes() {
    let project = project();
    project.write(".env", format!("A={}\nB=x#y\n", canary("out")));
    let output = import(&project, &[".env", "--json"]).ok();
    let said = output.json();
    assert_eq!(said["environment"], "development");
    assert_eq!(said["removed"], true);
    assert_eq!(said["entries"][0], json!({ "name": "A", "line": 1, "outcome": "added" }));
    assert_eq!(said["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn a_document_that_cannot_be_opened_keeps_the_source() {
    let project = project();
    project.write(".env", format!("A={}\n", canary("nokey")));
    fs::remove_dir_all(project.unspoken_home()).unwrap();
    import(&project, &[".env"]).fails_with(4);
    assert!(Path::new(&project.root().join(".env")).exists());
}

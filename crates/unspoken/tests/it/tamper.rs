//! Documents that somebody changed: never a wrong value, never a started
//! command, always exit code 5.

use unspoken_testkit::{Output, Project, canary};

/// A way to change a document's text.
struct Tampering {
    what: &'static str,
    change: Box<dyn Fn(&str) -> String>,
}

fn tampering(what: &'static str, change: impl Fn(&str) -> String + 'static) -> Tampering {
    Tampering { what, change: Box::new(change) }
}

/// The line that holds a text, without its end.
#[track_caller]
fn line<'t>(text: &'t str, part: &str) -> &'t str {
    text.lines().find(|line| line.contains(part)).unwrap()
}

fn replaced(what: &'static str, from: &'static str, to: &'static str) -> Tampering {
    tampering(what, move |text| text.replacen(from, to, 1))
}

/// Puts another character in the place of the one that follows `after`.
fn flipped(what: &'static str, name: &'static str, after: &'static str) -> Tampering {
    tampering(what, move |text| {
        let old = line(text, name);
        let at = old.find(after).unwrap() + after.len();
        let mut new = old.to_owned().into_bytes();
        new[at] = if new[at] == b'A' { b'B' } else { b'A' };
        text.replacen(old, &String::from_utf8(new).unwrap(), 1)
    })
}

fn without(what: &'static str, part: &'static str) -> Tampering {
    tampering(what, move |text| text.replacen(&format!("{}\n", line(text, part)), "", 1))
}

/// Replaces what stands between a line's quotes after the colon.
fn valued(what: &'static str, name: &'static str, to: &'static str) -> Tampering {
    tampering(what, move |text| {
        let old = line(text, name);
        let (before, rest) = old.split_once(": \"").unwrap();
        let (_, end) = rest.rsplit_once('"').unwrap();
        text.replacen(old, &format!("{before}: \"{to}\"{end}"), 1)
    })
}

fn swapped(what: &'static str, change: fn(&str, &str) -> (String, String)) -> Tampering {
    tampering(what, move |text| {
        let (a, b) = (line(text, "\"A\": "), line(text, "\"B\": "));
        let (new_a, new_b) = change(a, b);
        text.replacen(&format!("{a}\n{b}"), &format!("{new_a}\n{new_b}"), 1)
    })
}

fn twice(what: &'static str, part: &'static str) -> Tampering {
    tampering(what, move |text| {
        let line = line(text, part);
        text.replacen(line, &format!("{line}\n{line}"), 1)
    })
}

fn values() -> Vec<Tampering> {
    vec![
        flipped("a byte of a value's data", "\"A\": ", "data:"),
        flipped("a byte of a value's iv", "\"A\": ", "iv:"),
        flipped("a byte of a value's tag", "\"A\": ", "tag:"),
        flipped("a byte of the MAC", "\"mac\": ", "data:"),
        flipped("a byte of the wrapped key", "\"enc\": ", "FILE-----\\nYWdlLWVuY3J5"),
        replaced("a name", "\"A\": ", "\"AA\": "),
        swapped("two values", |a, b| (b.replace("\"B\"", "\"A\""), a.replace("\"A\"", "\"B\""))),
        swapped("the order of two names", |a, b| (b.to_owned(), a.to_owned())),
        without("a value that is missing", "\"B\": "),
        valued("a value that is blank", "\"A\": ", ""),
        valued("a value in the clear", "\"A\": ", "clear"),
        replaced("a blank before a value", "\"A\": \"ENC", "\"A\": \" ENC"),
        replaced("a text behind a value", "type:str]\",\n\t\"B\"", "type:str]x\",\n\t\"B\""),
        replaced("a type", "type:str]\",\n\t\"B\"", "type:int]\",\n\t\"B\""),
        replaced("a type that hides", "type:str]\",\n\t\"B\"", "type:comment]\",\n\t\"B\""),
        replaced("a number for a value", "\"EMPTY\": \"\"", "\"EMPTY\": 1"),
        replaced("an empty variable", "\"EMPTY\"", "\"NODE_OPTIONS\": \"\",\n\t\"EMPTY\""),
        replaced("an empty name", "\"EMPTY\": \"\"", "\"HTTPS_PROXY\": \"\""),
        without("an empty value that is missing", "\"EMPTY\": "),
        replaced(
            "a value without encryption",
            "\"EMPTY\"",
            "\"X_unencrypted\": \"x\",\n\t\"EMPTY\"",
        ),
        twice("a name twice", "\"A\": "),
    ]
}

fn metadata() -> Vec<Tampering> {
    vec![
        valued("the time", "\"lastmodified\": ", "2020-01-01T00:00:00Z"),
        valued(
            "the same time in another spelling",
            "\"lastmodified\": ",
            "2020-01-01T00:00:00+00:00",
        ),
        without("no time", "\"lastmodified\": "),
        valued("an empty MAC", "\"mac\": ", ""),
        without("no MAC", "\"mac\": "),
        tampering("no recipients", |text| {
            let (before, rest) = text.split_once("\"age\": [").unwrap();
            format!(
                "{before}\"age\": [{}",
                rest.split_once("\n\t\t]").unwrap().1.replacen('\0', "", 1)
            )
            .replacen("\"age\": [", "\"age\": []", 1)
        }),
        valued("a recipient's label", "\"recipient\": ", "age1attacker"),
        valued("the sops version", "\"version\": \"", "3.7.1"),
        replaced(
            "a second rule",
            "\"unencrypted_suffix\"",
            "\"unencrypted_regex\": \"A\",\n\t\t\"unencrypted_suffix\"",
        ),
        valued("another rule", "\"unencrypted_suffix\": ", "A"),
        without("no rule", "\"unencrypted_suffix\": "),
        replaced("a field of nobody", "\"mac\"", "\"foo\": \"x\",\n\t\t\"mac\""),
        twice("the time twice", "\"lastmodified\": "),
        twice("the MAC twice", "\"mac\": "),
        twice("a wrapped key twice", "\"enc\": "),
        tampering("a second list of recipients", |text| {
            text.replacen("\"sops\": {\n", "\"sops\": {\n\t\t\"age\": [],\n", 1)
        }),
    ]
}

fn block() -> Vec<Tampering> {
    vec![
        replaced(
            "the environment",
            "\"environment\": \"development\"",
            "\"environment\": \"production\"",
        ),
        replaced("the project", "\"project\": \"acme-web\"", "\"project\": \"other\""),
        tampering("the revision", |text| {
            let line = line(text, "\"revision\": ");
            text.replacen(line, "\t\t\t\"revision\": 1000,", 1)
        }),
        replaced("an expiry that is later", "2031-01-31", "2099-01-31"),
        without("an expiry that is missing", "2031-01-31"),
        valued("a key id", "\"key_id\": ", "0123456789abcdef"),
        valued("an empty seal", "\"seal\": ", ""),
        flipped("a byte of the seal", "\"seal\": ", "\"seal\": \""),
        valued(
            "another seal key",
            "\"seal_key\": ",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ),
        without("no seal", "\"seal\": "),
        twice("the project twice", "\"project\": "),
        replaced("a newer version", "\"version\": 1", "\"version\": 2"),
        replaced(
            "a field of the block of nobody",
            "\"project\"",
            "\"padding\": 1,\n\t\t\t\"project\"",
        ),
        tampering("no block", |text| {
            let (before, rest) = text.split_once("\t\t\"unspoken\": {").unwrap();
            format!("{before}{}", rest.split_once("\n\t\t},\n").unwrap().1)
        }),
        tampering("no metadata", |text| {
            format!("{}\n}}\n", text.split_once(",\n\t\"sops\"").unwrap().0)
        }),
    ]
}

fn bytes() -> Vec<Tampering> {
    vec![
        tampering("CR LF", |text| text.replace('\n', "\r\n")),
        tampering("a byte order mark", |text| format!("\u{feff}{text}")),
        tampering("a blank line at the end", |text| format!("{text}\n")),
        tampering("no newline at the end", |text| text.trim_end().to_owned()),
        tampering("spaces for tabs", |text| text.replace('\t', "  ")),
        tampering("half of it", |text| text.get(..text.len() / 2).unwrap().to_owned()),
        tampering("nothing", |_| String::new()),
        tampering("an empty object", |_| "{}\n".to_owned()),
        tampering("no object", |_| "[]\n".to_owned()),
        tampering("a conflict of git", |text| {
            format!("<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> b\n")
        }),
    ]
}

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    for name in ["A", "B"] {
        project.set("development", name, canary(name));
    }
    project.set("development", "EMPTY", "");
    let expires = ["set", "A", "--expires", "2031-01-31"];
    project.unspoken(expires).stdin(canary("A")).run().ok();
    project
}

/// What is wrong with the way in which a command refused, if anything is.
fn wrong(output: &Output) -> Option<String> {
    let marker = unspoken_testkit::canary_marker();
    if output.code != 5 {
        return Some(format!("exit code {}", output.code));
    }
    if !output.stdout.is_empty() || output.stderr.contains(&marker) {
        return Some("something was printed".to_owned());
    }
    (!output.stderr.contains("hint: ")).then(|| "no hint".to_owned())
}

/// Tampers in every given way, and demands that each command refuses. All that
/// do not are told at once.
#[track_caller]
fn all_are_refused(project: &Project, document: &str, all: Vec<Tampering>, commands: &[&[&str]]) {
    let whole = project.read(document);
    let mut wrongs = Vec::new();
    for Tampering { what, change } in all {
        let changed = change(&whole);
        assert!(changed != whole, "{what}: nothing was changed");
        project.write(document, &changed);
        for command in commands {
            let call = project.unspoken(*command).env("UNSPOKEN_ENV", "development");
            if let Some(wrong) = wrong(&call.stdin(canary("new")).run()) {
                wrongs.push(format!("{what}: `{}`: {wrong}", command[0]));
            }
        }
        if project.read(document) != changed {
            wrongs.push(format!("{what}: the document was written"));
        }
        if std::fs::remove_file(project.root().join("started")).is_ok() {
            wrongs.push(format!("{what}: the command was started"));
        }
    }
    assert!(wrongs.is_empty(), "not refused as it should be:\n{}", wrongs.join("\n"));
    project.write(document, &whole);
}

const WITH_A_KEY: &[&[&str]] =
    &[&["run", "--", "touch", "started"], &["get", "B"], &["export", "-f", "json"], &["set", "C"]];

const WITHOUT: &[&[&str]] = &[&["list"], &["why", "A"]];

#[test]
fn changed_values_are_refused() {
    all_are_refused(&project(), "secrets/development.json", values(), WITH_A_KEY);
}

#[test]
fn changed_metadata_is_refused() {
    all_are_refused(&project(), "secrets/development.json", metadata(), WITH_A_KEY);
}

#[test]
fn a_changed_block_is_refused() {
    all_are_refused(&project(), "secrets/development.json", block(), WITH_A_KEY);
}

#[test]
fn changed_bytes_are_refused() {
    all_are_refused(&project(), "secrets/development.json", bytes(), WITH_A_KEY);
}

#[test]
fn list_needs_no_key_to_refuse_a_document() {
    let project = project();
    std::fs::remove_dir_all(project.unspoken_home()).unwrap();
    let all = values().into_iter().chain(metadata()).chain(block()).chain(bytes());
    all_are_refused(&project, "secrets/development.json", all.collect(), WITHOUT);
}

#[test]
fn a_changed_document_in_sops_dotenv_form_is_refused() {
    let project = Project::with_environments(&["main"]);
    let file = "secrets/development.env.enc";
    project.unspoken(["env", "add", "development", "--file", file]).run().ok();
    for name in ["A", "B"] {
        project.set("development", name, canary(name));
    }
    project.set("development", "EMPTY", "");
    let all = vec![
        tampering("a byte of a value", |text| {
            text.replacen("A=ENC[AES256_GCM,data:", "A=ENC[AES256_GCM,data:AAAA", 1)
        }),
        tampering("CR LF", |text| text.replace('\n', "\r\n")),
        tampering("an empty variable", |text| format!("NODE_OPTIONS=\n{text}")),
        tampering("a comment", |text| format!("# hello\n{text}")),
        tampering("a metadata line", |text| format!("{text}sops_foo=x\n")),
        tampering("no newline at the end", |text| text.trim_end().to_owned()),
        without("an empty value", "EMPTY="),
        without("a line of the block", "sops_unspoken__map_seal="),
        tampering("another environment", |text| {
            text.replace("environment=development", "environment=main")
        }),
        tampering("a plaintext line", |text| text.replacen("EMPTY=", "EMPTY=x", 1)),
        tampering("a line without a name", |text| format!("x\n{text}")),
    ];
    all_are_refused(&project, file, all, &[WITH_A_KEY, WITHOUT].concat());
    project.has("development", "B", canary("B"));
}

#[test]
fn any_single_byte_that_is_changed_is_noticed() {
    let project = project();
    let document = "secrets/development.json";
    let whole = project.read(document).into_bytes();
    // The seal's own tests flip every byte; here a sample goes the whole way.
    for at in (0..whole.len()).step_by(whole.len() / 64) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        project.write(document, &changed);
        let output = project.unspoken(["run", "--", "touch", "started"]).run();
        assert!(output.code == 5, "byte {at}: {output:?}");
        output.is_silent_on_values();
    }
    assert!(!project.root().join("started").exists());
}

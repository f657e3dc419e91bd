//! `edit`: values in an editor, and nothing of them on a disk.

use std::fs;

use unspoken_testkit::{Invocation, Project, canary, canary_marker, unspoken_binary};

use crate::disk::{bind, is_root};
use crate::terminal::at_a_terminal;

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("old"));
    project.set("development", "B", canary("other"));
    project
}

/// A shell script as an editor; the text's file is `$1`. It is read, not
/// executed: a file that was just written may still be busy.
#[track_caller]
fn script(project: &Project, script: &str) -> String {
    let path = project.folder().join("editor");
    fs::write(&path, script).unwrap();
    format!("sh {}", path.display())
}

#[track_caller]
fn edit(project: &Project, text: &str, arguments: &[&str]) -> Invocation {
    let call = project.unspoken(["edit"].iter().chain(arguments));
    call.env("EDITOR", script(project, text)).env("UNSPOKEN", unspoken_binary())
}

/// Replaces text in the file, in place.
fn substitute(expression: &str) -> String {
    format!(r#"text=$(sed "{expression}" "$1") && printf '%s\n' "$text" > "$1""#)
}

#[test]
fn a_text_that_was_not_changed_touches_nothing() {
    let project = project();
    edit(&project, "true", &[]).run().ok();
    let before = project.snapshot();
    let respelt = substitute("s/^A=\\(.*\\)/A='\\1'/; s/^#.*//");
    for script in ["true", r#"touch "$1""#, &respelt] {
        let output = edit(&project, script, &[]).run().ok().is_silent_on_values();
        output.says("is not known here").says("nothing was changed");
    }
    let changed = before.changes(&project.snapshot());
    assert_eq!(changed, ["editor"]);
}

#[test]
fn what_was_changed_added_and_removed_is_told_by_name() {
    let project = project();
    project.set("development", "C", canary("third"));
    let script = substitute("s/^A=.*/A=new/; /^B=/d; \\$a D='two\\nlines'");
    let output = edit(&project, &script, &[]).run().fails_with(10).says("remove B");
    output.says("--yes").is_silent_on_values();
    project.has("development", "A", canary("old"));

    let output = edit(&project, &script, &["--yes", "--json"]).run().ok().is_silent_on_values();
    let report = output.json();
    assert_eq!(report["added"][0], "D");
    assert_eq!(report["replaced"][0], "A");
    assert_eq!(report["removed"][0], "B");
    assert_eq!(report["revision"], 5);
    project.has("development", "A", "new");
    project.has("development", "C", canary("third"));
    project.has("development", "D", "two\nlines");
    project.get("development", "B").fails_with(3);
}

#[test]
fn every_value_survives_and_what_the_text_cannot_carry_is_kept() {
    let project = project();
    let values = [
        ("LINES", "-----BEGIN\n#x\n\nZ=1\n  -----END\n"),
        ("QUOTES", "it's a # and a =\n"),
        ("BLANK", "  x\t "),
        ("EMPTY", ""),
        ("DOLLAR", "$HOME `id` \"q\""),
        ("UNICODE", "ü\u{2028}€\u{feff}"),
        // The dialect has no spelling for these.
        ("RETURN", "a\r\nb"),
        ("BOTH", "'\"$"),
        ("UID", "5"),
    ];
    for (name, value) in values {
        // `set` takes one line end away.
        project.set("development", name, format!("{value}\n"));
    }
    let script = format!(r#"cp "$1" "$TMPDIR/seen"; {}"#, substitute("s/^A=.*/A=new/"));
    edit(&project, &script, &[]).run().ok().is_silent_on_values().says("replaced A");
    for (name, value) in values {
        project.has("development", name, value);
    }
    project.has("development", "A", "new");
    let seen = fs::read_to_string(project.tmp().join("seen")).unwrap();
    for name in ["RETURN", "BOTH", "UID"] {
        assert!(seen.contains(&format!("# Not shown, and kept as it is: {name}: ")));
        assert!(!seen.contains(&format!("\n{name}=")));
    }
    assert!(seen.contains("# The secrets of acme-web/development"));
}

#[test]
fn a_wrong_line_opens_the_editor_again_with_the_error_above_it() {
    let project = project();
    let script = r#"
        round=$(cat "$TMPDIR/round" 2> /dev/null || echo 1)
        echo $((round + 1)) > "$TMPDIR/round"
        case $round in
            1) printf 'JUNK\nC="open\nD=1\nD=2\n' >> "$1" ;;
            2) grep '^# ERROR' "$1" > "$TMPDIR/second"
               text=$(sed 's/^JUNK//; s/^C=.*/C=right/' "$1"); printf '%s\n' "$text" > "$1" ;;
            3) grep '^# ERROR' "$1" > "$TMPDIR/third"
               text=$(sed '/^D=1/d' "$1"); printf '%s\n' "$text" > "$1" ;;
        esac"#;
    let output = edit(&project, script, &[]).run().ok().is_silent_on_values();
    output.says("2 lines are wrong; the editor opens again").says("1 line is wrong");
    let read = |name: &str| fs::read_to_string(project.tmp().join(name)).unwrap();
    let second = read("second");
    assert!(second.contains("this is no assignment"), "{second}");
    assert!(second.contains("`C`: the quote \" is not closed"), "{second}");
    assert!(read("third").contains("`D` stands in line"), "{}", read("third"));
    assert_eq!(read("round"), "4\n");
    project.has("development", "C", "right");
    project.has("development", "D", "2");
    project.has("development", "A", canary("old"));
    let values = project.unspoken(["export", "--format", "json"]).run().ok();
    assert!(!values.text().contains("ERROR"));
}

#[test]
fn who_gives_up_has_changed_nothing() {
    let project = project();
    edit(&project, "true", &[]).run().ok();
    let before = project.snapshot();
    let wrong_once = r#"
        grep -q '^# ERROR' "$1" || echo JUNK >> "$1""#;
    for (script, code, words) in [
        (r#"echo "C=1" >> "$1"; exit 3"#, 1, "exit code 3"),
        (r#"echo "C=1" >> "$1"; kill -9 $$"#, 1, "signal 9"),
        (r#": > "$1""#, 10, "emptied"),
        (r#"echo " " > "$1""#, 10, "emptied"),
        (wrong_once, 10, "closed with wrong lines"),
        // Writes the same text again and again, as no person does.
        (r#"echo JUNK > "$1""#, 10, "closed with wrong lines"),
        (r#"echo JUNK >> "$1""#, 10, "still wrong"),
    ] {
        let output = edit(&project, script, &["--yes"]).run().fails_with(code);
        output.is_silent_on_values().says(words);
        let changed = before.changes(&project.snapshot());
        assert_eq!(changed, ["editor"], "{words}");
    }
}

#[test]
fn what_others_change_meanwhile_is_kept_and_never_overwritten() {
    let project = project();
    let set = |name: &str| format!(r#"printf theirs | "$UNSPOKEN" set {name} || exit 9"#);
    let ours = substitute("s/^A=.*/A=ours/");
    let with_home = |call: Invocation| call.env("UNSPOKEN_HOME", project.unspoken_home());

    // The editor gets no variable of ours, so the key folder is named anew.
    let home = format!("export UNSPOKEN_HOME='{}'", project.unspoken_home().display());
    let script = format!("{home}; {}; {ours}", set("B"));
    with_home(edit(&project, &script, &[])).run().ok().says("replaced A");
    project.has("development", "A", "ours");
    project.has("development", "B", "theirs");

    let before = fs::read(project.document("development")).unwrap();
    let again = substitute("s/^A=.*/A=mine/; s/^B=.*/B=mine/");
    let script = format!("{home}; {}; {again}", set("A"));
    let output = with_home(edit(&project, &script, &[])).run().fails_with(10);
    output.says("while the editor was open: A").is_silent_on_values();
    project.has("development", "A", "theirs");
    project.has("development", "B", "theirs");
    assert!(fs::read(project.document("development")).unwrap() != before);
}

#[test]
fn no_file_holds_a_value_while_the_editor_runs_or_later() {
    let project = project();
    let script = format!(
        r#"value=$(sed -n 's/^A=//p' "$1")
        [ -n "$value" ] || exit 3
        ! grep -rqF -e "$value" '{}' /dev/shm || exit 4
        {}"#,
        project.folder().display(),
        substitute("s/^A=/C=/")
    );
    edit(&project, &script, &["--yes"]).run().ok();
    project.has("development", "C", canary("old"));
    assert_no_value(&project);
}

#[track_caller]
fn assert_no_value(project: &Project) {
    let marker = canary_marker();
    let found = project.program("grep", ["-rlF", "-e", &marker]).run();
    let found = (found.code, project.program("grep", ["-rlF", &marker, "../home", "../tmp"]).run());
    assert!(found.0 == 1 && found.1.code == 1, "a file holds a value");
}

#[test]
fn an_editor_that_cannot_be_used_is_refused_before_a_value_is_opened() {
    let project = project();
    let before = project.snapshot();
    for (editor, code, words) in [
        ("code --wait", 10, "hands files to another process"),
        ("/usr/local/bin/subl -w", 10, "another process"),
        ("emacsclient -t", 10, "another process"),
        ("micro", 10, "copy of what it saves"),
        ("hx", 10, "has no place"),
        ("no-such-editor", 1, "there is no editor `no-such-editor`"),
        ("vim 'x", 2, "a quote in it is not closed"),
    ] {
        let output = project.unspoken(["edit"]).env("EDITOR", editor).run().fails_with(code);
        output.says(words).says("EDITOR=vim");
        // `VISUAL` goes first.
        let call = project.unspoken(["edit"]).env("EDITOR", "true").env("VISUAL", editor);
        call.run().fails_with(code);
    }
    project.unspoken(["edit"]).run().fails_with(2).says("no editor is set");
    project.is_as(&before);
}

/// As a user whom modes bind, which they do not bind root.
#[test]
fn nobody_reaches_the_text_through_our_own_process() {
    let project = project();
    let text = "[ -s \"$1\" ] || exit 3\nls /proc/$PPID/fd/ && exit 4\n\
                cat /proc/$PPID/environ > /dev/null && exit 5\nexit 0\n";
    let editor = script(&project, text);
    let project = bind(project);
    let call = if is_root() {
        let binary = project.folder().join("unspoken");
        let flags = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
        project.program("setpriv", flags.iter().chain(&[binary.to_str().unwrap(), "edit"]))
    } else {
        project.unspoken(["edit"])
    };
    let output = call.env("EDITOR", editor).run().ok();
    output.says("nothing was changed").says("Permission denied");
}

/// What an editor would leave if its user's configuration had its way.
fn careless(project: &Project) {
    let home = project.home();
    for folder in ["backup", "undo", "swap", ".local/share/nano"] {
        fs::create_dir_all(home.join(folder)).unwrap();
    }
    let vim = "set backup writebackup backupdir=~/backup undofile undodir=~/undo swapfile \
               directory=~/swap patchmode=.orig viminfo='100,n~/viminfo updatecount=1\n";
    fs::write(home.join(".vimrc"), vim).unwrap();
    let nano = format!(
        "set backup\nset backupdir \"{}\"\nset historylog\nset positionlog\nset locking\n",
        home.join("backup").display()
    );
    fs::write(home.join(".nanorc"), nano).unwrap();
}

#[test]
fn vim_writes_the_file_in_memory_and_no_other() {
    let project = project();
    careless(&project);
    let before = project.snapshot();
    let log = project.folder().join("trace");
    let binary = unspoken_binary();
    let traced = ["-f", "-qq", "-e", "trace=openat,open,creat,rename,link", "-o"];
    let command = [log.to_str().unwrap(), binary.to_str().unwrap(), "edit"];
    let call = project.program("strace", traced.iter().chain(&command));
    let editor = "vim -es -c '%s/^A=.*/A=new/' -c 'wq'";
    call.env("EDITOR", editor).run().ok().is_silent_on_values().says("replaced A");
    project.has("development", "A", "new");

    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(&log).unwrap();
    let writes = |line: &&str| {
        !line.contains(" = -1 ")
            && ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|f| line.contains(f))
    };
    let written: Vec<&str> = text.lines().filter(writes).collect();
    let own = |line: &&&str| {
        let path = line.split('"').nth(1).unwrap_or_default();
        let in_memory = path.starts_with("/proc/") && path.contains("/fd/");
        !in_memory && !path.starts_with("/dev/") && !path.contains("development.json")
    };
    let others: Vec<&&str> = written.iter().filter(own).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(written.iter().any(|line| line.contains("/fd/")), "nothing was edited: {written:?}");
    let changed = before.changes(&project.snapshot());
    assert_eq!(changed, ["acme-web/secrets/development.json"]);
}

#[test]
fn a_person_edits_with_vim() {
    let project = project();
    careless(&project);
    let before = project.snapshot();
    for editor in ["vim", "vi"] {
        let session = at_a_terminal(&project, &["edit"]).env("EDITOR", editor);
        let session = session.expect("A=").send(":%s/^A=.*/A=typed/\r").expect("A=typed");
        session.send(":wq\r").expect("development:").end().exits_with(0);
        project.has("development", "A", "typed");
        assert_eq!(before.changes(&project.snapshot()), ["acme-web/secrets/development.json"]);

        let session = at_a_terminal(&project, &["edit"]).env("EDITOR", editor);
        let session = session.expect("A=").send(":%s/^A=.*/A=again/\r").expect("A=again");
        session.send(":w|cq\r").end().exits_with(1).says("ended with exit code 1");
        project.has("development", "A", "typed");
        project.set("development", "A", canary("old"));
    }
}

#[test]
fn a_person_edits_with_nano() {
    let project = project();
    careless(&project);
    let before = project.snapshot();
    // Root's history is not below `HOME`, unless this says so.
    let share = leaked(project.home().join(".local/share").display().to_string());
    let session = at_a_terminal(&project, &["edit"]).env("EDITOR", "nano");
    let session = session.env("XDG_DATA_HOME", share);
    let session = session.expect("A=").send("\x1b/").send("TYPED='by hand'\r");
    // What was searched for would be kept.
    let session =
        session.send("\x17other\r").send("\x0f").expect("Name to Write").send("\r").expect("Wrote");
    session.send("\x18").expect("added TYPED").end().exits_with(0);
    project.has("development", "TYPED", "by hand");
    project.has("development", "A", canary("old"));
    assert_eq!(before.changes(&project.snapshot()), ["acme-web/secrets/development.json"]);
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[test]
fn an_interrupt_is_the_editors_while_it_runs_and_ours_afterwards() {
    let project = project();
    let text =
        "trap 'echo caught' INT\necho ready\nuntil read x; do :; done\necho 'C=1' > \"$1\"\n";
    let editor = leaked(script(&project, text));
    let before = project.snapshot();
    let session = at_a_terminal(&project, &["edit"]).env("EDITOR", editor).expect("ready");
    let session = session.send("\x03").expect("caught").send("\r").expect("remove A, B");
    session.send("\x03").end().exits_with(130);
    project.is_as(&before);
}

#[test]
fn the_editors_output_does_not_get_into_the_data() {
    let project = project();
    let script = format!("echo on the screen; {}", substitute("s/^A=.*/A=new/"));
    let output = edit(&project, &script, &["--json"]).run().ok();
    assert_eq!(output.json()["replaced"][0], "A");
    output.says("on the screen");
}

use super::*;

/// An editor that runs a shell script, with the file as `$1`.
fn script(script: &str) -> Editor {
    let text = format!("sh -c {} sh", shlex::try_quote(script).unwrap());
    Editor::choose(&text, &path()).unwrap()
}

fn path() -> OsString {
    std::env::var_os("PATH").unwrap()
}

fn edit(editor: &Editor, text: &str) -> Result<String, EditorError> {
    let edited = editor.edit(text.as_bytes(), None, std::env::vars_os())?;
    Ok(String::from_utf8(edited.to_vec()).unwrap())
}

#[test]
fn what_the_editor_leaves_in_the_file_comes_back() {
    assert_eq!(edit(&script("true"), "A=1\n").unwrap(), "A=1\n");
    let longer = script(r#"for i in 1 2 3; do echo "B=$i" >> "$1"; done"#);
    assert_eq!(edit(&longer, "A=1\n").unwrap(), "A=1\nB=1\nB=2\nB=3\n");
    assert_eq!(edit(&script(r#"printf x > "$1""#), "A=1\n").unwrap(), "x");
    assert_eq!(edit(&script(r#": > "$1""#), "A=1\n").unwrap(), "");
}

#[test]
fn no_folder_lists_the_file_and_nothing_can_be_made_beside_it() {
    let looks = script(
        r#"set -e
        case "$(readlink "$1")" in "/memfd:"*" (deleted)") ;; *) exit 3;; esac
        ! touch "$(readlink "$1")" 2> /dev/null || exit 4
        ! touch "$1~" 2> /dev/null || exit 5
        ! mv "$1" "$1.bak" 2> /dev/null || exit 6
        [ "$(stat -Lc %h "$1")" = 0 ] || exit 7"#,
    );
    assert_eq!(edit(&looks, "A=1\n").unwrap(), "A=1\n");
}

#[test]
fn the_editor_gets_no_variable_of_ours() {
    let editor = script(r#"env | cut -d= -f1 > "$1""#);
    let variables = [("PATH", "/usr/bin:/bin"), ("UNSPOKEN_HOME", "/x"), ("SOPS_AGE_KEY", "k")];
    let variables = variables.map(|(name, value)| (name.into(), value.into()));
    let names = editor.edit(b"", None, variables).unwrap();
    let names = String::from_utf8(names.to_vec()).unwrap();
    assert!(names.contains("PATH"), "{names}");
    assert!(!names.contains("UNSPOKEN") && !names.contains("SOPS"), "{names}");
}

#[test]
fn an_editor_that_fails_gives_no_text() {
    let error = edit(&script(r#"echo B=2 > "$1"; exit 7"#), "A=1\n").unwrap_err();
    assert_eq!(error.to_string(), "the editor `sh` ended with exit code 7");
    let error = edit(&script("kill -9 $$"), "A=1\n").unwrap_err();
    assert_eq!(error.to_string(), "the editor `sh` ended with signal 9");
    let absent = Editor::choose("no-such-editor -x", &path()).unwrap();
    assert!(matches!(edit(&absent, ""), Err(EditorError::NotFound { .. })));
    assert!(!absent.is_known());
}

#[test]
fn a_text_that_is_too_large_is_not_read() {
    let large = script(r#"truncate -s 65M "$1""#);
    let error = edit(&large, "").unwrap_err();
    assert!(matches!(error, EditorError::TooLarge { limit: LIMIT, .. }), "{error}");
}

#[test]
fn the_words_of_a_command_are_split_without_a_shell() {
    for text in ["", "  ", "vim 'a", "\"\""] {
        let error = Editor::choose(text, &path()).unwrap_err();
        assert!(matches!(error, EditorError::Words { .. }), "{text:?}");
    }
    let editor = Editor::choose("/x/y/my\\ editor 'a b' $(c);d", &path()).unwrap();
    assert_eq!(editor.name(), "my editor");
    assert_eq!(editor.arguments, ["a b", "$(c);d"]);
    let error = Editor::choose("code --wait", &path()).unwrap_err();
    assert!(matches!(error, EditorError::Refused { reason: Refusal::OtherProcess, .. }));
}

/// The copy that a process of the editor's still holds is overwritten.
#[test]
fn the_text_is_wiped_when_the_editor_has_ended() {
    let file = MemoryFile::create(&vec![b'x'; 100_000]).unwrap();
    let other = std::fs::File::open(file.path()).unwrap();
    drop(file);
    assert_eq!(other.metadata().unwrap().len(), 0);
}

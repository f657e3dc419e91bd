//! Paths as git's pattern files spell them: each pattern means one path.
//!
//! Rules:
//! - A pattern starts with `/`, which anchors it at the file's folder and takes
//!   their meaning from a leading `!` and `#`.
//! - What a line cannot say, a line end or a byte that is no UTF-8, becomes `?`:
//!   better too much is ignored than a secret committed.
//! - A `..` in the path is the caller's to resolve.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

/// The line of a `.gitignore` that means this path below its folder.
pub fn ignore_pattern(below: impl AsRef<Path>) -> String {
    let mut pattern = pattern(below.as_ref());
    // Git takes blanks off the end of a line.
    let end = pattern.trim_end_matches(' ').len();
    let blanks = pattern.split_off(end).len();
    pattern.push_str(&"\\ ".repeat(blanks));
    pattern
}

/// The first word of a line of a `.gitattributes` that means this path.
pub fn attribute_pattern(below: impl AsRef<Path>) -> String {
    let pattern = pattern(below.as_ref());
    if !pattern.contains([' ', '\t']) {
        return pattern;
    }
    // Here a blank ends the pattern, unless it is quoted as in C.
    format!("\"{}\"", pattern.replace('\\', r"\\").replace('"', "\\\""))
}

fn pattern(below: &Path) -> String {
    let mut pattern = String::new();
    for component in below.components() {
        let Component::Normal(name) = component else { continue };
        pattern.push('/');
        for chunk in name.as_bytes().utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\n' | '\r' => pattern.push('?'),
                    '\\' | '*' | '?' | '[' | ']' => pattern.extend(['\\', c]),
                    c => pattern.push(c),
                }
            }
            pattern.extend(chunk.invalid().iter().map(|_| '?'));
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    /// A repository to ask the real git in.
    struct Repository(tempfile::TempDir);

    impl Repository {
        fn new() -> Self {
            let repository = Self(tempfile::tempdir().unwrap());
            repository.git(&["init", "-q"], b"");
            repository
        }

        /// What git answers, field by field.
        fn git(&self, arguments: &[&str], input: &[u8]) -> Vec<Vec<u8>> {
            let mut command = Command::new("git");
            // Nothing of the user's, or of a hook that these tests run in.
            for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "XDG_CONFIG_HOME"] {
                command.env_remove(variable);
            }
            let mut child = command
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .env("HOME", self.0.path())
                .args(arguments)
                .current_dir(self.0.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("git is on PATH");
            child.stdin.take().unwrap().write_all(input).unwrap();
            let output = child.wait_with_output().unwrap();
            // 1 says that no path is ignored; anything else is a failure.
            assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
            let fields = output.stdout.split(|&byte| byte == 0).map(<[u8]>::to_vec);
            fields.filter(|field| !field.is_empty()).collect()
        }

        /// Which of these paths the patterns mean, by `.gitignore` and by
        /// `.gitattributes`.
        fn meant(&self, path: &Path, asked: &[Vec<u8>]) -> [Vec<Vec<u8>>; 2] {
            let lines = ignore_pattern(path) + "\n";
            fs::write(self.0.path().join(".gitignore"), lines).unwrap();
            let lines = attribute_pattern(path) + " meant\n";
            fs::write(self.0.path().join(".gitattributes"), lines).unwrap();
            let mut input = asked.join(&b'\0');
            input.push(b'\0');
            let ignored = self.git(&["check-ignore", "-z", "--stdin", "--no-index"], &input);
            // Each answer is a path, the attribute, and what it is set to.
            let answers = self.git(&["check-attr", "-z", "--stdin", "meant"], &input);
            let set = answers.chunks(3).filter(|answer| answer[2] == b"set");
            [ignored, set.map(|answer| answer[0].clone()).collect()]
        }

        #[track_caller]
        fn assert_exact(&self, path: &str) {
            let bytes = path.as_bytes();
            let mut asked = vec![bytes.to_vec()];
            for (start, end) in [("deeper/", ""), ("x", ""), ("", "x"), ("", " "), ("", "\\")] {
                asked.push([start.as_bytes(), bytes, end.as_bytes()].concat());
            }
            // Without each of its bytes, and with another in its place.
            for at in 0..bytes.len() {
                asked.push([&bytes[..at], &bytes[at + 1..]].concat());
                asked.push([&bytes[..at], b"x", &bytes[at + 1..]].concat());
            }
            asked.retain(|other| is_clean(other));
            let [ignored, set] = self.meant(Path::new(path), &asked);
            // What is left when a byte is gone can be the path itself.
            let exact = |found: &[Vec<u8>]| !found.is_empty() && found.iter().all(|f| f == bytes);
            assert!(exact(&ignored), "{path:?}: {ignored:?}");
            assert!(exact(&set), "{path:?}: {set:?}");
        }
    }

    /// Whether git keeps a path as it is asked for.
    fn is_clean(path: &[u8]) -> bool {
        path.split(|&byte| byte == b'/').all(|name| !matches!(name, b"" | b"." | b".." | b".git"))
    }

    #[test]
    fn a_pattern_means_one_path_to_the_real_git() {
        let repository = Repository::new();
        let case = |path: &str, ignore: &str, attribute: &str| {
            assert_eq!(ignore_pattern(path), ignore);
            assert_eq!(attribute_pattern(path), attribute);
            repository.assert_exact(path);
        };

        case(".env", "/.env", "/.env");
        case("app/.env.local", "/app/.env.local", "/app/.env.local");
        case("!a", "/!a", "/!a");
        case("#a", "/#a", "/#a");
        case("a[b]c", r"/a\[b\]c", r"/a\[b\]c");
        case("[!b]", r"/\[!b\]", r"/\[!b\]");
        case("**/*.env", r"/\*\*/\*.env", r"/\*\*/\*.env");
        case("a?", r"/a\?", r"/a\?");
        case("a\\", r"/a\\", r"/a\\");
        case("\\*", r"/\\\*", r"/\\\*");
        case(" a ", r"/ a\ ", r#""/ a ""#);
        case("a \\  ", r"/a \\\ \ ", r#""/a \\\\  ""#);
        case("  ", r"/\ \ ", r#""/  ""#);
        case("a /\"b*", r#"/a /"b\*"#, r#""/a /\"b\\*""#);
        case("\"a\"", r#"/"a""#, r#"/"a""#);
        case("a\t", "/a\t", "\"/a\t\"");
        case("\u{fc}\u{a0}", "/\u{fc}\u{a0}", "/\u{fc}\u{a0}");
        assert_eq!(ignore_pattern("./app//.env"), "/app/.env");
    }

    #[test]
    fn what_a_line_cannot_say_is_meant_with_its_like() {
        let repository = Repository::new();
        for (path, pattern) in [
            (&b"a\nb"[..], "/a?b"),
            (b"a\r", "/a?"),
            (b"\xe9t\xe9", "/?t?"),
            (b"\xf0\x9f\x98 ", r"/???\ "),
        ] {
            let named = Path::new(OsStr::from_bytes(path));
            assert_eq!(ignore_pattern(named), pattern);
            let [ignored, set] = repository.meant(named, &[path.to_vec()]);
            assert_eq!((&ignored[..], &set[..]), (&[path.to_vec()][..], &[path.to_vec()][..]));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_pattern_means_one_path_to_the_real_git(
            path in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "/", "\\", "[", "]", "*", "**", "?", "!", "#", " ", "-", "^", "{", "\t",
                    "\"", "ü",
                ]),
                1..8,
            )
            .prop_map(|pieces| pieces.concat())
            .prop_filter("git would clean it", |path| is_clean(path.as_bytes())),
        ) {
            thread_local! {
                static REPOSITORY: Repository = Repository::new();
            }
            REPOSITORY.with(|repository| repository.assert_exact(&path));
        }
    }
}

//! A value as real programs write it.

use unspoken_testkit::Project;

/// One disguise.
pub(crate) struct Disguise {
    pub(crate) name: &'static str,
    text: Vec<u8>,
    /// Whether the value is all there is, so that its column is known.
    pub(crate) is_whole: bool,
}

/// A page with one disguise a line.
pub(crate) mod page {
    use super::Disguise;

    pub(crate) const BEFORE: &str = "log: ";

    pub(crate) fn text(disguises: &[Disguise]) -> Vec<u8> {
        let line = |disguise: &Disguise| [BEFORE.as_bytes(), &disguise.text, b" end\n"].concat();
        disguises.iter().flat_map(line).collect()
    }
}

/// Scripts that read the value from standard input, and print it without a newline.
const SCRIPTS: [(&str, bool, &[&str]); 17] = [
    ("as it is", true, &["cat"]),
    ("base64", true, &["base64", "--wrap=0"]),
    ("hex", true, &["python3", "-c", "import sys; print(sys.stdin.buffer.read().hex(), end='')"]),
    (
        "HEX",
        true,
        &["python3", "-c", "import sys; print(sys.stdin.buffer.read().hex().upper(), end='')"],
    ),
    ("od", true, &["sh", "-c", "od -An -v -tx1 | tr -d '\\n' | sed 's/^ //'"]),
    (
        "inside of base64",
        false,
        &["sh", "-c", "(printf 'user:'; cat; printf '@host and more') | base64 --wrap=0"],
    ),
    (
        "inside of urlsafe base64",
        false,
        &[
            "python3",
            "-c",
            "import sys,base64; print(base64.urlsafe_b64encode(b'ab'+sys.stdin.buffer.read()+b'c').decode(), end='')",
        ],
    ),
    ("bash %q", true, &["bash", "-c", "IFS= read -r -d '' v; printf %q \"$v\""]),
    (
        "python shlex",
        false,
        &["python3", "-c", "import sys,shlex; print(shlex.quote(sys.stdin.read()), end='')"],
    ),
    ("python repr", false, &["python3", "-c", "import sys; print(repr(sys.stdin.read()), end='')"]),
    (
        "python json",
        false,
        &["python3", "-c", "import sys,json; print(json.dumps(sys.stdin.read()), end='')"],
    ),
    (
        "python json, unescaped",
        false,
        &[
            "python3",
            "-c",
            "import sys,json; print(json.dumps(sys.stdin.read(), ensure_ascii=False), end='')",
        ],
    ),
    (
        "json in json",
        false,
        &[
            "node",
            "-e",
            "const v=require('fs').readFileSync(0,'utf8'); process.stdout.write(JSON.stringify({x: JSON.stringify({v})}))",
        ],
    ),
    (
        "percent",
        true,
        &[
            "python3",
            "-c",
            "import sys,urllib.parse as u; print(u.quote(sys.stdin.read(), safe=''), end='')",
        ],
    ),
    (
        "form",
        true,
        &[
            "python3",
            "-c",
            "import sys,urllib.parse as u; print(u.quote_plus(sys.stdin.read()), end='')",
        ],
    ),
    (
        "encodeURIComponent",
        true,
        &[
            "node",
            "-e",
            "process.stdout.write(encodeURIComponent(require('fs').readFileSync(0,'utf8')))",
        ],
    ),
    (
        "html",
        true,
        &["python3", "-c", "import sys,html; print(html.escape(sys.stdin.read()), end='')"],
    ),
];

/// The value in every disguise.
#[track_caller]
pub(crate) fn disguises(project: &Project, value: &str) -> Vec<Disguise> {
    SCRIPTS
        .into_iter()
        .map(|(name, is_whole, words)| {
            let (program, arguments) = words.split_first().unwrap();
            let mut call = project.program(program, arguments).stdin(value);
            if let Some(root) = std::env::var_os("PYENV_ROOT") {
                call = call.env("PYENV_ROOT", root);
            }
            let text = call.run().ok().stdout;
            assert!(!text.is_empty() && !text.contains(&b'\n'), "{name} made no line");
            Disguise { name, text, is_whole }
        })
        .collect()
}

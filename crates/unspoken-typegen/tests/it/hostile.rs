//! Descriptions of somebody who wants to get out of the comment.

use proptest::prelude::*;
use unspoken_typegen::{Catalogue, Form};

use crate::{RUSTFMT, catalogue, forms, is_formatted, pipe};

/// What ends comments, begins code, or means something to a tool.
const PIECES: [&str; 44] = [
    "*/",
    "/*",
    "//",
    "/**",
    "\"\"\"",
    "\"",
    "'''",
    "'",
    "''",
    "``",
    "```",
    "`",
    "\\",
    "\\\n",
    "\n",
    "\n\n",
    "\r",
    "\t",
    "    ",
    "  ",
    " ",
    "@ts-ignore",
    "@",
    "{@link x}",
    "- ",
    "* ",
    "1. ",
    "1) ",
    "# ",
    "#",
    "[x]: https://x",
    "Deprecated: ",
    ">>> ",
    "{",
    "}",
    "<b>",
    "go:build x",
    "\u{202e}",
    "\u{feff}",
    "\u{2028}",
    "\0",
    "\\N{DASH}",
    "~~~",
    "x",
];

fn description() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z]{1,6}".prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A catalogue with these descriptions, straight in its field: nothing has
/// looked at them before.
fn described(descriptions: &[String]) -> Catalogue {
    let names: Vec<String> = (0..descriptions.len()).map(|n| format!("NAME_{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let file = "project = \"p\"\ndefault = \"a\"\n[environments.a]\n[environments.b]\n";
    let some = names.get(..names.len() / 2).unwrap();
    let mut catalogue = catalogue(file, &[("a", &names), ("b", some), ("b", &["NAME_000"])]);
    for (entry, text) in catalogue.entries.iter_mut().zip(descriptions) {
        entry.description = Some(text.clone());
    }
    catalogue
}

/// The same without descriptions, which is what a compiler may see.
fn bare(catalogue: &Catalogue) -> Catalogue {
    let mut bare = catalogue.clone();
    bare.entries.iter_mut().for_each(|entry| entry.description = None);
    bare
}

fn without_line_comments(text: &str) -> Vec<&str> {
    text.split(['\n', '\r']).filter(|line| !line.starts_with("//")).collect()
}

/// What is left of a TypeScript file when each comment ends where it first can.
fn without_block_comments(mut text: &str) -> String {
    let mut left = String::new();
    while let Some((before, rest)) = text.split_once("/*") {
        left.push_str(before);
        text = rest.split_once("*/").unwrap().1;
    }
    left + text
}

/// Prints the code without its texts of documentation, then how many examples
/// `doctest` finds in these.
const PYTHON: &str = r"
import ast, doctest, sys
tree = ast.parse(sys.stdin.buffer.read())
examples = 0
for node in ast.walk(tree):
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
        text = ast.get_docstring(node, clean=False)
        if text is not None:
            examples += len(doctest.DocTestParser().get_examples(text))
            node.body.pop(0)
print(ast.dump(tree), examples)
";

#[track_caller]
fn python(text: &str) -> String {
    let output = pipe("python3", &["-W", "error", "-c", PYTHON], text);
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Many descriptions a file, because a formatter takes its time to start.
    #[test]
    fn no_description_leaves_its_comment(
        descriptions in proptest::collection::vec(description(), 60)
    ) {
        let catalogue = described(&descriptions);
        let bare = bare(&catalogue);
        let both = |form: &Form| (form.print(&catalogue).unwrap(), form.print(&bare).unwrap());
        let [typescript, go, py, stub, rust] = forms();

        let (text, plain) = both(&typescript);
        prop_assert_eq!(without_block_comments(&text), without_block_comments(&plain));
        prop_assert!(!text.contains(" @"), "a tag: {text}");

        let (text, plain) = both(&go);
        prop_assert_eq!(without_line_comments(&text), without_line_comments(&plain));
        is_formatted("gofmt", &[], &text);

        let (text, plain) = both(&rust);
        prop_assert_eq!(without_line_comments(&text), without_line_comments(&plain));
        prop_assert!(!text.contains("```") && !text.contains("~~~"), "a block of code: {text}");
        prop_assert!(text.lines().all(|line| !line.starts_with("///  ")), "{text}");
        is_formatted("rustfmt", &RUSTFMT, &text);

        for form in [&py, &stub] {
            let (text, plain) = both(form);
            let found = python(&text);
            prop_assert_eq!(&found, &python(&plain));
            prop_assert!(found.trim_end().ends_with(" 0"), "an example: {text}");
        }
    }
}

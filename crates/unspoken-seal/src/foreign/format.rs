//! Which tool a file is of, by what stands in it.

use unspoken_model::DocumentForm;

use crate::foreign::plain_tree::PlainTree;
use crate::foreign::{doppler, dotenvx};
use crate::node::{Item, Node};

/// The kinds of file that values are taken over from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    Dotenv,
    Json,
    Tako,
    /// A document of sops, and the store it is in; `None` when that is none
    /// that we read.
    Sops(Option<DocumentForm>),
    Dotenvx,
    Doppler,
    Infisical,
}

impl Format {
    /// Tells the format of a file from its name and its content. What is no
    /// file of any kind is told to be the likeliest, whose reader then says what
    /// is wrong with it.
    pub fn detect(name: &str, bytes: &[u8]) -> Self {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        if text.starts_with(b"{")
            || text.starts_with(b"[")
            || DocumentForm::of(name) == Some(DocumentForm::Json)
        {
            return PlainTree::parse(bytes).map_or(Self::Json, |tree| of_json(tree.node()));
        }
        let lines = || text.split(|&byte| byte == b'\n');
        let has = |start: &str| lines().any(|line| line.starts_with(start.as_bytes()));
        if has("sops:") {
            return Self::Sops(DocumentForm::of(".yaml"));
        }
        if has("sops_mac=") || has("sops_version=") {
            return Self::Sops(Some(DocumentForm::Dotenv));
        }
        if has(dotenvx::PUBLIC) || lines().any(is_dotenvx) {
            return Self::Dotenvx;
        }
        Self::Dotenv
    }

    /// The store that a sops document of this content is in.
    pub fn sops_form(name: &str, bytes: &[u8]) -> Option<DocumentForm> {
        match Self::detect("", bytes) {
            Self::Sops(form) => form,
            _ => DocumentForm::of(name),
        }
    }
}

fn of_json(node: &Node<'_>) -> Format {
    let Node::Map(items) = node else {
        return if node.as_list().is_some() { Format::Infisical } else { Format::Json };
    };
    if node.get("sops").is_some_and(|metadata| metadata.get("mac").is_some()) {
        return Format::Sops(Some(DocumentForm::Json));
    }
    let every = |key: &str| {
        let mut pairs = items.iter().filter_map(Item::as_pair);
        !items.is_empty() && pairs.all(|(_, node)| node.get(key).is_some())
    };
    if every("key_id") {
        Format::Tako
    } else if every("computed") || doppler::METADATA.iter().all(|name| node.get(name).is_some()) {
        Format::Doppler
    } else {
        Format::Json
    }
}

/// Whether a line assigns an encrypted value.
fn is_dotenvx(line: &[u8]) -> bool {
    let value = line.iter().position(|&byte| byte == b'=').and_then(|at| line.get(at + 1..));
    let value = value.unwrap_or_default().trim_ascii_start();
    let value = value.strip_prefix(b"\"").or(value.strip_prefix(b"'")).unwrap_or(value);
    let value = value.strip_prefix(b"`").unwrap_or(value);
    value.starts_with(dotenvx::ENCRYPTED.as_bytes())
}

#[test]
fn a_format_is_told_from_what_stands_in_the_file() {
    let form = DocumentForm::of;
    for (name, text, format) in [
        (".env", "A=b\n", Format::Dotenv),
        ("", "", Format::Dotenv),
        ("a.json", "", Format::Json),
        ("", " {\"A\":1", Format::Json),
        ("", "{}", Format::Json),
        ("", "{\"A\":{\"x\":1}}", Format::Json),
        ("", "{\"sops\":{\"mac\":\"\"}}", Format::Sops(Some(DocumentForm::Json))),
        ("", "{\"sops\":\"x\"}", Format::Json),
        ("", "{\"production\":{\"key_id\":\"x\"}}", Format::Tako),
        ("", "{\"A\":{\"computed\":\"x\"}}", Format::Doppler),
        (
            "",
            "{\"DOPPLER_PROJECT\":\"a\",\"DOPPLER_CONFIG\":\"a\",\"DOPPLER_ENVIRONMENT\":\"a\"}",
            Format::Doppler,
        ),
        ("", "\u{feff}[]", Format::Infisical),
        (".env", "A=b\nsops_mac=x\n", Format::Sops(Some(DocumentForm::Dotenv))),
        ("a.yaml", "a: b\nsops:\n  mac: x\n", Format::Sops(form("a.yaml"))),
        (".env", "DOTENV_PUBLIC_KEY_X=\"a\"\n", Format::Dotenvx),
        (".env", "A=\"encrypted:a\n", Format::Dotenvx),
        (".env", "A= 'encrypted:a\n", Format::Dotenvx),
        (".env", "encrypted:a\n", Format::Dotenv),
    ] {
        assert_eq!(Format::detect(name, text.as_bytes()), format, "{text:?}");
    }
}

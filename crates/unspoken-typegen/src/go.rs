//! Go: a function for each secret.

use unspoken_model::{Language, SecretName};

use crate::comment::Comment;
use crate::identifier::identifiers;
use crate::{Catalogue, Collision, Entry, HEADER};

/// The name of a Go package.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GoPackage(String);

/// What Go's linters expect in capitals: the list of golint, what staticcheck
/// adds to it, and `DSN`. It is a contract: another list is another name for a
/// function that somebody calls.
const INITIALISMS: [&str; 45] = [
    "ACL", "AMQP", "API", "ASCII", "CPU", "CSS", "DB", "DNS", "DSN", "EOF", "GID", "GUID", "HTML",
    "HTTP", "HTTPS", "ID", "IP", "JSON", "LHS", "QPS", "RAM", "RHS", "RPC", "RTP", "SIP", "SLA",
    "SMTP", "SQL", "SSH", "TCP", "TLS", "TS", "TTL", "UDP", "UI", "UID", "URI", "URL", "UTF8",
    "UUID", "VM", "XML", "XMPP", "XSRF", "XSS",
];

const KEYWORDS: [&str; 25] = [
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

impl GoPackage {
    /// Reads a package's name: a plain identifier.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |(at, c): (usize, char)| {
            c.is_ascii_alphabetic() || c == '_' || (at > 0 && c.is_ascii_digit())
        };
        let is_name = !text.is_empty() && text.char_indices().all(fits);
        let is_taken = KEYWORDS.contains(&text) || text == "_";
        (is_name && !is_taken).then(|| Self(text.to_owned()))
    }

    /// The nearest name to a folder's, else `secrets`.
    pub fn from_folder(folder: &str) -> Self {
        let kept = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let text: String = folder.to_ascii_lowercase().chars().filter(kept).collect();
        let text = text.trim_start_matches(|c: char| c.is_ascii_digit());
        Self::parse(text).unwrap_or_else(|| Self("secrets".to_owned()))
    }

    /// The name in the first package clause of a source file.
    pub fn of_source(text: &str) -> Option<Self> {
        let clause = text.lines().find_map(|line| line.strip_prefix("package "))?;
        Self::parse(clause.split([' ', '\t', ';', '/']).next().unwrap_or_default())
    }
}

pub(crate) fn print(catalogue: &Catalogue, package: &GoPackage) -> Result<String, Collision> {
    let identifiers = identifiers(catalogue, Language::Go, spell)?;
    let mut text = format!("// {HEADER}\n\npackage {}\n", package.0);
    if !identifiers.is_empty() {
        text.push_str("\nimport unspoken \"github.com/unspoken-dev/unspoken/sdks/go\"\n");
    }
    for (entry, identifier) in catalogue.entries.iter().zip(&identifiers) {
        text.push('\n');
        text.push_str(&comment(entry, identifier));
        text.push_str(&function(entry, identifier));
    }
    Ok(text)
}

fn function(entry: &Entry, identifier: &str) -> String {
    let name = &entry.name;
    if !entry.is_optional() {
        return format!(
            "func {identifier}() unspoken.Secret {{\n\treturn unspoken.MustGet(\"{name}\")\n}}\n"
        );
    }
    format!(
        "func {identifier}() (unspoken.Secret, bool) {{\n\
         \tsecret, found, err := unspoken.Lookup(\"{name}\")\n\
         \tif err != nil {{\n\
         \t\tpanic(err)\n\
         \t}}\n\
         \treturn secret, found\n\
         }}\n"
    )
}

/// `gofmt` takes lists, headings and links in such a comment apart, wherever a
/// paragraph begins with one. So the description goes on behind our words, and
/// is one paragraph.
fn comment(entry: &Entry, identifier: &str) -> String {
    let Comment { description, remarks } = Comment::of(entry);
    let mut words = description.iter().filter(|line| !line.is_empty()).map(|line| escape(line));
    let is = format!("{identifier} is the secret {}", entry.name);
    let mut text = match words.next() {
        None => format!("// {is}.\n"),
        Some(line) => format!("// {is}: {line}\n"),
    };
    text.extend(words.map(|line| format!("// {line}\n")));
    for line in remarks {
        text.push_str(&format!("//\n// {line}\n"));
    }
    text
}

/// Doubled quotes would become typographic ones.
fn escape(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if matches!(c, '`' | '\'') && out.ends_with(c) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// `DATABASE_URL` is `DatabaseURL`.
fn spell(name: &SecretName) -> String {
    let part = |part: &str| {
        if INITIALISMS.contains(&part) {
            return part.to_owned();
        }
        let mut letters = part.chars();
        let first = letters.next().into_iter();
        first.chain(letters.map(|letter| letter.to_ascii_lowercase())).collect()
    };
    name.as_str().split('_').map(part).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_spelt_as_gos_linters_expect() {
        for (name, identifier) in [
            ("DATABASE_URL", "DatabaseURL"),
            ("SENTRY_DSN", "SentryDSN"),
            ("ID", "ID"),
            ("API_KEY_ID", "APIKeyID"),
            ("HTTPS_URLS", "HTTPSUrls"),
            ("S3_BUCKET_2", "S3Bucket2"),
            ("UTF8", "UTF8"),
            ("A__B_", "AB"),
            ("TYPE", "Type"),
        ] {
            assert_eq!(spell(&SecretName::parse(name).unwrap()), identifier);
        }
        assert!(INITIALISMS.is_sorted());
    }

    #[test]
    fn a_package_is_named_like_its_folder_or_its_neighbours() {
        for (folder, package) in [
            ("secrets", "secrets"),
            ("my-Secrets", "mysecrets"),
            ("2fa", "fa"),
            ("type", "secrets"),
            ("", "secrets"),
            ("ü", "secrets"),
        ] {
            assert_eq!(GoPackage::from_folder(folder), GoPackage(package.to_owned()));
        }
        for (text, package) in [
            ("// x\npackage main\n", Some("main")),
            ("/*\n*/\n\npackage my_app // the one\n", Some("my_app")),
            ("package  x", None),
            ("package go", None),
            ("package x\u{202e}", None),
            ("", None),
        ] {
            let expected = package.map(|name| GoPackage(name.to_owned()));
            assert_eq!(GoPackage::of_source(text), expected, "{text:?}");
        }
    }
}

//! One flat JSON object, a name to a line.

use unspoken_seal::SecretSet;

use super::page::Page;

pub(super) fn print(set: &SecretSet) -> Page {
    let mut page = Page::default();
    let mut before = "{\n  \"";
    for (name, secret) in set.iter() {
        page.push(before);
        page.push(name.as_str());
        page.push("\": \"");
        page.push_escaped(secret.expose(), escape);
        before = "\",\n  \"";
    }
    page.push(if set.is_empty() { "{}\n" } else { "\"\n}\n" });
    page
}

/// What must not stand in a string as it is. A [`Secret`] holds no NUL.
///
/// [`Secret`]: unspoken_seal::Secret
fn escape(c: char) -> Option<&'static str> {
    const CONTROL: [&str; 32] = [
        "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
        "\\b", "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011",
        "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019",
        "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
    ];
    match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        c => CONTROL.get(c as usize).copied(),
    }
}

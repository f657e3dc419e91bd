//! One flat JSON object, a name to a line.

use unspoken_seal::SecretSet;
use unspoken_wire::Page;

pub(super) fn print(set: &SecretSet) -> Page {
    let mut page = Page::default();
    let mut before = "{\n  ";
    for (name, secret) in set.iter() {
        page.push(before);
        page.push_json(name.as_str());
        page.push(": ");
        page.push_json(secret.expose());
        before = ",\n  ";
    }
    page.push(if set.is_empty() { "{}\n" } else { "\n}\n" });
    page
}

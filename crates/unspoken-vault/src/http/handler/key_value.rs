//! The view that clients of HashiCorp's Vault read: version 2 of its key-value store.

use unspoken_wire::Page;
use unspoken_wire::vault::Revealed;

/// Prints an environment as such a client expects one secret with many keys.
pub(in crate::http) fn print(revealed: &Revealed) -> Page {
    let mut page = Page::with_capacity(1024);
    page.push("{\"request_id\":\"\",\"lease_id\":\"\",\"renewable\":false,\"lease_duration\":0,\"data\":{\"data\":{");
    let mut before = "";
    for secret in &revealed.secrets {
        page.push(before);
        page.push_json(&secret.name);
        page.push(":");
        page.push_json(secret.value.expose());
        before = ",";
    }
    page.push("},\"metadata\":{\"version\":");
    page.push(&revealed.revision.to_string());
    page.push(",\"destroyed\":false,\"deletion_time\":\"\",\"custom_metadata\":null}},\"wrap_info\":null,\"warnings\":null,\"auth\":null}");
    page
}

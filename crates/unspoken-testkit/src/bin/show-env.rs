//! Prints the variables that it is asked for as one JSON object, or all that
//! it received when asked for none. What is not set is left out.

use std::io::Write as _;

use serde_json::{Map, Value};

fn main() -> std::io::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let received: Map<String, Value> = std::env::vars()
        .filter(|(name, _)| wanted.is_empty() || wanted.contains(name))
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &received)?;
    out.write_all(b"\n")
}

//! YAML as a person writes it: with comments, blank lines and every style.

use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum Written {
    Scalar(String),
    Block(Vec<String>),
    List(Vec<Written>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    key: String,
    value: Written,
    above: Vec<String>,
    behind: Option<String>,
    blank: bool,
}

fn any_scalar() -> impl Strategy<Value = Written> {
    let text = prop_oneof!["[ -~\\n]{0,30}", "[a-z]{0,9}(ü|😀|€)[a-z]{0,9}"];
    prop_oneof![
        "[A-Za-z][A-Za-z0-9_/.-]{0,12}",
        "[A-Za-z]{1,5} [a-z]{1,5}:[a-z]{1,5}#[a-z]{1,3}",
        "'[ -&(-~]{0,12}'",
        text.prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<i32>().prop_map(|n| format!("{}.{:03}", n / 1000, (n % 1000).abs())),
        "(true|False|yes|off|~|null|\"\"|''|0x1F|0o17|017|1_000|1e3|08|[.]5|\"12\"|y)",
        "20[0-9]{2}-0[1-9]-[12][0-9]( 0?[0-9]:30:0[0-9]|T1[0-9]:00:00[.]25Z|T01:02:03[+]02:00)?",
    ]
    .prop_map(Written::Scalar)
}

pub(crate) fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    let block = proptest::collection::vec("[!-~][ -~]{0,9}[!-~]", 1..4).prop_map(Written::Block);
    let leaf = prop_oneof![6 => any_scalar(), 1 => block];
    let value = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Written::List),
            entries(inner).prop_map(Written::Map),
        ]
    });
    entries(value)
}

fn entries(value: impl Strategy<Value = Written>) -> impl Strategy<Value = Vec<Entry>> {
    let comment = || " ?[a-z]{1,8}( [a-z:#]{1,5})?";
    let entry = (
        "[A-Za-z][A-Za-z0-9_]{0,8}(:x| y|_unencrypted)?",
        value,
        proptest::collection::vec(comment(), 0..3),
        proptest::option::weighted(0.2, comment()),
        any::<bool>(),
    );
    let entry = entry.prop_map(|(key, value, above, behind, blank)| {
        // Keys that YAML takes for something else are another test.
        Entry { key: format!("k{key}"), value, above, behind, blank }
    });
    proptest::collection::vec(entry, 1..5).prop_map(|mut entries| {
        let mut seen = std::collections::HashSet::new();
        entries.retain(|entry| seen.insert(entry.key.clone()));
        entries
    })
}

pub(crate) fn print(entries: &[Entry], column: usize, first: &str, out: &mut String) {
    let mut lead = first.to_owned();
    for entry in entries {
        let margin = " ".repeat(column);
        // The first line of a map in a list has no room for a comment above.
        if lead.is_empty() {
            if entry.blank {
                out.push('\n');
            }
            for comment in &entry.above {
                out.push_str(&format!("{margin}#{comment}\n"));
            }
            lead.clone_from(&margin);
        }
        out.push_str(&format!("{}{}:", std::mem::take(&mut lead), entry.key));
        print_value(&entry.value, column, entry.behind.as_deref(), out);
    }
}

fn print_value(value: &Written, column: usize, behind: Option<&str>, out: &mut String) {
    let margin = " ".repeat(column + 3);
    match value {
        Written::Scalar(text) => {
            let behind = behind.map(|text| format!(" #{text}")).unwrap_or_default();
            out.push_str(&format!(" {text}{behind}\n"));
        }
        Written::Block(lines) => {
            out.push_str(" |\n");
            for line in lines {
                out.push_str(&format!("{margin}{line}\n"));
            }
        }
        Written::List(values) => {
            out.push('\n');
            for value in values {
                match value {
                    Written::Map(entries) => {
                        print(entries, column + 5, &format!("{margin}- "), out);
                    }
                    value => {
                        out.push_str(&format!("{margin}-"));
                        print_value(value, column + 4, None, out);
                    }
                }
            }
        }
        Written::Map(entries) => {
            out.push('\n');
            print(entries, column + 3, "", out);
        }
    }
}

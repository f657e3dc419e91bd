//! Foreign text in our sentences.

/// A text of a foreign file as it may stand within a line on a terminal: what a
/// terminal would obey, or would let it forge a line, is escaped.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Marks that change the direction of what follows.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.extend(c.escape_unicode());
            }
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

#[test]
fn what_a_terminal_would_obey_is_escaped() {
    assert_eq!(shown("A\n\t\x1b[2J\u{9b}\u{202e}ü😀"), "A\\n\\t\\u{1b}[2J\\u{9b}\\u{202e}ü😀");
}

//! A text that grows without leaving parts of itself behind in memory.

use std::mem;

use zeroize::Zeroizing;

/// Bytes that are wiped on drop, and also whenever they move to a larger place.
#[derive(Default)]
pub struct Page(Zeroizing<Vec<u8>>);

impl Page {
    const SMALLEST: usize = 1024;

    /// An empty page that need not move before it holds this many bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub fn push(&mut self, text: &str) {
        let length = self.0.len() + text.len();
        if length > self.0.capacity() {
            let roomy = length.max(2 * self.0.capacity()).max(Self::SMALLEST);
            let small = mem::replace(&mut self.0, Zeroizing::new(Vec::with_capacity(roomy)));
            self.0.extend_from_slice(&small);
        }
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Adds `text` with every character for which there is a replacement
    /// replaced by it.
    pub fn push_escaped(&mut self, text: &str, escape: impl Fn(char) -> Option<&'static str>) {
        let mut written = 0;
        for (at, c) in text.char_indices() {
            if let Some(escaped) = escape(c) {
                self.push(text.get(written..at).unwrap_or(""));
                self.push(escaped);
                written = at + c.len_utf8();
            }
        }
        self.push(text.get(written..).unwrap_or(""));
    }

    /// Adds `text` as a JSON string, in quotes.
    pub fn push_json(&mut self, text: &str) {
        self.push("\"");
        self.push_escaped(text, crate::escape);
        self.push("\"");
    }

    pub fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Page([REDACTED])")
    }
}

#[test]
fn a_page_holds_what_was_pushed_however_often_it_moved() {
    let mut page = Page::default();
    let mut expected = String::new();
    for number in 0..2_000 {
        let text = format!("{number}é\n");
        page.push_escaped(&text, |c| (c == 'é').then_some("e"));
        expected.push_str(&text.replace('é', "e"));
    }
    assert_eq!(*page.into_bytes(), expected.into_bytes());
}

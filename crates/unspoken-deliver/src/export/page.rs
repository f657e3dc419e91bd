//! A text that grows without leaving parts of itself behind in memory.

use std::mem;

use zeroize::Zeroizing;

/// Bytes that are wiped on drop, and also whenever they move to a larger place.
#[derive(Default)]
pub(super) struct Page(Zeroizing<Vec<u8>>);

impl Page {
    const SMALLEST: usize = 1024;

    pub(super) fn push(&mut self, text: &str) {
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
    pub(super) fn push_escaped(
        &mut self,
        text: &str,
        escape: impl Fn(char) -> Option<&'static str>,
    ) {
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

    pub(super) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
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

//! What a value looks like after the usual ways of writing it down.
//!
//! Each way is a row of a table here; what a way has in common with others of its
//! family is in [`super::escape`]. Most values consist of letters and digits, which
//! most ways leave as they are, so what is the same is kept once.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::escape::{Backslash, Entities, Number, Percent};
use super::index::Index;
use super::noise::End;
use super::quiet::Quiet;

/// Texts that show a value, of many values; each text once, for its first owner.
#[derive(Default)]
pub(super) struct Disguises {
    bytes: Zeroizing<Vec<u8>>,
    ends: Vec<(usize, u32)>,
    /// Where each text stands that was kept, by a hash under a key of this process.
    known: HashMap<u64, Vec<Range<usize>>>,
    hasher: RandomState,
}

/// How long a text is that is looked for in one piece.
const PIECE: usize = 1024;

/// How many different bytes a piece has at least.
const VARIETY: usize = 8;

/// By how much a text may grow at most, with the three bytes before base64.
const GROWTH: usize = 16;

const BACKSLASHES: [Backslash; 20] = [
    // JSON as most write it; with `/` escaped, as PHP does; as ASCII alone; as Go does, safe within HTML.
    Backslash { quoted: "\"\\", number: Number::Unicode, numbered: "", wide: false },
    Backslash { quoted: "\"\\/", number: Number::Unicode, numbered: "", wide: false },
    Backslash { quoted: "\"\\", number: Number::Unicode, numbered: "", wide: true },
    Backslash { quoted: "\"\\/", number: Number::Unicode, numbered: "", wide: true },
    Backslash { quoted: "\"\\", number: Number::UnicodeUpper, numbered: "", wide: true },
    Backslash { quoted: "\"\\", number: Number::Unicode, numbered: "<>&", wide: false },
    Backslash { quoted: "\"\\", number: Number::UnicodeUpper, numbered: "<>&'", wide: true },
    Backslash { quoted: "\\/", number: Number::UnicodeUpper, numbered: "<>&'\"", wide: true },
    // Text of C, Python, JavaScript and Rust, for each quote, and for both.
    Backslash { quoted: "'\\", number: Number::Hex, numbered: "", wide: false },
    Backslash { quoted: "\"'\\", number: Number::Hex, numbered: "", wide: false },
    Backslash { quoted: "\"\\", number: Number::Hex, numbered: "", wide: true },
    Backslash { quoted: "'\\", number: Number::Hex, numbered: "", wide: true },
    Backslash { quoted: "\"\\", number: Number::Octal, numbered: "", wide: true },
    Backslash { quoted: "'\\", number: Number::Octal, numbered: "", wide: true },
    Backslash { quoted: "\"\\", number: Number::Braces, numbered: "", wide: false },
    Backslash { quoted: "\"'\\", number: Number::Braces, numbered: "", wide: true },
    // Within backticks, and where the text itself has no quote that needs it.
    Backslash { quoted: "\\", number: Number::Hex, numbered: "", wide: false },
    Backslash { quoted: "`\\", number: Number::Hex, numbered: "", wide: false },
    // As Python does where all is to be ASCII.
    Backslash { quoted: "'\\", number: Number::Python, numbered: "", wide: true },
    // Within a shell's double quotes.
    Backslash { quoted: "\"\\$`", number: Number::None, numbered: "", wide: false },
];

/// What a shell's `printf %q` and its relatives put a backslash before.
const QUOTED_BY_SHELLS: [&str; 3] =
    [" \t'\"\\|&;()<>!{}*[?]^$`,", " \t'\"\\|&;()<>!{}*[?]^$`", " \t'\"\\|&;()<>!{}*[?]^$`,~#=%"];

/// What stands for `'` within a shell's single quotes.
const QUOTES_OF_SHELLS: [&str; 2] = ["'\\''", "'\"'\"'"];

const PERCENTS: [Percent; 8] = [
    Percent { safe: "-_.~", plus: false },
    Percent { safe: "-_.~/", plus: false },
    Percent { safe: "-_.!~*'()", plus: false },
    Percent { safe: "-_.!~*'();/?:@&=+$,#", plus: false },
    // All but what no address may have.
    Percent { safe: "-_.!~*'();/?:@&=+$,#[]|^", plus: false },
    Percent { safe: "-_.~", plus: true },
    Percent { safe: "*-._", plus: true },
    // What a user and a password in an address keep.
    Percent { safe: "-_.!~*'()&+$,%", plus: false },
];

const ENTITIES: [Entities; 8] = [
    Entities { named: &[], numbered: "", wide: false },
    Entities { named: &[('"', "&quot;")], numbered: "", wide: false },
    Entities { named: &[('"', "&quot;"), ('\'', "&#39;")], numbered: "", wide: false },
    Entities { named: &[('"', "&quot;"), ('\'', "&#039;")], numbered: "", wide: false },
    Entities { named: &[('"', "&quot;"), ('\'', "&#x27;")], numbered: "", wide: false },
    Entities { named: &[('"', "&quot;"), ('\'', "&apos;")], numbered: "", wide: false },
    Entities { named: &[('"', "&#34;"), ('\'', "&#39;")], numbered: "", wide: false },
    Entities { named: &[('"', "&quot;"), ('\'', "&#x27;")], numbered: "/`=", wide: true },
];

impl Disguises {
    /// All texts, one after the other; where each ends, and its owner.
    pub(super) fn into_texts(self) -> (Zeroizing<Vec<u8>>, Vec<(usize, u32)>) {
        (self.bytes, self.ends)
    }

    /// Adds all that shows a value, or a part of one.
    pub(super) fn add(&mut self, part: &str, owner: u32) {
        let room = part.len();
        let mut write = |how: &mut dyn FnMut(&mut Vec<u8>)| self.write(room, owner, how);
        write(&mut |out| out.extend_from_slice(part.as_bytes()));
        if let Some(quiet) = Quiet::of(part.as_bytes(), End::Closed) {
            write(&mut |out| out.extend_from_slice(&quiet.text));
        }
        for shift in 0..3 {
            write(&mut |out| base64(part, shift, &STANDARD_NO_PAD, out));
            write(&mut |out| base64(part, shift, &URL_SAFE_NO_PAD, out));
        }
        for separator in ["", ":", " "] {
            write(&mut |out| hex(part, separator, b"0123456789abcdef", out));
            write(&mut |out| hex(part, separator, b"0123456789ABCDEF", out));
        }
        for percent in &PERCENTS {
            write(&mut |out| percent.write(part, b"0123456789ABCDEF", out));
            write(&mut |out| percent.write(part, b"0123456789abcdef", out));
        }
        for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            write(&mut |out| Percent::write_all(part, digits, out));
        }
        for entities in &ENTITIES {
            write(&mut |out| entities.write(part, out));
        }
        for number in [Number::Decimal, Number::Entity, Number::EntityUpper] {
            write(&mut |out| number.write_all(part, out));
        }
        for number in [
            Number::Unicode,
            Number::UnicodeUpper,
            Number::Hex,
            Number::HexUpper,
            Number::Octal,
            Number::Braces,
        ] {
            write(&mut |out| number.write_all(part, out));
        }
        for quoted in QUOTED_BY_SHELLS {
            let style = Backslash { quoted, number: Number::None, numbered: "", wide: false };
            write(&mut |out| style.write(part, out));
        }
        for quote in ['\'', '"'] {
            // As CSV and SQL do.
            let text = Zeroizing::new(part.replace(quote, &format!("{quote}{quote}")));
            write(&mut |out| out.extend_from_slice(text.as_bytes()));
        }
        for quote in QUOTES_OF_SHELLS {
            let text = Zeroizing::new(part.replace('\'', quote));
            write(&mut |out| out.extend_from_slice(text.as_bytes()));
        }
        write(&mut |out| out.extend(part.encode_utf16().flat_map(u16::to_le_bytes)));
        write(&mut |out| out.extend(part.encode_utf16().flat_map(u16::to_be_bytes)));
        self.add_escaped(part, owner);
    }

    /// Escaped with backslashes, once and twice.
    fn add_escaped(&mut self, part: &str, owner: u32) {
        for style in &BACKSLASHES {
            let mut once = Zeroizing::new(Vec::with_capacity(GROWTH * part.len()));
            style.write(part, &mut once);
            if once.as_slice() == part.as_bytes() {
                continue;
            }
            self.write(once.len(), owner, &mut |out| out.extend_from_slice(&once));
            let Ok(text) = std::str::from_utf8(&once) else { continue };
            for again in BACKSLASHES.iter().take(2) {
                self.write(once.len(), owner, &mut |out| again.write(text, out));
            }
        }
    }

    /// Has a text written, and keeps it unless it is there already, or too short to
    /// be looked for.
    fn write(&mut self, room: usize, owner: u32, how: &mut dyn FnMut(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.make_room(GROWTH * (room + 3));
        how(&mut self.bytes);
        if self.bytes.len() - start < Index::SHORTEST || !self.is_new(start) {
            // What was written stands where the next text is written over it, and is wiped with all.
            self.bytes.truncate(start);
            return;
        }
        self.cut(start, owner);
    }

    /// Notes the text that begins at `start`, unless it is there already.
    fn is_new(&mut self, start: usize) -> bool {
        let text = self.bytes.get(start..).unwrap_or_default();
        let places = self.known.entry(self.hasher.hash_one(text)).or_default();
        if places.iter().any(|place| self.bytes.get(place.clone()) == Some(text)) {
            return false;
        }
        places.push(start..self.bytes.len());
        true
    }

    /// Has a long text looked for in pieces. A piece of few characters, as zeros in
    /// the middle of a key, says nothing by itself: it goes with the one before.
    fn cut(&mut self, start: usize, owner: u32) {
        let end = self.bytes.len();
        let text = self.bytes.get(start..).unwrap_or_default();
        let pieces = (text.len() / PIECE).max(1);
        let length = text.len().div_ceil(pieces);
        let mut begun = 0;
        let mut ends = Vec::with_capacity(pieces);
        for piece in text.chunks(length) {
            begun += piece.len();
            match ends.last_mut() {
                Some(last) if !is_varied(piece) => *last = start + begun,
                _ => ends.push(start + begun),
            }
        }
        // One at the very beginning goes with the one after.
        if ends.len() > 1 && !is_varied(text.get(..length).unwrap_or_default()) {
            ends.remove(0);
        }
        self.ends.extend(ends.into_iter().map(|end| (end, owner)));
        debug_assert!(self.ends.last().is_some_and(|&(last, _)| last == end));
    }

    /// Grows into a new place, and wipes the old one.
    fn make_room(&mut self, room: usize) {
        if self.bytes.capacity() - self.bytes.len() < room {
            let capacity = (2 * self.bytes.capacity()).max(self.bytes.len() + room);
            let mut wider = Zeroizing::new(Vec::with_capacity(capacity));
            wider.extend_from_slice(&self.bytes);
            self.bytes = wider;
        }
    }
}

/// Whether a piece of a text has as many different bytes as tell something.
fn is_varied(piece: &[u8]) -> bool {
    let mut seen = [false; 256];
    for &byte in piece {
        if let Some(seen) = seen.get_mut(usize::from(byte)) {
            *seen = true;
        }
    }
    seen.iter().filter(|seen| **seen).count() >= VARIETY
}

/// What base64 makes of a value that follows `shift` other bytes: the digits that
/// the value alone decides.
fn base64(value: &str, shift: usize, engine: &impl base64::Engine, out: &mut Vec<u8>) {
    let mut whole = Zeroizing::new(Vec::with_capacity(value.len() + 2));
    whole.resize(shift, 0);
    whole.extend_from_slice(value.as_bytes());
    let mut digits = Zeroizing::new(vec![0; whole.len().div_ceil(3) * 4]);
    let Ok(length) = engine.encode_slice(whole.as_slice(), &mut digits) else { return };
    let first = (shift * 8).div_ceil(6);
    let last = whole.len() * 8 / 6;
    out.extend_from_slice(digits.get(first..last.min(length)).unwrap_or_default());
}

fn hex(value: &str, separator: &str, digits: &[u8; 16], out: &mut Vec<u8>) {
    for (at, byte) in value.bytes().enumerate() {
        if at > 0 {
            out.extend_from_slice(separator.as_bytes());
        }
        out.extend(super::escape::pair(byte, digits));
    }
}

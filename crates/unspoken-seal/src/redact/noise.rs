//! What stands between the characters of a text and is not seen: colours and
//! other sequences for a terminal, line ends, characters without width.

/// Whether a text goes on: then what its end may become counts as that already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Open,
    Closed,
}

/// The longest sequence for a terminal that counts as one.
const LONGEST: usize = 256;

/// How many bytes of a text are one piece of noise that begins at this place. Nearly all is
/// the end of a line, or none.
pub(super) fn noise_at(text: &[u8], at: usize, end: End) -> usize {
    match text.get(at) {
        Some(b'\n' | b'\r') => 1,
        Some(0x1b | 0xc2 | 0xe2 | 0xef) => noise(text.get(at..).unwrap_or_default(), end),
        _ => 0,
    }
}

/// How many bytes at the beginning of a text are one piece of noise.
pub(super) fn noise(text: &[u8], end: End) -> usize {
    match text {
        [0x1b, ..] => sequence(text).unwrap_or(if end == End::Open { text.len() } else { 1 }),
        // The beginning of one of the others.
        [0xc2 | 0xe2 | 0xef] | [0xe2, 0x80 | 0x81] | [0xef, 0xb8 | 0xbb] if end == End::Open => {
            text.len()
        }
        [b'\n' | b'\r', ..] => 1,
        // A soft hyphen.
        [0xc2, 0xad, ..] => 2,
        // Zero width, marks of direction, joiners, the byte order mark, variation selectors.
        [0xe2, 0x80, 0x8b..=0x8f | 0xaa..=0xae, ..]
        | [0xe2, 0x81, 0xa0..=0xaf, ..]
        | [0xef, 0xbb, 0xbf, ..]
        | [0xef, 0xb8, 0x80..=0x8f, ..] => 3,
        _ => 0,
    }
}

/// The length of a sequence that a terminal obeys. One that is broken, or longer
/// than any, is its first byte alone; `None` for one that the end cuts off.
fn sequence(text: &[u8]) -> Option<usize> {
    let rest = text.get(..LONGEST).unwrap_or(text);
    let body = |skip: usize| rest.iter().enumerate().skip(skip);
    let end = match rest.get(1) {
        Some(b'[') => {
            let end = body(2).find(|&(_, byte)| !(0x20..=0x3f).contains(byte));
            match end {
                Some((at, 0x40..=0x7e)) => Some(at + 1),
                Some(_) => return Some(1),
                None => None,
            }
        }
        Some(b']' | b'P' | b'X' | b'^' | b'_') => body(2).find_map(|(at, byte)| match byte {
            0x07 => Some(at + 1),
            b'\\' if rest.get(at - 1) == Some(&0x1b) => Some(at + 1),
            _ => None,
        }),
        Some(0x20..=0x2f) => match body(2).find(|&(_, byte)| !(0x20..=0x2f).contains(byte)) {
            Some((at, 0x30..=0x7e)) => Some(at + 1),
            Some(_) => return Some(1),
            None => None,
        },
        Some(0x30..=0x7e) => Some(2),
        Some(_) => return Some(1),
        None => None,
    };
    // What goes on beyond the longest one is none.
    end.or((rest.len() < text.len()).then_some(1))
}

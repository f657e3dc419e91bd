//! Families of ways to write characters that stand for something else.

/// Escaping with backslashes.
pub(super) struct Backslash {
    /// What gets a backslash before it.
    pub(super) quoted: &'static str,
    /// How control characters without a letter are written.
    pub(super) number: Number,
    /// What else is written as a number.
    pub(super) numbered: &'static str,
    /// Whether all that is no ASCII is written as numbers.
    pub(super) wide: bool,
}

/// How a character is written as a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Number {
    /// `\u00e4`, each unit of UTF-16.
    Unicode,
    /// `\u00E4`
    UnicodeUpper,
    /// `\xc3\xa4`, each byte.
    Hex,
    HexUpper,
    /// `\xe4`, `\u20ac`, `\U0001f600`, each code point.
    Python,
    /// `\303\244`, each byte.
    Octal,
    /// `\u{e4}`
    Braces,
    /// `&#228;`
    Decimal,
    /// `&#xe4;`
    Entity,
    /// `&#xE4;`
    EntityUpper,
    /// Not at all.
    None,
}

/// Percent-encoding.
pub(super) struct Percent {
    /// What stays, besides letters and digits.
    pub(super) safe: &'static str,
    /// Whether a blank becomes `+`.
    pub(super) plus: bool,
}

/// Entities of HTML; `&`, `<` and `>` always are.
pub(super) struct Entities {
    pub(super) named: &'static [(char, &'static str)],
    /// What is written as a number.
    pub(super) numbered: &'static str,
    /// Whether all that is no ASCII is written as numbers.
    pub(super) wide: bool,
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// The two digits of a byte.
pub(super) fn pair(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    let digit = |nibble: u8| digits.get(usize::from(nibble & 15)).copied().unwrap_or_default();
    [digit(byte >> 4), digit(byte)]
}

fn put(character: char, out: &mut Vec<u8>) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

impl Backslash {
    pub(super) fn write(&self, text: &str, out: &mut Vec<u8>) {
        for character in text.chars() {
            match character {
                _ if self.quoted.contains(character) => {
                    out.push(b'\\');
                    put(character, out);
                }
                _ if self.number == Number::None => put(character, out),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\u{8}' => out.extend_from_slice(b"\\b"),
                '\u{c}' => out.extend_from_slice(b"\\f"),
                _ if character.is_ascii_control()
                    || self.numbered.contains(character)
                    || (self.wide && !character.is_ascii()) =>
                {
                    self.number.write(character, out);
                }
                _ => put(character, out),
            }
        }
    }
}

impl Number {
    /// Writes every character as a number.
    pub(super) fn write_all(self, text: &str, out: &mut Vec<u8>) {
        for character in text.chars() {
            self.write(character, out);
        }
    }

    fn write(self, character: char, out: &mut Vec<u8>) {
        let code = u32::from(character);
        match self {
            Self::Unicode => units(character, LOWER, out),
            Self::UnicodeUpper => units(character, UPPER, out),
            Self::Hex => bytes(
                character,
                |byte, out| {
                    out.extend_from_slice(b"\\x");
                    out.extend(pair(byte, LOWER));
                },
                out,
            ),
            Self::HexUpper => bytes(
                character,
                |byte, out| {
                    out.extend_from_slice(b"\\x");
                    out.extend(pair(byte, UPPER));
                },
                out,
            ),
            Self::Python => {
                let (letter, digits) = match code {
                    ..=0xff => ('x', 2),
                    0x100..=0xffff => ('u', 4),
                    _ => ('U', 8),
                };
                out.extend_from_slice(format!("\\{letter}{code:0digits$x}").as_bytes());
            }
            Self::Octal => bytes(character, octal, out),
            Self::Braces => {
                out.extend_from_slice(b"\\u{");
                number(code, 16, LOWER, out);
                out.push(b'}');
            }
            Self::Decimal => {
                out.extend_from_slice(b"&#");
                number(code, 10, LOWER, out);
                out.push(b';');
            }
            Self::Entity | Self::EntityUpper => {
                out.extend_from_slice(b"&#x");
                number(code, 16, if self == Self::Entity { LOWER } else { UPPER }, out);
                out.push(b';');
            }
            Self::None => put(character, out),
        }
    }
}

fn bytes(character: char, each: impl Fn(u8, &mut Vec<u8>), out: &mut Vec<u8>) {
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        each(byte, out);
    }
}

fn octal(byte: u8, out: &mut Vec<u8>) {
    out.extend([b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]);
}

fn units(character: char, digits: &[u8; 16], out: &mut Vec<u8>) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(b"\\u");
        for byte in unit.to_be_bytes() {
            out.extend(pair(byte, digits));
        }
    }
}

fn number(code: u32, base: u32, digits: &[u8; 16], out: &mut Vec<u8>) {
    if code >= base {
        number(code / base, base, digits, out);
    }
    out.extend(digits.get((code % base) as usize));
}

impl Percent {
    pub(super) fn write(&self, text: &str, digits: &[u8; 16], out: &mut Vec<u8>) {
        for byte in text.bytes() {
            match byte {
                b' ' if self.plus => out.push(b'+'),
                _ if byte.is_ascii_alphanumeric() || self.safe.as_bytes().contains(&byte) => {
                    out.push(byte);
                }
                _ => Self::write_byte(byte, digits, out),
            }
        }
    }

    pub(super) fn write_all(text: &str, digits: &[u8; 16], out: &mut Vec<u8>) {
        for byte in text.bytes() {
            Self::write_byte(byte, digits, out);
        }
    }

    fn write_byte(byte: u8, digits: &[u8; 16], out: &mut Vec<u8>) {
        out.push(b'%');
        out.extend(pair(byte, digits));
    }
}

impl Entities {
    pub(super) fn write(&self, text: &str, out: &mut Vec<u8>) {
        for character in text.chars() {
            match character {
                '&' => out.extend_from_slice(b"&amp;"),
                '<' => out.extend_from_slice(b"&lt;"),
                '>' => out.extend_from_slice(b"&gt;"),
                _ => match self.named.iter().find(|(named, _)| *named == character) {
                    Some((_, entity)) => out.extend_from_slice(entity.as_bytes()),
                    None if self.numbered.contains(character) => {
                        Number::EntityUpper.write(character, out);
                    }
                    None if self.wide && !character.is_ascii() => {
                        Number::Decimal.write(character, out);
                    }
                    None => put(character, out),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn backslashes_stand_where_each_family_puts_them() {
        let json = Backslash { quoted: "\"\\", number: Number::Unicode, numbered: "<", wide: true };
        let found = text(|out| json.write("a\"\\/<\n\u{1}\u{e4}\u{1f600}", out));
        assert_eq!(found, r#"a\"\\/\u003c\n\u0001\u00e4\ud83d\ude00"#);
        let python = Backslash { quoted: "'\\", number: Number::Hex, numbered: "", wide: false };
        assert_eq!(text(|out| python.write("it's \u{1b}\u{e4}", out)), "it\\'s \\x1b\u{e4}");
        let shell = Backslash { quoted: "$ ", number: Number::None, numbered: "", wide: false };
        assert_eq!(text(|out| shell.write("a $b\n", out)), "a\\ \\$b\n");
    }

    #[test]
    fn numbers_are_written_as_each_family_does() {
        let all = |number: Number| text(|out| number.write_all("/\u{e4}", out));
        assert_eq!(all(Number::UnicodeUpper), "\\u002F\\u00E4");
        assert_eq!(all(Number::Hex), "\\x2f\\xc3\\xa4");
        assert_eq!(all(Number::Octal), "\\057\\303\\244");
        assert_eq!(all(Number::Braces), "\\u{2f}\\u{e4}");
        assert_eq!(all(Number::Decimal), "&#47;&#228;");
        assert_eq!(all(Number::EntityUpper), "&#x2F;&#xE4;");
    }

    #[test]
    fn percents_and_entities_keep_what_is_safe() {
        let form = Percent { safe: "*-._", plus: true };
        assert_eq!(text(|out| form.write("a b/*\u{e4}", UPPER, out)), "a+b%2F*%C3%A4");
        let entities = Entities { named: &[('"', "&quot;")], numbered: "/", wide: true };
        assert_eq!(text(|out| entities.write("<\"/&\u{e4}", out)), "&lt;&quot;&#x2F;&amp;&#228;");
    }
}

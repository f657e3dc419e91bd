//! From what a hook printed to a value, as a pure function.

use unspoken_seal::Secret;
use zeroize::Zeroizing;

use super::HookError;

/// The most that is taken from a hook: a value, its line end, and one byte that
/// shows that there is more.
pub(super) const LIMIT: usize = Secret::MAX + 2;

/// Reads the one line that a hook must print.
pub(super) fn read(
    mut output: Zeroizing<Vec<u8>>,
    old: Option<&Secret>,
) -> Result<Secret, HookError> {
    if output.len() >= LIMIT {
        return Err(HookError::TooMuch);
    }
    if output.last() == Some(&b'\n') {
        output.pop();
    }
    if output.is_empty() {
        return Err(HookError::Nothing);
    }
    // A return alone is how some programs end a line, too.
    if output.iter().any(|byte| b"\n\r".contains(byte)) {
        return Err(HookError::Lines);
    }
    if output.len() > Secret::MAX {
        return Err(HookError::TooMuch);
    }
    let secret = Secret::new(std::mem::take(&mut *output)).map_err(HookError::Value)?;
    if old.is_some_and(|old| old.is_same(&secret)) { Err(HookError::Same) } else { Ok(secret) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_text(output: &[u8], old: &str) -> Result<Secret, HookError> {
        let old = Secret::new(old.into()).unwrap();
        read(Zeroizing::new(output.to_vec()), Some(&old))
    }

    #[test]
    fn an_answer_is_one_line() {
        #[track_caller]
        fn case(output: &[u8], expected: Result<&str, &str>) {
            let found = read_text(output, "old").map_err(|error| error.to_string());
            let found = found.as_ref().map(Secret::expose);
            assert_eq!(found.map_err(String::as_str), expected);
        }

        case(b"new\n", Ok("new"));
        case(b"new", Ok("new"));
        case(b" new ", Ok(" new "));
        case(b"", Err("the hook printed nothing"));
        case(b"\n", Err("the hook printed nothing"));
        case(b"old\n", Err("the hook printed the old value"));
        for lines in [b"new\n\n".as_slice(), b"a\nb", b"\nnew", b"new\r\n", b"a\rb", b"\n\n"] {
            case(lines, Err("the hook printed more than one line"));
        }
        let nul = "what the hook printed is no value: the value holds a NUL at byte 1, which no \
                   environment variable can carry";
        case(b"n\0", Err(nul));
        let text = "what the hook printed is no value: the value is not UTF-8 text: byte 1 cannot \
                    be read";
        case(b"n\xff\n", Err(text));
    }

    #[test]
    fn the_largest_value_passes_and_one_byte_more_does_not() {
        let line = |bytes: usize, end: &str| ["x".repeat(bytes).as_str(), end].concat();
        for end in ["", "\n"] {
            assert!(read_text(line(Secret::MAX, end).as_bytes(), "").is_ok());
            let error = read_text(line(Secret::MAX + 1, end).as_bytes(), "").unwrap_err();
            assert!(matches!(error, HookError::TooMuch), "{error:?}");
        }
    }

    #[test]
    fn without_an_old_value_an_answer_is_the_same_as_none() {
        assert!(read(Zeroizing::new(b"new".to_vec()), None).is_ok());
        assert!(matches!(read(Zeroizing::new(Vec::new()), None), Err(HookError::Nothing)));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value_or_an_error(output in any::<Vec<u8>>()) {
            if let Ok(secret) = read_text(&output, "old") {
                let line = output.strip_suffix(b"\n").unwrap_or(&output);
                prop_assert!(secret.expose().as_bytes() == line);
            }
        }
    }
}

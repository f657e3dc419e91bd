//! Numbers as they may be spelled in YAML.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Real(f64),
    /// A whole number beyond `i64` and within `u64`, which sops refuses.
    TooLarge,
}

/// Reads a plain scalar as a number, when it is one.
pub(super) fn parse(text: &str) -> Option<Number> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Some(Number::Real(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Some(Number::Real(f64::NEG_INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Number::Real(f64::NAN)),
        _ => {}
    }
    match text.bytes().next()? {
        b'.' => real(text),
        b'+' | b'-' | b'0'..=b'9' => {
            let plain: String = text.chars().filter(|&c| c != '_').collect();
            whole(&plain).or_else(|| real(&plain))
        }
        _ => None,
    }
}

/// Whether a text has the form of a decimal number, in range or not.
pub(super) fn looks_like_one(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, "")) => digits(whole),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    is_mantissa && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

fn real(text: &str) -> Option<Number> {
    let number: f64 = looks_like_one(text).then(|| text.parse().ok())??;
    number.is_finite().then_some(Number::Real(number))
}

/// Reads a whole number by its prefix: `0x`, `0o`, `0b`, and a mere `0` for
/// octal.
fn whole(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    // `from_str_radix` would take a second sign.
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    let signed = if negative { -i128::from(size) } else { i128::from(size) };
    match i64::try_from(signed) {
        Ok(number) => Some(Number::Whole(number)),
        Err(_) if negative => None,
        Err(_) => Some(Number::TooLarge),
    }
}

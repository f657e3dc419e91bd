//! The second factor: codes of six digits, by RFC 6238, as every authenticator makes them.

use std::fmt;

use zeroize::Zeroizing;

use crate::hazmat::{self, Key};

/// The secret that a person's authenticator holds too. Wiped on drop.
pub(crate) struct SecondFactor(Zeroizing<[u8; SECRET]>);

/// RFC 4226 asks for 160 bits, and no authenticator refuses that many.
const SECRET: usize = 20;

/// For how long a code is shown.
const STEP: i64 = 30_000;

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

impl SecondFactor {
    pub(crate) fn random() -> Self {
        Self(Zeroizing::new(hazmat::random()))
    }

    /// The one that was kept as a key.
    pub(crate) fn of_key(key: &Key) -> Self {
        let mut secret = Zeroizing::new([0; SECRET]);
        secret.iter_mut().zip(key.expose()).for_each(|(to, from)| *to = *from);
        Self(secret)
    }

    /// As what it is kept: what is wrapped is 32 bytes.
    pub(crate) fn key(&self) -> Key {
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.iter_mut().zip(self.0.iter()).for_each(|(to, from)| *to = *from);
        Key::new(&*bytes).unwrap_or_else(Key::random)
    }

    /// Reads what [`SecondFactor::expose`] prints.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut secret = Zeroizing::new([0; SECRET]);
        if text.len() != SECRET * 8 / 5 {
            return None;
        }
        for (at, letter) in text.bytes().enumerate() {
            let five = LETTERS.iter().position(|known| *known == letter)?;
            for bit in 0..5 {
                let place = at * 5 + bit;
                if five & (0b1_0000 >> bit) != 0 {
                    *secret.get_mut(place / 8)? |= 0b1000_0000 >> (place % 8);
                }
            }
        }
        Some(Self(secret))
    }

    /// Prints the secret as base32, for an authenticator. Never log this.
    pub(crate) fn expose(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SECRET * 8 / 5));
        for five in self.0.chunks(5) {
            let number = five.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                let at = usize::try_from(number >> (place * 5) & 31).unwrap_or(0);
                text.push(LETTERS.get(at).copied().map_or('A', char::from));
            }
        }
        text
    }

    /// The step that a code belongs to: the current one or a neighbour, for clocks that differ. Of
    /// steps up to `used` no code is good any more.
    pub(crate) fn step(&self, code: &str, now: i64, used: Option<i64>) -> Option<i64> {
        let current = now / STEP;
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let mut found = None;
        for step in current - 1..=current + 1 {
            let is_it = hazmat::is_same(self.code(step).as_bytes(), code.as_bytes());
            if is_it && used.is_none_or(|used| step > used) {
                found = Some(step);
            }
        }
        found
    }

    fn code(&self, step: i64) -> String {
        let tag = hazmat::hmac_sha1(&*self.0, &step.to_be_bytes());
        let at = usize::from(tag[19] & 0xf);
        let four = tag.iter().skip(at).take(4);
        let number = four.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecondFactor([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_the_standard() -> SecondFactor {
        SecondFactor(Zeroizing::new(*b"12345678901234567890"))
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(of_the_standard().step(code, seconds * 1000, None), Some(seconds / 30));
        }
    }

    #[test]
    fn a_step_is_used_once_and_lies_near() {
        let (factor, now) = (of_the_standard(), 1_234_567_890_000);
        let step = now / STEP;
        let code = |step| factor.code(step);
        assert_eq!(factor.step(&code(step), now, Some(step - 1)), Some(step));
        assert_eq!(factor.step(&code(step), now, Some(step)), None);
        assert_eq!(factor.step(&code(step - 1), now, Some(step)), None);
        assert_eq!(factor.step(&code(step + 1), now, Some(step)), Some(step + 1));
        for far in [step - 2, step + 2] {
            assert_eq!(factor.step(&code(far), now, None), None);
        }
        let code = code(step);
        let (front, back) = code.split_at(3);
        assert_eq!(factor.step(&format!("{front} {back}"), now, None), Some(step));
        assert_eq!(factor.step("", now, None), None);
    }

    #[test]
    fn a_secret_is_read_as_it_is_printed_and_kept() {
        assert_eq!(*of_the_standard().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let factor = SecondFactor::random();
        assert_eq!(SecondFactor::parse(&factor.expose()).unwrap().0, factor.0);
        assert_eq!(SecondFactor::of_key(&factor.key()).0, factor.0);
        for wrong in
            ["", "GEZDGNBV", "gezdgnbvgy3tqojqgezdgnbvgy3tqojq", "1EZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]
        {
            assert!(SecondFactor::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{factor:?}"), "SecondFactor([REDACTED])");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_secret_or_none(text in ".{0,40}", code in ".{0,12}") {
            let _ = SecondFactor::parse(&text);
            proptest::prop_assert_eq!(of_the_standard().step(&code, 0, Some(9)), None);
        }
    }
}

//! Shamir's secret sharing over GF(2^8), as sops splits a data key over groups.
//!
//! A share is the key's length in y bytes, then the x byte. Reading only: our
//! documents have one group, and files of others are not split anew.

use zeroize::Zeroizing;

/// Joins shares to the secret that they were made from.
///
/// `None` when there are fewer than two, their lengths differ, or two have the
/// same x. Too few shares for the threshold give a wrong secret, which the MAC
/// then refuses.
pub(crate) fn combine(shares: &[Zeroizing<Vec<u8>>]) -> Option<Zeroizing<Vec<u8>>> {
    let length = shares.first()?.len().checked_sub(1)?;
    let points: Vec<(u8, &[u8])> =
        shares.iter().filter_map(|share| share.split_last().map(|(x, ys)| (*x, ys))).collect();
    let uniform = points.len() == shares.len() && points.iter().all(|(_, ys)| ys.len() == length);
    let mut xs: Vec<u8> = points.iter().map(|(x, _)| *x).collect();
    xs.sort_unstable();
    xs.dedup();
    if length == 0 || points.len() < 2 || !uniform || xs.len() != points.len() || xs.contains(&0) {
        return None;
    }
    let mut secret = Zeroizing::new(vec![0; length]);
    for (x, ys) in &points {
        let weight = weight_at_zero(*x, &xs);
        for (byte, y) in secret.iter_mut().zip(*ys) {
            *byte ^= multiply(weight, *y);
        }
    }
    Some(secret)
}

/// Lagrange's basis polynomial of `x` over `xs`, at zero.
fn weight_at_zero(x: u8, xs: &[u8]) -> u8 {
    xs.iter()
        .filter(|&&other| other != x)
        .fold(1, |weight, &other| multiply(weight, divide(other, other ^ x)))
}

/// Multiplies in GF(2^8) modulo x^8+x^4+x^3+x+1, without a branch or a table
/// that depends on the operands.
fn multiply(mut a: u8, b: u8) -> u8 {
    let mut product = 0;
    for bit in 0..8 {
        product ^= a & 0u8.wrapping_sub((b >> bit) & 1);
        a = (a << 1) ^ (0x1b & 0u8.wrapping_sub(a >> 7));
    }
    product
}

/// Divides in the same field; `b` is never zero here.
fn divide(a: u8, b: u8) -> u8 {
    // b^254 is the inverse of b.
    let mut inverse = b;
    for _ in 0..6 {
        inverse = multiply(multiply(inverse, inverse), b);
    }
    multiply(a, multiply(inverse, inverse))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Zeroizing<Vec<u8>> {
        let digits: Vec<u8> =
            text.chars().map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
        Zeroizing::new(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
    }

    const ONE: &str = "26d31f3af89c06b5580d82f5de3c082ff5785fb53d8413e8b3289bd47e1458b501";
    const TWO: &str = "55c7f81f31e3f9de6ab561dbddb469d8ea3101c9e652f06c8a08a6ed9fb87bc302";
    const KEY: &str = "fedf42d0bf405365bf652aefdf44de8b09b69c68743fbb94a4c179c32170b06e";

    #[test]
    fn two_shares_of_sops_give_the_key_in_either_order() {
        assert_eq!(combine(&[hex(ONE), hex(TWO)]).unwrap(), hex(KEY));
        assert_eq!(combine(&[hex(TWO), hex(ONE)]).unwrap(), hex(KEY));
    }

    #[test]
    fn shares_that_cannot_belong_together_are_refused() {
        assert_eq!(combine(&[]), None);
        assert_eq!(combine(&[hex(ONE)]), None);
        assert_eq!(combine(&[hex(ONE), hex(ONE)]), None);
        assert_eq!(combine(&[hex(ONE), hex("0102")]), None);
        assert_eq!(combine(&[hex("01"), hex("02")]), None);
        assert_eq!(combine(&[hex("0100"), hex("0201")]), None);
        assert_eq!(combine(&[hex(""), hex("")]), None);
    }

    #[test]
    fn every_number_divided_by_itself_is_one() {
        for a in 1..=255 {
            assert_eq!(divide(a, a), 1);
            assert_eq!(multiply(a, 1), a);
        }
    }
}

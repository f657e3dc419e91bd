//! Who asks, where proxies stand in front: `X-Forwarded-For`.
//!
//! Rules:
//! - Each proxy adds to the right whom it was asked by. So it is read from the right, for as long as
//!   those that were named are believed; the first that is not is who asks.
//! - What stands further left is anybody's text, and is not looked at.
//! - What is looked at is an address, perhaps with a port, or the whole is refused.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

/// Why it cannot be told who asks.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ForwardedError {
    #[error("a proxy names an address that cannot be read")]
    Address,
    #[error("more than {max} proxies name each other", max = HOPS)]
    Hops,
}

/// How many proxies may stand one behind the other.
const HOPS: usize = 16;

/// How long one address is at most, with brackets, a port, and spaces around it.
const LONGEST: usize = 64;

/// Finds who asks a server that is connected to `peer`. `fields` are the header's, in their order.
pub fn forwarded_for<'h>(
    peer: IpAddr,
    fields: impl DoubleEndedIterator<Item = &'h [u8]>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Result<IpAddr, ForwardedError> {
    let mut found = peer.to_canonical();
    if !is_trusted(found) {
        return Ok(found);
    }
    let hops = fields.rev().flat_map(|field| field.rsplit(|byte| *byte == b','));
    for (number, hop) in hops.enumerate() {
        if number == HOPS {
            return Err(ForwardedError::Hops);
        }
        found = parse(hop).ok_or(ForwardedError::Address)?;
        if !is_trusted(found) {
            break;
        }
    }
    Ok(found)
}

/// Reads `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:443`.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(hop).ok().filter(|text| text.len() <= LONGEST)?;
    let text = text.trim_matches([' ', '\t']);
    // A zone means something on the machine alone that wrote it.
    if text.contains('%') {
        return None;
    }
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let address = text.parse().ok().or_else(bare).or_else(with_port);
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find(peer: &str, fields: &[&str]) -> Result<String, ForwardedError> {
        let is_trusted = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets()[0] == 10,
            IpAddr::V6(address) => address.segments()[0] == 0xfd00,
        };
        let fields = fields.iter().map(|field| field.as_bytes());
        let found = forwarded_for(peer.parse().unwrap(), fields, is_trusted);
        found.map(|address| address.to_string())
    }

    #[test]
    fn the_first_from_the_right_that_is_not_believed_asks() {
        #[track_caller]
        fn case(peer: &str, fields: &[&str], expected: &str) {
            assert_eq!(find(peer, fields).as_deref(), Ok(expected), "{fields:?}");
        }
        case("192.0.2.7", &[], "192.0.2.7");
        // Whoever is not believed is not asked.
        case("192.0.2.7", &["198.51.100.1"], "192.0.2.7");
        case("192.0.2.7", &["nonsense"], "192.0.2.7");
        case("10.0.0.1", &[], "10.0.0.1");
        case("10.0.0.1", &["198.51.100.1"], "198.51.100.1");
        case("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1");
        case("10.0.0.1", &["198.51.100.1, 10.0.0.2,\t10.0.0.3"], "198.51.100.1");
        case("10.0.0.1", &["198.51.100.1", "10.0.0.2"], "198.51.100.1");
        // What a client wrote in front of it.
        case("10.0.0.1", &["127.0.0.1, 198.51.100.1"], "198.51.100.1");
        case("10.0.0.1", &["nonsense, 198.51.100.1, 10.0.0.9"], "198.51.100.1");
        case("10.0.0.1", &["10.0.0.8, 10.0.0.9"], "10.0.0.8");
        case("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1");
        case("fd00::1", &["2001:db8::5"], "2001:db8::5");
        case("fd00::1", &["[2001:db8::5]"], "2001:db8::5");
        case("fd00::1", &["[2001:db8::5]:443, [fd00::2]:80"], "2001:db8::5");
    }

    #[test]
    fn what_cannot_be_read_where_it_counts_is_refused() {
        let long = format!("198.51.100.1{}", " ".repeat(80));
        for field in [
            "",
            " ",
            "nonsense",
            "unknown",
            "_hidden",
            "198.51.100.1,",
            "198.51.100",
            "1.2.3.4.5",
            "198.51.100.1:",
            "198.51.100.1:99999",
            "[198.51.100.1]",
            "[2001:db8::1",
            "2001:db8::1]",
            "[fe80::1%1]:80",
            "fe80::1%eth0",
            "198.51.100.1 10.0.0.2",
            "for=198.51.100.1",
            "\u{0}",
            "\"198.51.100.1\"",
            "0x7f.1",
            "01.02.03.04",
            &long,
        ] {
            assert_eq!(find("10.0.0.1", &[field]), Err(ForwardedError::Address), "{field:?}");
        }
        let many = vec!["10.0.0.2"; 17].join(",");
        assert_eq!(find("10.0.0.1", &[&many]), Err(ForwardedError::Hops));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(fields in prop::collection::vec(any::<Vec<u8>>(), 0..4)) {
            let fields = fields.iter().map(Vec::as_slice);
            let _ = forwarded_for(IpAddr::from([10, 0, 0, 1]), fields, |_| true);
        }

        #[test]
        fn who_is_not_believed_counts_whatever_they_wrote(text in "[ -~]{0,60}", last in any::<[u8; 4]>()) {
            prop_assume!(last[0] != 10);
            let field = format!("{text},{}", IpAddr::from(last));
            prop_assert_eq!(find("10.0.0.1", &[&field]), Ok(IpAddr::from(last).to_string()));
        }
    }
}

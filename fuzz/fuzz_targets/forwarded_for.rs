//! What proxies say of who asks: the peer where nobody is believed, an address or a refusal
//! where somebody is, and what a client wrote itself changes nothing.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use unspoken_wire::forwarded_for;

fuzz_target!(|header: &[u8]| {
    let (proxy, client) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([192, 0, 2, 1]));
    let fields = || header.split(|byte| *byte == b'\n');
    let find = |fields: Vec<&[u8]>, is_trusted: fn(IpAddr) -> bool| {
        forwarded_for(proxy, fields.into_iter(), is_trusted)
    };
    assert_eq!(find(fields().collect(), |_| false), Ok(proxy));
    let _ = find(fields().collect(), |address| address.is_loopback() || address.is_ipv6());
    let _ = find(fields().collect(), |_| true);
    let added = fields().chain([b"192.0.2.1".as_slice()]).collect();
    assert_eq!(find(added, |address| address != IpAddr::from([192, 0, 2, 1])), Ok(client));
});

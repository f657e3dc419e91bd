//! Those that stand in front of a vault and are believed when they say who asks.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use unspoken_wire::forwarded_for;

use crate::problem::Problem;

/// See the top. Without any, nobody is believed.
#[derive(Debug, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(crate) fn new(ranges: Vec<IpNet>) -> Self {
        Self(ranges)
    }

    /// Who asks: the peer, or who asked the proxy that it is.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Result<IpAddr, Problem> {
        let fields = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
        let is_trusted = |address| self.0.iter().any(|range| range.contains(&address));
        forwarded_for(peer, fields, is_trusted).map_err(|error| Problem::invalid(error.to_string()))
    }
}

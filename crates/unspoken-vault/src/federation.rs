//! Proofs of others: what a CI system or a cluster signs about a job, by which the job gets a
//! token without anything being stored there; and what a provider signs about a person.
//!
//! Rules:
//! - Which algorithms are taken is decided here, and not by what was sent.
//! - Issuer, audience, subject and expiry are required; issuer, audience and each claim of a rule have
//!   to be equal, byte for byte. There are no patterns.
//! - Keys are fetched from issuers that a rule or the server's own configuration names, and from no other.

mod exchange;
mod issuers;
mod proof;
mod provider;
mod published;

pub(crate) use exchange::{Account, Errand, SignedIn, Vouched};
pub(crate) use issuers::Issuers;
pub(crate) use proof::{
    Claims, Judgement, Proof, Statement, check_claims, check_endpoint, check_issuer,
};
pub(crate) use provider::{Provider, Providers};
pub(crate) use published::{Endpoints, read_published};

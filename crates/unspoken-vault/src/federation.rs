//! Proofs of others: what a CI system or a cluster signs about a job, by which the job gets a
//! token without anything being stored there.
//!
//! Rules:
//! - Which algorithms are taken is decided here, and not by what was sent.
//! - Issuer, audience, subject and expiry are required; issuer, audience and each claim of a rule have
//!   to be equal, byte for byte. There are no patterns.
//! - Keys are fetched from issuers that a rule names, and from no other.

mod issuers;
mod proof;

pub(crate) use issuers::Issuers;
pub(crate) use proof::{Claims, Judgement, Proof, check_claims, check_issuer};

//! Keys: one master key, one key for each project, one for each version of a value.

mod address;
mod kms_key;
mod master;
mod ring;

pub(crate) use address::{Address, Purpose};
pub(crate) use kms_key::KmsKey;
#[cfg(test)]
pub(crate) use master::Counting;
pub(crate) use master::{LocalMaster, MasterError, MasterKey};
pub(crate) use ring::{KeyRing, ProjectKey, SealedValue};

//! The master key that a command works with, from wherever it comes.

use std::sync::Arc;

use super::{Where, failed};
use crate::config::Variables;
use crate::failure::Failure;
use crate::key::{KmsKey, LocalMaster, MasterKey};
use crate::master_file::{self, FoundMaster};

impl Where {
    /// The store's master key, by the flags or in the first place where there is one.
    pub(super) fn master(&self, variables: &Variables) -> Result<Arc<dyn MasterKey>, Failure> {
        let found = match &self.master_key {
            Some(name) => FoundMaster::AwsKms(name.clone()),
            None => master_file::find(self.master_key_file.as_deref(), variables)
                .map_err(|error| failed(&error))?,
        };
        hold(found, variables)
    }
}

/// Gets ready to wrap by a master key. Asks nobody yet.
pub(super) fn hold(
    found: FoundMaster,
    variables: &Variables,
) -> Result<Arc<dyn MasterKey>, Failure> {
    match found {
        FoundMaster::Own(key) => Ok(Arc::new(LocalMaster::new(key))),
        FoundMaster::AwsKms(key) => kms(&key, variables),
    }
}

#[cfg(feature = "aws-kms")]
fn kms(key: &KmsKey, variables: &Variables) -> Result<Arc<dyn MasterKey>, Failure> {
    match crate::aws::KmsMaster::new(key.clone(), &variables.aws) {
        Ok(master) => Ok(Arc::new(master)),
        Err(error) => Err(failed(&error)),
    }
}

#[cfg(not(feature = "aws-kms"))]
fn kms(key: &KmsKey, _: &Variables) -> Result<Arc<dyn MasterKey>, Failure> {
    Err(Failure::new(format!("this program was built without AWS KMS, which holds `{key}`")).hint(
        "Build it with: `cargo build --release --package unspoken-vault --features aws-kms`.",
    ))
}

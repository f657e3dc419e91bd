//! AWS: a master key that AWS KMS holds, and how this program shows there who it is.
//!
//! Rules:
//! - Nothing is asked in the lane: each question here waits for the network.
//! - Each question has an end, whatever the other side does. Where there is no answer, nothing is
//!   handed out.
//! - What AWS says in words is never repeated: it can quote what was asked.

mod credential;
mod endpoint;
mod kms;
mod signing;
mod source;

pub(crate) use kms::{KmsError, KmsMaster};
pub(crate) use source::AwsVariables;

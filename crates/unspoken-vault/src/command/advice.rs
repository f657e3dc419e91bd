//! What to do about what failed.

use std::any::Any;
use std::io::ErrorKind;

use crate::key::MasterError;
use crate::master_file::MasterFileError;
use crate::opened::OpenError;
use crate::server::ServerError;

/// What is to be typed next, where that is known.
pub(super) fn advise(error: &dyn Any) -> Option<String> {
    if let Some(error) = error.downcast_ref::<OpenError>() {
        return opening(error).map(str::to_owned);
    }
    if let Some(error) = error.downcast_ref::<MasterFileError>() {
        return finding(error);
    }
    match error.downcast_ref::<ServerError>() {
        Some(ServerError::Listen { error, .. }) if error.kind() == ErrorKind::AddrInUse => Some(
            "Another program listens there; `--listen 127.0.0.1:PORT` takes another port.".into(),
        ),
        _ => None,
    }
}

fn opening(error: &OpenError) -> Option<&'static str> {
    match error {
        OpenError::NotThere => Some("Make one: `unspoken-vault init --data DIR`."),
        OpenError::Rewrapping => {
            Some("Run `unspoken-vault rewrap` again, with the same two master keys.")
        }
        OpenError::Master(MasterError::Refused) => Some(
            "Name the file that `init` named: `--master-key-file FILE`. Without that it is systemd's \
             credential, `UNSPOKEN_VAULT_MASTER_KEY`, or the file in your own configuration.",
        ),
        _ => None,
    }
}

fn finding(error: &MasterFileError) -> Option<String> {
    match error {
        MasterFileError::Open { path, .. } => Some(format!(
            "Run `chmod 600 {}`. If somebody may have read it, `unspoken-vault rewrap` makes another.",
            path.display()
        )),
        MasterFileError::Nowhere => {
            Some("Name the file that `init` named: `--master-key-file FILE`.".to_owned())
        }
        _ => None,
    }
}

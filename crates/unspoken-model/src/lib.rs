//! Everything about a secret except its value.
//!
//! Names, places, the project file, key ids, expiry dates. Nothing in this
//! crate can hold a value, so whatever is made from its types alone (lists,
//! generated types, checks) cannot leak one. Pure: no files, no clock, no
//! environment.

#![forbid(unsafe_code)]

mod audit;
mod expiry;
mod git_remote;
mod id;
mod key_id;
mod key_stub;
mod language;
mod name;
mod nearest;
mod place;
mod project_file;
mod public_key;
mod recipient_name;
mod scope;
mod seal_key;
mod shown;
mod vault_url;

pub use audit::{Action, AuditEntry, AuditWordError, Outcome};
pub use expiry::{Expiry, ExpiryError, ExpiryState, SOON_DAYS};
pub use git_remote::GitRemote;
pub use id::{
    BASE62, DeploymentId, EnvironmentId, IdError, LoginId, NodeId, PersonId, ProjectId, RequestId,
    TeamId, TokenId, TrustId,
};
pub use key_id::{KeyId, KeyIdError};
pub use key_stub::{KeyStub, KeyStubError};
pub use language::Language;
pub use name::{NameError, SecretName};
pub use nearest::nearest;
pub use place::{EnvironmentName, Place, PlaceError, ProjectName};
pub use project_file::{
    DocumentForm, EnvironmentEntry, InheritError, ProjectFile, ProjectFileError,
    ProjectFileProblem, RunMode, Source, VaultEntry,
};
pub use public_key::is_same_key;
pub use recipient_name::{RecipientName, RecipientNameError};
pub use scope::{Grant, Reach, Role, RoleError, Verb};
pub use seal_key::{SealKey, SealKeyError};
pub use shown::shown;
pub use vault_url::{VaultUrl, VaultUrlError};

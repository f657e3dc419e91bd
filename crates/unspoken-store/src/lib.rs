//! Where sealed things are kept: project files, documents, private keys.
//!
//! Plain synchronous file work. Every path, limit and variable is an argument;
//! the process environment is read in one place, [`Variables::from_process`].
//! What reaches a process is none of this crate's business.

#![forbid(unsafe_code)]

mod atomic;
mod backup;
mod config;
pub mod env_vars;
mod file_error;
mod find;
mod git_pattern;
mod home;
mod hook_program;
mod ignore_file;
mod key_file;
mod key_folder;
mod keychain;
mod keyring;
mod lock;
mod permission;
mod private_folder;
mod project;
mod project_store;
mod real_root;
mod record;
mod record_folder;
mod regular_file;
mod rescue;
mod store;
mod store_error;
mod temporary;
mod trust;
mod vault;
mod vault_store;

pub use atomic::{replace, write_new};
pub use backup::{
    Backup, BackupError, BackupKeys, KeyState, KeysError, Restore, RestoreError, State, Step,
};
pub use config::{ConfigError, Origin, Setting, environment, project_directory};
pub use env_vars::{EnvVar, NotText, Variables};
pub use file_error::{FileError, Operation};
pub use find::{FindError, Found, find};
pub use git_pattern::{attribute_pattern, ignore_pattern};

pub use home::{Home, HomeError, tako_key_path};
pub use hook_program::{HookProgram, HookProgramError};
pub use ignore_file::{add_lines, ensure_lines};
pub use key_file::{KeptIn, KeyFile, KeyName, MoveError, Moved};
pub use key_folder::KeyFolder;
pub use keychain::KeychainError;
pub use keyring::{Candidate, CommandError, KeyOrigin, Keyring, KeyringError};
pub use lock::{Lock, LockError};
pub use permission::{Permission, Permissions};
pub use private_folder::{PrivateError, Written};
pub use project::{Project, ProjectError, SECRETS, reach};
pub use project_store::inbox::inbox_folder;
pub use project_store::{
    AccessPlan, DataKeyPolicy, Edited, Folded, InboxProblem, Leave, ProjectStore, Waiting,
};
pub use real_root::RealRoot;
pub use record::{Record, RecordError, RecordKind};
pub use record_folder::{RecordFolder, RecordFolderError};
pub use regular_file::read_limited;
pub use rescue::{Prepared, Rescue, RescueError};
pub use store::{Sheet, Store};
pub use store_error::{NoKey, StoreError};
pub use trust::{Distrust, Trust, TrustedHook};
pub use vault::{
    CredentialError, Credentials, Fetched, Keep, KeptToken, TokenNote, TokenPlace,
    TokenRecordError, VaultClient, VaultError, VaultUrl, VaultUrlError,
};
pub use vault_store::{
    FoundProject, Offline, Reported, SnapshotError, VaultChange, VaultName, VaultNames,
    VaultOpened, VaultProject, VaultStore, VaultStoreError,
};

//! `import` of what other tools keep: the real sops and the real dotenvx
//! encrypt, Tako's published example stands for Tako.

mod dotenvx;
mod envless;
mod exports;
mod sops;
mod tako;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;
use unspoken_testkit::{Invocation, Output, Project, canary, peers};

fn project() -> Project {
    Project::with_environments(&["development", "production"])
}

#[track_caller]
fn import(project: &Project, arguments: &[&str]) -> Output {
    project.unspoken([&["import"], arguments].concat()).run().is_silent_on_values()
}

/// The import fails, and everything is as it was.
#[track_caller]
fn refused(project: &Project, call: Invocation, code: i32) -> Output {
    let before = project.snapshot();
    let output = call.run().is_silent_on_values().fails_with(code);
    project.is_as(&before);
    output
}

fn write_private(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

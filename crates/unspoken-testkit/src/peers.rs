//! The real programs that ours must agree with.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `cargo xtask setup` has put the peers.
#[derive(Clone, Debug)]
pub struct Peers {
    folder: PathBuf,
}

/// Finds the peers. A test that needs them fails without; it is never skipped.
#[track_caller]
pub fn peers() -> Peers {
    match std::env::var_os("UNSPOKEN_PEERS").map(PathBuf::from) {
        Some(folder) if folder.join("bin").is_dir() => Peers { folder },
        _ => panic!("UNSPOKEN_PEERS names no folder: run `cargo xtask test`, which installs them"),
    }
}

impl Peers {
    pub fn sops(&self) -> PathBuf {
        self.bin("sops")
    }

    pub fn age(&self) -> PathBuf {
        self.bin("age")
    }

    pub fn age_keygen(&self) -> PathBuf {
        self.bin("age-keygen")
    }

    /// A plugin of age's: `pq`, `batchpass` or `xwing`.
    pub fn age_plugin(&self, name: &str) -> PathBuf {
        self.bin(&format!("age-plugin-{name}"))
    }

    /// The reader that Docker Compose is built on, as a program.
    pub fn compose_spec(&self) -> PathBuf {
        self.bin("compose-spec")
    }

    /// Python, with `dotenv`, `yaml` and `mypy` as modules.
    pub fn python(&self) -> PathBuf {
        self.folder.join("py/bin/python")
    }

    /// npm's `dotenvx` program.
    pub fn dotenvx(&self) -> PathBuf {
        self.folder.join("node_modules/.bin/dotenvx")
    }

    /// TypeScript's compiler.
    pub fn tsc(&self) -> PathBuf {
        self.folder.join("node_modules/.bin/tsc")
    }

    /// The main file of a certified provider of sign-ins, for Node.
    pub fn oidc_provider(&self) -> PathBuf {
        self.folder.join("oidc/node_modules/oidc-provider/lib/index.js")
    }

    /// The folder from which `require("dotenv")` works.
    pub fn node_folder(&self) -> &Path {
        &self.folder
    }

    /// `node`, in the folder from which `require("dotenv")` works.
    pub fn node(&self) -> Command {
        let mut command = Command::new("node");
        command.current_dir(&self.folder);
        command
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }
}

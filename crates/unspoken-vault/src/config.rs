//! What the program is told by its command line and by its variables, read once.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// The variables that this program reads, and no others.
pub struct Variables {
    /// `UNSPOKEN_VAULT_MASTER_KEY`: the master key itself.
    pub(crate) master_key: Option<Zeroizing<String>>,
    /// `CREDENTIALS_DIRECTORY`: where systemd puts credentials.
    pub(crate) credentials: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, or `.config` in `HOME`.
    pub(crate) config: Option<PathBuf>,
    /// `PGPASSWORD`.
    pub(crate) database_password: Option<Zeroizing<String>>,
    /// Whether `OTEL_EXPORTER_OTLP_ENDPOINT`, or the same for traces alone, names a collector. Its
    /// client reads it, and what else is standard beside it.
    pub(crate) is_traced: bool,
    /// Those that all programs for AWS read.
    #[cfg(feature = "aws-kms")]
    pub(crate) aws: crate::aws::AwsVariables,
}

/// Where a store is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StoreChoice<'a> {
    Folder(&'a Path),
    Database(&'a str),
}

const COLLECTOR: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

impl Variables {
    /// Reads them.
    #[expect(clippy::disallowed_methods, reason = "this is the place that the rule speaks of")]
    pub fn from_process() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let path = |name: &str| {
            std::env::var_os(name).filter(|text: &OsString| !text.is_empty()).map(PathBuf::from)
        };
        Self {
            master_key: text("UNSPOKEN_VAULT_MASTER_KEY").map(Zeroizing::new),
            credentials: path("CREDENTIALS_DIRECTORY"),
            config: path("XDG_CONFIG_HOME")
                .or_else(|| path("HOME").map(|home| home.join(".config"))),
            database_password: text("PGPASSWORD").map(Zeroizing::new),
            is_traced: COLLECTOR.into_iter().any(|name| text(name).is_some()),
            #[cfg(feature = "aws-kms")]
            aws: crate::aws::AwsVariables::read(text),
        }
    }

    /// Where `init` puts a master key, and `serve` looks for it last.
    pub(crate) fn master_key_file(&self) -> Option<PathBuf> {
        Some(self.config.as_ref()?.join("unspoken-vault").join("master.key"))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").finish_non_exhaustive()
    }
}

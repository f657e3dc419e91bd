//! `unspoken export --format compose`: secret files in memory, and the fragment
//! that mounts them.

use std::path::{Path, PathBuf};

use unspoken_deliver::export::{
    ComposeError, Composition, FileMode, FolderError, MemoryFolder, Service,
};
use unspoken_model::EnvironmentName;
use unspoken_store::env_vars::XDG_RUNTIME_DIR;

use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, quoted};
use crate::flags::EnvFlag;
use crate::ui::counted;

/// What `--format compose` alone has.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "With `--format compose`")]
pub(super) struct ComposeFlags {
    /// A service and the secrets that it gets, all without names; may be given several times
    #[arg(long, value_name = "SERVICE[=NAMES]")]
    service: Vec<Service>,

    /// Where the files go, on tmpfs [default: PROJECT/ENV in `$XDG_RUNTIME_DIR/unspoken`, else
    /// in /dev/shm]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// The mode of the files: 400, 440 or 444 [default: 400]
    #[arg(long, value_name = "MODE")]
    mode: Option<FileMode>,

    /// Remove the files that an earlier call has made
    #[arg(long, conflicts_with_all = ["service", "mode"])]
    remove: bool,
}

impl ComposeFlags {
    /// A flag that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        [
            (!self.service.is_empty(), "--service"),
            (self.dir.is_some(), "--dir"),
            (self.mode.is_some(), "--mode"),
            (self.remove, "--remove"),
        ]
        .into_iter()
        .find_map(|(is_given, flag)| is_given.then_some(flag))
    }

    pub(super) fn run(self, cx: &mut Context, env: &EnvFlag) -> Result<(), Failure> {
        if self.service.is_empty() && !self.remove {
            return Err(Failure::new(Code::Usage, "no service was given a secret").hint(
                "Say who gets what: `unspoken export --format compose --service \
                 web=DATABASE_URL,STRIPE_KEY --service worker`.",
            ));
        }
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, env)?.value;
        let folder = self.folder(cx, &workspace, &environment)?;
        if self.remove {
            return remove(cx, &folder);
        }
        let Some(shown) = folder.to_str() else {
            let message = format!("`{}` is not UTF-8, as YAML is", folder.display());
            return Err(Failure::new(Code::Usage, message));
        };
        let set = cx.open(&workspace, &environment)?;
        let composition = Composition::new(&self.service, &set)?;
        let count = composition.names().len();
        let place = || {
            MemoryFolder::create(&folder)?.place(&composition, set, self.mode.unwrap_or_default())
        };
        place().map_err(|error| explain(&error, &folder))?;
        cx.ui.note(&format!("{} in {}", counted(count, "secret file"), folder.display()));
        cx.ui.print(&composition.print(shown))
    }

    fn folder(
        &self,
        cx: &Context,
        workspace: &Workspace,
        environment: &EnvironmentName,
    ) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.dir {
            return std::path::absolute(folder).map_err(|error| {
                Failure::new(Code::Other, format!("cannot tell the current folder: {error}"))
            });
        }
        let user = rustix::process::geteuid().as_raw();
        let base = match cx.variables.path(XDG_RUNTIME_DIR) {
            Some(runtime) => runtime.join("unspoken"),
            None => PathBuf::from(format!("/dev/shm/unspoken-{user}")),
        };
        Ok(base.join(workspace.project.file.project.as_str()).join(environment.as_str()))
    }
}

fn remove(cx: &Context, path: &Path) -> Result<(), Failure> {
    let found = MemoryFolder::find(path).map_err(|error| explain(&error, path))?;
    let Some(folder) = found else {
        cx.ui.note(&format!(
            "removed nothing: there is no folder `{}`; if the files were put elsewhere, name the same \
             folder by `--dir`",
            path.display()
        ));
        return Ok(());
    };
    let count = folder.clear().map_err(|error| explain(&error, path))?;
    cx.ui.note(&format!("removed {} from {}", counted(count, "secret file"), path.display()));
    Ok(())
}

impl From<ComposeError> for Failure {
    fn from(error: ComposeError) -> Self {
        let failure = Self::because(Code::Missing, &error);
        let ComposeError::Missing { name, environment, nearest, .. } = error;
        match nearest {
            Some(nearest) => failure.hint(format!("Did you mean `{nearest}`?")),
            None => failure.hint(format!("Run `unspoken set {name} -e {environment}` to add it.")),
        }
    }
}

fn explain(error: &FolderError, folder: &Path) -> Failure {
    let failure = Failure::because(Code::Other, error);
    match error {
        FolderError::NotMemory { .. } => failure.hint(
            "Choose a folder on tmpfs: add `--dir /dev/shm/NAME` to the same command, or let root \
             mount one.",
        ),
        FolderError::Path { .. } | FolderError::Link { .. } | FolderError::NotFolder { .. } => {
            failure.hint(format!(
                "See where it leads with `realpath -m {}`, and give that to `--dir`.",
                quoted(folder)
            ))
        }
        FolderError::Loose { path, .. } if path == folder => {
            failure.hint(format!("If nobody else has used it, run `chmod 700 {}`.", quoted(path)))
        }
        FolderError::Loose { .. } | FolderError::Owner { .. } => {
            failure.hint("Somebody else could exchange what is in it. Choose another with `--dir`.")
        }
        FolderError::Foreign { path } => failure.hint(format!(
            "Look at it, and move it away or choose another `--dir`: `ls -l {}`.",
            quoted(path)
        )),
        FolderError::Record { path, .. } => failure.hint(format!(
            "Look at it, then run `rm {}`; secret files beside it are then yours to remove.",
            quoted(path)
        )),
        FolderError::Io { .. } => failure,
    }
}

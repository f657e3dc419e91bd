//! What is known of editors: which files they leave beside the one that they
//! edit, and how to talk them out of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

/// An editor, by the flags that keep it from leaving files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Vim and Neovim.
    Vim,
    Nano,
    Emacs,
    /// Leaves nothing, so that it needs no flags.
    Plain,
    Unknown,
}

/// Why an editor cannot be used on a file in memory.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Refusal {
    #[error("it hands files to another process, which does not see a file in memory")]
    OtherProcess,
    #[error("it writes a copy of what it saves into its own folder, on the disk")]
    Copies,
    #[error("it saves beside the file or behind the link, where a file in memory has no place")]
    Resolves,
}

const OTHER_PROCESS: &[&str] = &[
    "atom",
    "bbedit",
    "clion",
    "code",
    "code-insiders",
    "codium",
    "cursor",
    "emacsclient",
    "fleet",
    "gedit",
    "gnome-text-editor",
    "goland",
    "gvim",
    "gview",
    "idea",
    "kate",
    "kwrite",
    "lapce",
    "mate",
    "mousepad",
    "mvim",
    "nova",
    "open",
    "phpstorm",
    "pluma",
    "pulsar",
    "pycharm",
    "rider",
    "rubymine",
    "rustrover",
    "subl",
    "sublime_text",
    "vscodium",
    "webstorm",
    "windsurf",
    "xdg-open",
    "xed",
    "zed",
    "zeditor",
];

/// `-n`, `-i`: no swap file, no viminfo or shada. What a vimrc may switch on
/// again is switched off behind it; before it there is the text's own modeline.
const VIM: &[&str] = &[
    "-n",
    "-i",
    "NONE",
    "--cmd",
    "set nomodeline",
    "--cmd",
    "silent! set noundofile",
    "-c",
    "set nobackup nowritebackup patchmode= noswapfile|silent! set noundofile",
];

/// `-I`: without a configuration, so no backup, lock, position and history.
const NANO: &[&str] = &["-I"];

const EMACS: &[&str] = &[
    "--eval",
    "(setq make-backup-files nil auto-save-default nil create-lockfiles nil \
     auto-save-list-file-prefix nil backup-inhibited t undo-tree-auto-save-history nil)",
];

impl Kind {
    /// Tells an editor by the name that was given, else by that of the program
    /// behind it: `editor` and `vi` are links on many systems.
    pub(super) fn of(program: &str, path: &OsStr) -> Result<Self, Refusal> {
        let given = by_name(&name_of(program))?;
        if given != Self::Unknown {
            return Ok(given);
        }
        let Some(file) = find(program, path) else { return Ok(Self::Unknown) };
        let real = file.canonicalize().unwrap_or(file);
        let real_name = name_of(&real.to_string_lossy());
        match by_name(&real_name)? {
            Self::Unknown if real_name == "vi" => Ok(ask_vi(&real)),
            kind => Ok(kind),
        }
    }

    pub(super) fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Vim => VIM,
            Self::Nano => NANO,
            Self::Emacs => EMACS,
            Self::Plain | Self::Unknown => &[],
        }
    }
}

/// The last part of a program's path.
pub(super) fn name_of(program: &str) -> String {
    let name = program.rsplit('/').next().unwrap_or(program);
    unspoken_model::shown(name)
}

fn by_name(name: &str) -> Result<Kind, Refusal> {
    match name {
        // `vim.basic` and its like are Debian's names.
        "vim" | "nvim" | "view" | "rvim" | "rview" | "vim.basic" | "vim.tiny" | "vim.nox"
        | "vim.gtk3" | "vim.motif" => Ok(Kind::Vim),
        "nano" | "rnano" => Ok(Kind::Nano),
        "emacs" | "emacs-nox" | "emacs-gtk" | "emacs-lucid" => Ok(Kind::Emacs),
        "busybox" => Ok(Kind::Plain),
        "micro" => Err(Refusal::Copies),
        "hx" | "helix" => Err(Refusal::Resolves),
        _ if OTHER_PROCESS.contains(&name) => Err(Refusal::OtherProcess),
        _ => Ok(Kind::Unknown),
    }
}

/// A `vi` that is no link is Vim on some systems, and would leave a swap file.
fn ask_vi(program: &Path) -> Kind {
    let asked = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .env_clear()
        .output();
    match asked {
        Ok(said) if said.stdout.starts_with(b"VIM - Vi IMproved") => Kind::Vim,
        _ => Kind::Unknown,
    }
}

fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    let mut files = std::env::split_paths(path).map(|folder| folder.join(program));
    files.find(|file| file.is_file())
}

#[test]
fn an_editor_is_known_by_its_name_or_by_what_it_is_a_link_to() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["vim.tiny", "zed"] {
        std::fs::write(at(name), "").unwrap();
    }
    symlink(at("vim.tiny"), at("vi")).unwrap();
    symlink(at("zed"), at("editor")).unwrap();
    let of = |program: &str| Kind::of(program, folder.path().as_os_str());

    assert_eq!(of("vi"), Ok(Kind::Vim));
    assert_eq!(of(at("vi").to_str().unwrap()), Ok(Kind::Vim));
    assert_eq!(of("editor"), Err(Refusal::OtherProcess));
    assert_eq!(of("/opt/nvim/bin/nvim"), Ok(Kind::Vim));
    assert_eq!(of("code"), Err(Refusal::OtherProcess));
    assert_eq!(of("micro"), Err(Refusal::Copies));
    assert_eq!(of("hx"), Err(Refusal::Resolves));
    assert_eq!(of("nano"), Ok(Kind::Nano));
    assert_eq!(of("./my-editor"), Ok(Kind::Unknown));
    assert_eq!(of("joe"), Ok(Kind::Unknown));
}

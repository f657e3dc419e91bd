//! `unspoken completions SHELL`: the script that a shell loads.

use clap_complete::env::Shells;
use unspoken_store::env_vars::UNSPOKEN_COMPLETE;

use crate::context::Context;
use crate::failure::{Code, Failure};

/// Print the completion script of a shell
///
/// Completes commands, flags, environments and the names of secrets. Names are
/// read from the documents, with no key.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken completions bash > ~/.local/share/bash-completion/completions/unspoken\n  unspoken completions zsh > \"${fpath[1]}/_unspoken\"\n  unspoken completions fish > ~/.config/fish/completions/unspoken.fish"
)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let text = script(self.shell)
            .ok_or_else(|| Failure::new(Code::Other, "the completion script could not be made"))?;
        cx.ui.print(&text)
    }
}

fn script(shell: Shell) -> Option<String> {
    let name = match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let shells = Shells::builtins();
    let mut script = Vec::new();
    shells
        .completer(name)?
        .write_registration(UNSPOKEN_COMPLETE.name, "unspoken", "unspoken", "unspoken", &mut script)
        .ok()?;
    String::from_utf8(script).ok()
}

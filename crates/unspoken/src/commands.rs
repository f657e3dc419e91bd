//! The commands, one file each.

mod accept;
mod access;
mod agents;
mod audit;
mod backup;
mod check;
mod completions;
mod dev;
mod doctor;
mod edit;
pub(crate) mod env;
mod export;
mod generate;
mod get;
mod git;
mod identity;
mod import;
mod inbox;
mod init;
mod key;
mod key_move;
mod list;
mod login;
mod logout;
mod mv;
mod pass_on;
mod pull;
mod push;
mod read;
mod recipients;
mod resolve;
mod restore;
mod rm;
mod rotate;
mod rotate_value;
mod run;
pub(crate) mod scan;
mod set;
mod status;
mod token;
mod trust;
mod whoami;
mod why;

pub(crate) use run::Run;

use crate::context::Context;
use crate::failure::Failure;
use crate::generated;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Set(set::Set),
    Get(get::Get),
    #[command(visible_alias = "ls")]
    List(list::List),
    Edit(edit::Edit),
    #[command(visible_alias = "remove")]
    Rm(rm::Rm),
    #[command(visible_alias = "rename")]
    Mv(mv::Mv),
    Import(import::Import),
    Export(export::Export),
    Generate(generate::Generate),
    #[command(visible_alias = "x")]
    Run(run::Run),
    Dev(dev::Dev),
    Read(read::Read),
    PassOn(pass_on::PassOn),
    #[command(subcommand)]
    Env(env::Env),
    Push(push::Push),
    Pull(pull::Pull),
    Identity(identity::Identity),
    #[command(subcommand)]
    Recipients(recipients::Recipients),
    #[command(subcommand)]
    Key(key::Key),
    Rotate(rotate::Rotate),
    Trust(trust::Trust),
    Inbox(inbox::Inbox),
    Why(why::Why),
    Access(access::Access),
    Check(check::Check),
    Doctor(doctor::Doctor),
    Scan(scan::Scan),
    #[command(subcommand)]
    Agents(agents::Agents),
    #[command(subcommand)]
    Git(git::Git),
    Resolve(resolve::Resolve),
    Accept(accept::Accept),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Login(login::Login),
    Logout(logout::Logout),
    Whoami(whoami::Whoami),
    Status(status::Status),
    #[command(subcommand)]
    Token(token::Token),
    Audit(audit::Audit),
    Completions(completions::Completions),
}

impl Command {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let renames = self.may_change_names();
        self.perform(cx)?;
        if renames || cx.took_names() {
            generated::refresh(cx);
        }
        Ok(())
    }

    /// Whether there may be other names, or expiries, when it has ended. git
    /// merges whole trees, and writes nothing beside: that is `generate`'s.
    fn may_change_names(&self) -> bool {
        matches!(
            self,
            Self::Set(_)
                | Self::Edit(_)
                | Self::Rm(_)
                | Self::Mv(_)
                | Self::Import(_)
                | Self::Env(env::Env::Add { .. })
                | Self::Push(_)
                | Self::Pull(_)
                | Self::Rotate(_)
                | Self::Resolve(_)
                | Self::Accept(_)
                | Self::Restore(_)
        )
    }

    fn perform(self, cx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Init(command) => command.run(cx),
            Self::Set(command) => command.run(cx),
            Self::Get(command) => command.run(cx),
            Self::List(command) => command.run(cx),
            Self::Edit(command) => command.run(cx),
            Self::Rm(command) => command.run(cx),
            Self::Mv(command) => command.run(cx),
            Self::Import(command) => command.run(cx),
            Self::Export(command) => command.run(cx),
            Self::Generate(command) => command.run(cx),
            Self::Run(command) => command.run(cx),
            Self::Dev(command) => command.run(cx),
            Self::Read(command) => command.run(cx),
            Self::PassOn(command) => command.run(cx),
            Self::Env(command) => command.run(cx),
            Self::Push(command) => command.run(cx),
            Self::Pull(command) => command.run(cx),
            Self::Identity(command) => command.run(cx),
            Self::Recipients(command) => command.run(cx),
            Self::Key(command) => command.run(cx),
            Self::Rotate(command) => command.run(cx),
            Self::Trust(command) => command.run(cx),
            Self::Inbox(command) => command.run(cx),
            Self::Why(command) => command.run(cx),
            Self::Access(command) => command.run(cx),
            Self::Check(command) => command.run(cx),
            Self::Doctor(command) => command.run(cx),
            Self::Scan(command) => command.run(cx),
            Self::Agents(command) => command.run(cx),
            Self::Git(command) => command.run(cx),
            Self::Resolve(command) => command.run(cx),
            Self::Accept(command) => command.run(cx),
            Self::Backup(command) => command.run(cx),
            Self::Restore(command) => command.run(cx),
            Self::Login(command) => command.run(cx),
            Self::Logout(command) => command.run(cx),
            Self::Whoami(command) => command.run(cx),
            Self::Status(command) => command.run(cx),
            Self::Token(command) => command.run(cx),
            Self::Audit(command) => command.run(cx),
            Self::Completions(command) => command.run(cx),
        }
    }
}

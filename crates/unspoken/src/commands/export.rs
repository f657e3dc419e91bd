//! `unspoken export`: the whole set as text, for another program.

mod compose;
mod github;
mod systemd;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use unspoken_deliver::export::{ExportFormat, print, print_bundle};

use crate::agent_runtime::Guarded;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;

/// Print all secrets in another program's format
///
/// What cannot be written so that every reader of the format gets the same value
/// is refused with the reason. To a terminal only with `--show`. With `github`,
/// the values are masked in the job's log first, then added to the file that
/// `GITHUB_ENV` names.
///
/// `bundle` is what `run --fd` hands over, for where no descriptor can be passed:
/// the variable `UNSPOKEN_BUNDLE`, or the standard input of a container. Our
/// libraries and `unspoken read` take it.
///
/// `systemd` is the bundle, encrypted by `systemd-creds` for the machine that this
/// runs on, for a unit's `LoadCredentialEncrypted=unspoken:/etc/app.cred`. It can be
/// kept on a disk; in the unit, `unspoken read --file
/// "$CREDENTIALS_DIRECTORY/unspoken"` reads it. Without root, and for another
/// machine, pipe `--format bundle` into `systemd-creds encrypt` there.
///
/// `compose` writes a file for each secret into a folder that is in memory, and
/// prints a fragment for Docker Compose that mounts them as /run/secrets/NAME,
/// each into the services that were given it. The fragment holds no value. Compose
/// mounts the file itself, so a container sees its owner's number and its mode,
/// and `uid`, `gid` and `mode` in the compose file change neither: for a container
/// whose user is neither root nor you, use `--mode 444`. The folder keeps others on
/// this machine out. A container keeps the values that it was started with; after
/// a restart of the machine, export again. tmpfs may be swapped out: encrypt
/// the swap, or turn it off.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eval \"$(unspoken export --format shell)\"\n  unspoken export -e production --format json | jq keys\n  unspoken export --format github        # in a workflow's step\n  unspoken export --format bundle | docker run -i acme-web unspoken read --file - -- ./server\n  unspoken export -e production --format systemd > app.cred\n  unspoken export -e production --format bundle | ssh HOST 'systemd-creds encrypt --name=unspoken - -' > app.cred\n  unspoken export --format compose --service web=DATABASE_URL,STRIPE_KEY --service worker > secrets.yaml\n  docker compose -f compose.yaml -f secrets.yaml up -d\n  unspoken export --format compose --remove"
)]
pub(crate) struct Export {
    #[command(flatten)]
    env: EnvFlag,

    /// dotenv, shell, json, docker, github, bundle, systemd or compose [default: dotenv, or json
    /// with `--json`]
    #[arg(short, long, value_parser = parse_format())]
    format: Option<Format>,

    /// Print to a terminal, where others may look on
    #[arg(long)]
    show: bool,

    #[command(flatten)]
    systemd: systemd::SystemdFlags,

    #[command(flatten)]
    compose: compose::ComposeFlags,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Text(ExportFormat),
    Bundle,
    Systemd,
    Compose,
}

impl Format {
    /// Those that are no flat text of names and values.
    const OTHERS: [Self; 3] = [Self::Bundle, Self::Systemd, Self::Compose];

    fn as_str(self) -> &'static str {
        match self {
            Self::Text(format) => format.as_str(),
            Self::Bundle => "bundle",
            Self::Systemd => "systemd",
            Self::Compose => "compose",
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        ExportFormat::ALL.into_iter().map(Self::Text).chain(Self::OTHERS)
    }

    /// Whether what is printed holds the values for everybody to read.
    fn shows_values(self) -> bool {
        matches!(self, Self::Text(_) | Self::Bundle)
    }
}

fn parse_format() -> impl TypedValueParser<Value = Format> {
    let names: Vec<&str> = Format::all().map(Format::as_str).collect();
    PossibleValuesParser::new(names).try_map(|name| {
        Format::all().find(|format| format.as_str() == name).ok_or("no such format")
    })
}

impl Export {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let usual = if cx.ui.json { ExportFormat::Json } else { ExportFormat::Dotenv };
        let format = self.format.unwrap_or(Format::Text(usual));
        refuse(self.systemd.given(), format, Format::Systemd)?;
        refuse(self.compose.given(), format, Format::Compose)?;
        if format.shows_values() && cx.ui.stdout_is_terminal() && !self.show {
            return Err(Failure::new(Code::Refused, "standard output is a terminal")
                .hint("Pipe it on, or add `--show`."));
        }
        if format == Format::Compose {
            return self.compose.run(cx, &self.env);
        }
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        if format.shows_values() {
            Guarded::Export.refuse_agents(cx, &workspace, &environment)?;
        }
        let set = cx.open(&workspace, &environment)?;
        let origin = workspace.origin(&set);
        match format {
            Format::Text(ExportFormat::Github) => github::add(cx, set),
            Format::Text(format) => cx.ui.write_value(&print(format, set)?.body),
            Format::Bundle => cx.ui.write_value(&print_bundle(origin, set)),
            Format::Systemd => self.systemd.encrypt(cx, origin, set),
            Format::Compose => Ok(()),
        }
    }
}

/// Refuses a flag that another format has.
fn refuse(flag: Option<&str>, format: Format, owner: Format) -> Result<(), Failure> {
    let Some(flag) = flag.filter(|_| format != owner) else { return Ok(()) };
    let message =
        format!("`{flag}` belongs to `--format {}`, not to `{}`", owner.as_str(), format.as_str());
    Err(Failure::new(Code::Usage, message)
        .hint(format!("Leave it out, or add `--format {}`.", owner.as_str())))
}

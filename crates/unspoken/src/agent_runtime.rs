//! Whether a coding agent started us, and what that means for values.
//!
//! Rules:
//! - An agent is known by a variable that it sets for what it starts, or by its
//!   name among our ancestors, where `/proc` tells them.
//! - An ancestor counts when it works for the same home folder as we do. One with
//!   another home folder, or another user's, is not the agent of whoever owns
//!   the keys that we would use: so `sudo`, and a test with a home of its own,
//!   are not the agent's.
//! - Only the commands that show values look at ancestors; `run` looks at variables.
//!
//! It is a guard-rail. An agent that means ill clears the variables and leaves
//! its family, or writes a permission itself.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use unspoken_model::EnvironmentName;
use unspoken_store::env_vars::{
    AGENT, AI_AGENT, AMP_CURRENT_THREAD_ID, ANTIGRAVITY_AGENT, AUGMENT_AGENT, CLAUDECODE,
    CLINE_ACTIVE, CODEX_CI, CODEX_SANDBOX, CODEX_THREAD_ID, COPILOT_AGENT_SESSION_ID, COPILOT_CLI,
    CURSOR_AGENT, GEMINI_CLI, GOOSE_TERMINAL, HOME, OPENCODE,
};
use unspoken_store::{EnvVar, RealRoot, Variables};
use zeroize::Zeroizing;

use crate::commands::env::refuse_home_inside;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};

/// A coding agent that was noticed, and by what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AgentRuntime {
    agent: String,
    sign: Sign,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sign {
    Variable(&'static str),
    Ancestor(u32),
}

/// A process above us.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Ancestor {
    id: u32,
    /// The file that is executed, and the first words that it was started with.
    words: Vec<OsString>,
}

/// What shows values, and may be permitted to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Guarded {
    Get,
    Export,
    KeyExport,
    Edit,
}

const VARIABLES: [(EnvVar, &str); 14] = [
    (CLAUDECODE, "Claude Code"),
    (CURSOR_AGENT, "Cursor"),
    (CODEX_SANDBOX, "Codex"),
    (CODEX_CI, "Codex"),
    (CODEX_THREAD_ID, "Codex"),
    (COPILOT_CLI, "GitHub Copilot"),
    (COPILOT_AGENT_SESSION_ID, "GitHub Copilot"),
    (GEMINI_CLI, "Gemini CLI"),
    (ANTIGRAVITY_AGENT, "Antigravity"),
    (AUGMENT_AGENT, "Augment"),
    (CLINE_ACTIVE, "Cline"),
    (GOOSE_TERMINAL, "Goose"),
    (OPENCODE, "OpenCode"),
    (AMP_CURRENT_THREAD_ID, "Amp"),
];

/// Programs, by their names and by those of their packages.
const PROGRAMS: [(&str, &str); 16] = [
    ("claude", "Claude Code"),
    ("claude-code", "Claude Code"),
    ("cursor-agent", "Cursor"),
    ("codex", "Codex"),
    ("copilot", "GitHub Copilot"),
    ("gemini", "Gemini CLI"),
    ("gemini-cli", "Gemini CLI"),
    ("opencode", "OpenCode"),
    ("goose", "Goose"),
    ("aider", "Aider"),
    ("amp", "Amp"),
    ("auggie", "Augment"),
    ("crush", "Crush"),
    ("droid", "Droid"),
    ("qwen", "Qwen Code"),
    ("kiro-cli", "Kiro"),
];

/// Programs that execute a script, whose name then counts.
const INTERPRETERS: [&str; 9] =
    ["node", "bun", "deno", "sh", "bash", "dash", "ruby", "python", "python3"];

/// How many ancestors are looked at, and how much of what each was started with.
const ANCESTORS: usize = 64;
const LIMIT: u64 = 4096;
/// How much of a process's variables is looked through for its home folder.
const ENVIRONMENT: u64 = 256 * 1024;

impl AgentRuntime {
    /// Looks for a coding agent around this process.
    pub(crate) fn notice(variables: &Variables) -> Option<Self> {
        Self::by_variables(variables)
            .or_else(|| Self::by_ancestors(&ancestors(variables.path(HOME))))
    }

    /// The same by variables alone, which costs nothing.
    pub(crate) fn by_variables(variables: &Variables) -> Option<Self> {
        let found = |name: &str, variable: EnvVar| Self {
            agent: name.to_owned(),
            sign: Sign::Variable(variable.name),
        };
        let own = VARIABLES.iter().find(|(variable, _)| variables.is_set(*variable));
        if let Some((variable, name)) = own {
            return Some(found(name, *variable));
        }
        // Others may mean other things by this one: only a known name counts.
        if let Ok(Some(text)) = variables.text(AGENT)
            && let Some(name) = named(text.split(['@', '_']).next().unwrap_or_default())
        {
            return Some(found(name, AGENT));
        }
        variables.is_set(AI_AGENT).then(|| found("a coding agent", AI_AGENT))
    }

    fn by_ancestors(ancestors: &[Ancestor]) -> Option<Self> {
        ancestors.iter().find_map(|ancestor| {
            let agent = ancestor.agent()?.to_owned();
            Some(Self { agent, sign: Sign::Ancestor(ancestor.id) })
        })
    }
}

impl fmt::Display for AgentRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sign {
            Sign::Variable(name) => write!(f, "{} (`{name}` is set)", self.agent),
            Sign::Ancestor(id) => write!(f, "{} (process {id} started this one)", self.agent),
        }
    }
}

impl Ancestor {
    /// Which agent it is, if it is one.
    fn agent(&self) -> Option<&'static str> {
        let (file, started) = self.words.split_first()?;
        // The name of what is executed, and the one that it goes by.
        let names = [Some(file), started.first()];
        if let Some(name) = names.into_iter().flatten().find_map(|word| named_by(word)) {
            return Some(name);
        }
        let is_interpreter = INTERPRETERS.iter().any(|name| {
            let base = Path::new(file).file_name().and_then(OsStr::to_str).unwrap_or_default();
            base == *name || (base.starts_with("python") && *name == "python")
        });
        let script = started.iter().skip(1).find(|word| !word.as_bytes().starts_with(b"-"))?;
        if !is_interpreter {
            return None;
        }
        // `…/node_modules/@anthropic-ai/claude-code/cli.js`
        let package = Path::new(script)
            .components()
            .rev()
            .skip(1)
            .take_while(|part| part.as_os_str() != "node_modules");
        named_by(script).or_else(|| {
            let inside = script.as_bytes().windows(12).any(|part| part == b"node_modules");
            package.filter(|_| inside).find_map(|part| part.as_os_str().to_str().and_then(named))
        })
    }
}

impl Guarded {
    /// As it is kept and typed.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Export => "export",
            Self::KeyExport => "key-export",
            Self::Edit => "edit",
        }
    }

    fn command(self) -> &'static str {
        match self {
            Self::KeyExport => "key export",
            _ => self.as_str(),
        }
    }

    /// Refuses to show values inside of a coding agent, unless a person has
    /// permitted it. No flag answers in a person's stead.
    pub(crate) fn refuse_agents(
        self,
        cx: &Context,
        workspace: &Workspace,
        environment: &EnvironmentName,
    ) -> Result<(), Failure> {
        let Some(runtime) = AgentRuntime::notice(&cx.variables) else { return Ok(()) };
        // A record inside of the project is the agent's to write.
        refuse_home_inside(&workspace.project.root, &workspace.home)?;
        let root = RealRoot::find(&workspace.project.root)?;
        let record = workspace.home.permissions().read(&root)?;
        let project = workspace.project.file.project.as_str();
        let permitted = record
            .filter(|record| record.project == project)
            .and_then(|record| record.find(environment, self.as_str(), cx.now()));
        if permitted.is_some() {
            return Ok(());
        }
        let message = format!("`{}` shows values, and this runs inside {runtime}", self.command());
        let instead = match self {
            Self::Get | Self::Export => {
                "Run what needs them with `unspoken run -- COMMAND`, which redacts its output."
            }
            Self::KeyExport | Self::Edit => "Leave this to a person, in a terminal of their own.",
        };
        Err(Failure::new(Code::Refused, message).hint(format!(
            "{instead} A person permits it there for a while with `unspoken agents allow {} -e \
             {environment}`.",
            self.as_str()
        )))
    }
}

fn named(text: &str) -> Option<&'static str> {
    PROGRAMS.iter().find(|(program, _)| *program == text).map(|(_, name)| *name)
}

fn named_by(word: &OsStr) -> Option<&'static str> {
    let name = Path::new(word).file_name()?.to_str()?;
    let endings = [".js", ".mjs", ".cjs", ".py", ".sh"];
    named(endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name))
}

/// The processes above us that work for this home folder, nearest first. Where
/// there is no `/proc`, none are known.
fn ancestors(home: Option<&Path>) -> Vec<Ancestor> {
    let mut found = Vec::new();
    let mut next = parent(Path::new("/proc/self"));
    while let Some(id) = next.filter(|id| *id > 1) {
        if found.len() == ANCESTORS {
            break;
        }
        let folder = PathBuf::from(format!("/proc/{id}"));
        let mut words = Vec::new();
        words.push(fs::read_link(folder.join("exe")).unwrap_or_default().into_os_string());
        let line = read_start(&folder.join("cmdline"), LIMIT).unwrap_or_default();
        let started = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        words.extend(started.take(8).map(|word| OsStr::from_bytes(word).to_owned()));
        let variables = read_start(&folder.join("environ"), ENVIRONMENT);
        let counts = works_for(variables.as_ref().map(|variables| variables.as_slice()), home);
        let words = if counts { words } else { Vec::new() };
        found.push(Ancestor { id, words });
        next = parent(&folder);
    }
    found
}

/// Whether a process with these variables has this home folder. One that does not
/// tell may have it.
fn works_for(variables: Option<&[u8]>, home: Option<&Path>) -> bool {
    let (Some(variables), Some(home)) = (variables, home) else { return true };
    let mut all = variables.split(|byte| *byte == 0);
    all.find_map(|variable| variable.strip_prefix(b"HOME="))
        .is_none_or(|found| Path::new(OsStr::from_bytes(found)) == home)
}

fn parent(folder: &Path) -> Option<u32> {
    let stat = read_start(&folder.join("stat"), LIMIT)?;
    // The name of the program, in brackets, may hold brackets and blanks.
    let at = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(at + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The start of a file of `/proc`, whose variables may hold values: it is wiped.
fn read_start(path: &Path, limit: u64) -> Option<Zeroizing<Vec<u8>>> {
    let room = usize::try_from(limit).ok()? + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    File::open(path).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_known_by_its_variables() {
        #[track_caller]
        fn case(name: &str, value: &str, expected: Option<&str>) {
            let variables = Variables::from_pairs([(name, value)]);
            let found = AgentRuntime::by_variables(&variables).map(|found| found.to_string());
            assert_eq!(found.as_deref(), expected, "{name}={value}");
        }

        case("CLAUDECODE", "1", Some("Claude Code (`CLAUDECODE` is set)"));
        case("CODEX_THREAD_ID", "ab", Some("Codex (`CODEX_THREAD_ID` is set)"));
        case("AGENT", "amp", Some("Amp (`AGENT` is set)"));
        case("AGENT", "goose@1.2", Some("Goose (`AGENT` is set)"));
        case("AGENT", "smith", None);
        case("AI_AGENT", "anything", Some("a coding agent (`AI_AGENT` is set)"));
        // Set for the person at the editor's terminal as well.
        case("CURSOR_TRACE_ID", "ab", None);
        case("CI", "true", None);
    }

    #[test]
    fn an_agent_is_known_by_what_is_executed() {
        #[track_caller]
        fn case(words: &[&str], expected: Option<&str>) {
            let words = words.iter().map(OsString::from).collect();
            assert_eq!(Ancestor { id: 2, words }.agent(), expected);
        }

        case(&["/usr/local/bin/claude", "claude"], Some("Claude Code"));
        case(&["/usr/bin/node", "claude"], Some("Claude Code"));
        case(&["/usr/bin/node", "node", "/usr/bin/codex.js", "x"], Some("Codex"));
        let script = "/usr/lib/node_modules/@google/gemini-cli/dist/index.js";
        case(&["/usr/bin/node", "node", "--no-warnings", script], Some("Gemini CLI"));
        case(&["/usr/bin/python3.12", "python3", "/home/a/.local/bin/aider"], Some("Aider"));
        case(&["/bin/dash", "sh", "/tmp/claude"], Some("Claude Code"));
        case(&["/usr/bin/vim", "vim", "claude"], None);
        case(&["/bin/bash", "bash", "-c", "echo codex"], None);
        case(&["/opt/cursor/cursor", "cursor"], None);
        case(&["/usr/bin/node", "node", "/home/codex/server.js"], None);
        case(&["", ""], None);
        case(&[], None);
    }

    #[test]
    fn an_ancestor_with_another_home_folder_does_not_count() {
        #[track_caller]
        fn case(variables: Option<&str>, home: Option<&str>, expected: bool) {
            let found = works_for(variables.map(str::as_bytes), home.map(Path::new));
            assert_eq!(found, expected, "{variables:?}");
        }

        case(Some("A=b\0HOME=/home/a\0"), Some("/home/a"), true);
        case(Some("A=b\0HOME=/home/b\0"), Some("/home/a"), false);
        case(Some("HOME=/home/b"), None, true);
        case(Some("A=b"), Some("/home/a"), true);
        case(None, Some("/home/a"), true);
        // This test has a parent, and its words are known where it counts.
        assert!(ancestors(None).iter().all(|ancestor| ancestor.words.len() > 1));
    }
}

//! `unspoken token list`: what is let in, and what it reaches.

use serde_json::{Value, json};
use unspoken_model::shown;
use unspoken_wire::vault::{ProjectBody, TokenBody, TokenList};

use crate::context::Context;
use crate::failure::Failure;
use crate::ui::table;
use crate::vault::{Session, VaultFlag, called, moment, said};

/// List the tokens of your team, and the sessions of people
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  unspoken token list\n  unspoken token list --all --json")]
pub(crate) struct List {
    /// Those that have ended, too
    #[arg(short, long)]
    all: bool,

    #[command(flatten)]
    vault: VaultFlag,
}

impl List {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let session = cx.session(&self.vault)?;
        let now = cx.now().as_millisecond();
        let mut tokens = tokens(&session)?;
        tokens.retain(|token| self.all || state(token, now) == State::Good);
        let projects = session.projects()?;
        if cx.ui.json {
            let list: Vec<Value> =
                tokens.iter().map(|token| to_json(token, &projects, now)).collect();
            return cx.ui.print_json(&json!({ "tokens": list }));
        }
        if tokens.is_empty() {
            cx.ui.note("there is no token");
            return Ok(());
        }
        let head = ["ID", "NAME", "REACHES", "UNTIL", "USED", "STATE"].map(str::to_owned).to_vec();
        let rows = tokens.iter().map(|token| row(token, &projects, now));
        cx.ui.print(&table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()))
    }
}

/// How a token stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Good,
    Revoked,
    Expired,
    UsedUp,
    Idle,
}

/// The tokens of the team, in the order in which they were made.
pub(super) fn tokens(session: &Session) -> Result<Vec<TokenBody>, Failure> {
    let path = format!("/v1/teams/{}/tokens", session.body.team);
    Ok(session.client.find::<TokenList>(&path)?.tokens)
}

pub(super) fn state(token: &TokenBody, now: i64) -> State {
    let idle = token.idle_seconds.map(|seconds| seconds.saturating_mul(1000));
    let since = now.saturating_sub(token.used.unwrap_or(token.made));
    if token.revoked.is_some() {
        State::Revoked
    } else if token.expires <= now {
        State::Expired
    } else if token.uses_left == Some(0) {
        State::UsedUp
    } else if idle.is_some_and(|idle| since >= idle) {
        State::Idle
    } else {
        State::Good
    }
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::UsedUp => "used up",
            Self::Idle => "unused for too long",
        }
    }
}

fn kind(token: &TokenBody) -> &str {
    match token.kind.as_str() {
        "agent" => "machine",
        "cli" => "session",
        "admin" => "invitation",
        other => other,
    }
}

fn row(token: &TokenBody, projects: &[ProjectBody], now: i64) -> Vec<String> {
    let reaches = if token.environments.is_empty() {
        format!("({})", shown(kind(token)))
    } else {
        let places: Vec<String> =
            token.environments.iter().map(|id| called(projects, id)).collect();
        let names = token.names.as_ref().map(|names| format!(": {}", shown(&names.join(" "))));
        format!("{}{}", places.join(" "), names.unwrap_or_default())
    };
    let uses = token.uses_left.map(|left| format!(", {left} left")).unwrap_or_default();
    vec![
        shown(&token.id),
        shown(&token.name),
        reaches,
        said(token.expires),
        format!("{}{uses}", token.used.map_or("never".to_owned(), said)),
        state(token, now).as_str().to_owned(),
    ]
}

fn to_json(token: &TokenBody, projects: &[ProjectBody], now: i64) -> Value {
    let text = |at: i64| moment(at).to_string();
    json!({
        "id": token.id,
        "name": token.name,
        "kind": kind(token),
        "author": token.author,
        "environments": token.environments.iter().map(|id| json!({
            "id": id, "called": called(projects, id),
        })).collect::<Vec<_>>(),
        "names": token.names,
        "addresses": token.addresses,
        "made": text(token.made),
        "expires": text(token.expires),
        "used": token.used.map(text),
        "uses_left": token.uses_left,
        "idle_seconds": token.idle_seconds,
        "revoked": token.revoked.map(text),
        "state": state(token, now).as_str(),
    })
}

#[test]
fn a_token_stands_as_the_vault_would_judge_it() {
    let token = TokenBody { made: 1000, expires: 100_000, ..TokenBody::default() };
    assert_eq!(state(&token, 99_999), State::Good);
    assert_eq!(state(&token, 100_000), State::Expired);
    let idle = TokenBody { idle_seconds: Some(10), ..token.clone() };
    assert_eq!((state(&idle, 10_999), state(&idle, 11_000)), (State::Good, State::Idle));
    let used = TokenBody { used: Some(5000), ..idle };
    assert_eq!(state(&used, 11_000), State::Good);
    assert_eq!(state(&TokenBody { uses_left: Some(0), ..token.clone() }, 2000), State::UsedUp);
    assert_eq!(state(&TokenBody { revoked: Some(1), ..token }, 2000), State::Revoked);
}

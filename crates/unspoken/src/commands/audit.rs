//! `unspoken audit`: what a vault has written down.

use std::fmt::Write as _;

use clap_complete::ArgValueCandidates;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use unspoken_model::{
    Action, EnvironmentId, EnvironmentName, PersonId, ProjectName, TokenId, shown,
};
use unspoken_wire::vault::{AuditPage, AuditRow, ProjectBody, TokenList};

use crate::complete;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::ui::table;
use crate::vault::{Session, VaultFlag, called, environment_of, moment, parse_span, said};

/// Read what a vault has written down: who did what, when, and what came of it
///
/// Newest first. Every value that was handed out is there, and every refusal; no value is.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken audit\n  unspoken audit -e production --since 7d --action environment.reveal\n  unspoken audit --actor ci --json"
)]
pub(crate) struct Audit {
    /// Only since then: `7d`, `12h`, a date or a time
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,

    /// Only what this one did: the id of a person or a token, `me`, or the name of a token
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,

    /// Only what was done to an environment
    #[arg(short, long, value_name = "ENV", add = ArgValueCandidates::new(complete::environments))]
    env: Option<EnvironmentName>,

    /// The project of `--env` [default: the one of this folder]
    #[arg(long, value_name = "PROJECT", requires = "env")]
    project: Option<ProjectName>,

    /// Only this, such as `secret.reveal`
    #[arg(long, value_name = "ACTION", value_parser = parse_action)]
    action: Option<Action>,

    /// How many rows at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,

    #[command(flatten)]
    vault: VaultFlag,
}

fn parse_action(text: &str) -> Result<Action, String> {
    text.parse().map_err(|_| {
        let words = Action::ALL.iter().map(|action| action.as_str());
        match unspoken_model::nearest(text, words) {
            Some(nearest) => format!("the record has no such action; did you mean `{nearest}`?"),
            None => "the record has no such action".to_owned(),
        }
    })
}

impl Audit {
    /// How many rows one answer has.
    const PAGE: usize = 200;

    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let since = self.since.as_deref().map(|text| parse_since(text, cx.now())).transpose()?;
        let session = cx.session(&self.vault)?;
        let projects = session.projects()?;
        let mut query = String::new();
        if let Some(since) = since {
            let _ = write!(query, "&since={}", since.as_millisecond());
        }
        if let Some(actor) = &self.actor {
            let _ = write!(query, "&actor={}", find_actor(&session, actor)?);
        }
        if let Some(name) = &self.env {
            let _ = write!(query, "&subject={}", self.environment(cx, &session, name)?);
        }
        if let Some(action) = self.action {
            let _ = write!(query, "&action={action}");
        }
        let rows = self.rows(&session, &query)?;
        if cx.ui.json {
            let rows: Vec<Value> = rows.iter().map(|row| to_json(row, &projects)).collect();
            return cx.ui.print_json(&json!({ "rows": rows }));
        }
        if rows.is_empty() {
            cx.ui.note("nothing of that is written down");
            return Ok(());
        }
        let head =
            ["TIME", "WHO", "WHAT", "OF", "NAMES", "OUTCOME", "FROM"].map(str::to_owned).to_vec();
        let rows = rows.iter().map(|row| columns(row, &session, &projects));
        cx.ui.print(&table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()))
    }

    fn rows(&self, session: &Session, query: &str) -> Result<Vec<AuditRow>, Failure> {
        let wanted = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut rows: Vec<AuditRow> = Vec::new();
        let mut after = String::new();
        loop {
            let limit = (wanted - rows.len()).min(Self::PAGE);
            let path = format!("/v1/teams/{}/audit?limit={limit}{query}{after}", session.body.team);
            let page: AuditPage = session.client.find(&path)?;
            let is_last = page.rows.is_empty();
            rows.extend(page.rows.into_iter().take(limit));
            let is_plain = |text: &String| {
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            };
            match page.next.filter(is_plain) {
                Some(next) if rows.len() < wanted && !is_last => after = format!("&after={next}"),
                _ => return Ok(rows),
            }
        }
    }

    /// The id of an environment of the project that is meant.
    fn environment(
        &self,
        cx: &Context,
        session: &Session,
        name: &EnvironmentName,
    ) -> Result<EnvironmentId, Failure> {
        let project = session.project(cx, self.project.as_ref())?;
        EnvironmentId::parse(&environment_of(&project, name)?.id)
            .map_err(|error| Failure::because(Code::Other, &error))
    }
}

/// The id of who is meant.
fn find_actor(session: &Session, text: &str) -> Result<String, Failure> {
    if let Ok(id) = PersonId::parse(text) {
        return Ok(id.to_string());
    }
    if let Ok(id) = TokenId::parse(text) {
        return Ok(id.to_string());
    }
    let body = &session.body;
    let own = body.person.as_ref().unwrap_or(&body.token);
    if text == "me" || body.email.as_deref() == Some(text) {
        return PersonId::parse(own)
            .map(|id| id.to_string())
            .or_else(|_| TokenId::parse(own).map(|id| id.to_string()))
            .map_err(|_| Failure::new(Code::Other, "the vault names you by what is no id"));
    }
    let path = format!("/v1/teams/{}/tokens", body.team);
    let tokens = session.client.find::<TokenList>(&path)?.tokens;
    let mut named = tokens.iter().filter(|token| token.name == text);
    match (named.next().and_then(|token| TokenId::parse(&token.id).ok()), named.next()) {
        (Some(id), None) => Ok(id.to_string()),
        (Some(_), Some(_)) => {
            let message = format!("several tokens are or were called `{}`", shown(text));
            Err(Failure::new(Code::Usage, message)
                .hint("Run `unspoken token list --all`, and give the id of one."))
        }
        (None, _) => {
            Err(Failure::new(Code::Missing, format!("nobody is called `{}`", shown(text)))
                .hint("Give the id of a person or a token, or the name of a token."))
        }
    }
}

/// Reads since when: so long ago, or a moment.
fn parse_since(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(span) = parse_span(text) {
        return Ok(now.checked_sub(span).unwrap_or(Timestamp::MIN));
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let day = text.parse::<Date>().ok().and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    day.map(|day| day.timestamp()).ok_or_else(|| {
        Failure::new(Code::Usage, "`--since` is not understood")
            .hint("Give `--since 7d`, `--since 2026-11-01` or `--since 2026-11-01T12:00:00Z`.")
    })
}

fn columns(row: &AuditRow, session: &Session, projects: &[ProjectBody]) -> Vec<String> {
    let body = &session.body;
    let is_own = body.person.as_ref().is_some_and(|own| *own == row.actor);
    let who = if is_own { body.email.as_ref().unwrap_or(&row.actor) } else { &row.actor };
    vec![
        said(row.at),
        shown(who),
        shown(&row.action),
        called(projects, &row.subject),
        shown(&row.names),
        shown(&row.outcome),
        shown(&row.address),
    ]
}

fn to_json(row: &AuditRow, projects: &[ProjectBody]) -> Value {
    json!({
        "at": moment(row.at).to_string(),
        "node": row.node,
        "seq": row.seq,
        "team": row.team,
        "actor": row.actor,
        "token": row.token,
        "address": row.address,
        "action": row.action,
        "subject": row.subject,
        "called": called(projects, &row.subject),
        "names": row.names,
        "revision": row.revision,
        "outcome": row.outcome,
        "request": row.request,
        "hash": row.hash,
    })
}

#[test]
fn since_is_so_long_ago_or_a_moment() {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let since = |text| parse_since(text, now).map(|moment| moment.to_string()).ok();
    assert_eq!(since("12h").as_deref(), Some("2026-11-22T00:00:00Z"));
    assert_eq!(since("2026-11-01").as_deref(), Some("2026-11-01T00:00:00Z"));
    assert_eq!(since("2026-11-01T03:00:00Z").as_deref(), Some("2026-11-01T03:00:00Z"));
    for wrong in ["", "yesterday", "7", "2026-13-01"] {
        assert_eq!(since(wrong), None, "{wrong}");
    }
}

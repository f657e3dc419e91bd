//! `unspoken token create`: a new token, which is shown this once.

use clap_complete::ArgValueCandidates;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::json;
use unspoken_model::{EnvironmentName, Expiry, ProjectName, SecretName, shown};
use unspoken_wire::vault::{ProjectBody, TokenMade, TokenRequest};
use zeroize::Zeroizing;

use crate::agent_runtime::AgentRuntime;
use crate::complete;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::vault::{VaultFlag, environment_of, parse_span, said};

/// Make a token that reads some environments, and print it this once
///
/// For a machine or an agent, which gets it as `UNSPOKEN_TOKEN` with `UNSPOKEN_VAULT_URL` beside it.
/// Every flag narrows what it is good for. It is refused inside of a coding agent, whose
/// transcript would keep it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken token create ci -e production | gh secret set UNSPOKEN_TOKEN\n  unspoken token create agent -e staging --only DATABASE_URL --expires 8h --uses 20\n  unspoken token create box -e production --address 10.0.0.0/8 --idle 7d"
)]
pub(crate) struct Create {
    /// What it is called, such as `ci`
    name: String,

    /// An environment that it reads; may be given several times
    #[arg(short, long, value_name = "ENV", required = true, value_delimiter = ',', add = ArgValueCandidates::new(complete::environments))]
    env: Vec<EnvironmentName>,

    /// The project [default: the one of this folder]
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectName>,

    /// Only these names, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', add = ArgValueCandidates::new(complete::names))]
    only: Vec<SecretName>,

    /// When it ends: `in 30 days`, `8h` or a date, the end of that day in UTC
    #[arg(long, value_name = "WHEN", default_value = "in 30 days")]
    expires: String,

    /// End it sooner when it was not used for so long, such as `7d`
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    idle: Option<SignedDuration>,

    /// How often it can be used
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    uses: Option<i64>,

    /// A network that it can be used from, such as `10.0.0.0/8`; may be given several times
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    address: Vec<String>,

    #[command(flatten)]
    vault: VaultFlag,
}

impl Create {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        refuse_agents(cx)?;
        let lifetime = parse_end(&self.expires, cx.now())?;
        let session = cx.session(&self.vault)?;
        let project = session.project(cx, self.project.as_ref())?;
        let request = TokenRequest {
            name: self.name.clone(),
            environments: self.ids(&project)?,
            names: listed(&self.only),
            lifetime_seconds: lifetime.as_secs(),
            idle_seconds: self.idle.map(|idle| idle.as_secs()),
            uses: self.uses,
            addresses: listed(&self.address),
        };
        let path = format!("/v1/teams/{}/tokens", project.team);
        let made: TokenMade = session.client.put("POST", &path, &request)?;
        let printed = self.print(cx, &project, &made);
        if printed.is_err() {
            // Nobody has it: it need not live.
            let _ = session.client.remove(&format!("/v1/tokens/{}", made.id));
        }
        printed
    }

    /// The ids of the environments that were asked for.
    fn ids(&self, project: &ProjectBody) -> Result<Vec<String>, Failure> {
        let id = |name| Ok(environment_of(project, name)?.id.clone());
        self.env.iter().map(id).collect()
    }

    fn print(&self, cx: &Context, project: &ProjectBody, made: &TokenMade) -> Result<(), Failure> {
        let environments: Vec<&str> = self.env.iter().map(EnvironmentName::as_str).collect();
        if cx.ui.json {
            // The token is put into the text last: a JSON value would not be wiped.
            const PLACE: &str = "\"token\": \"\"";
            let value = json!({
                "id": made.id,
                "name": self.name,
                "token": "",
                "project": project.name,
                "environments": environments,
                "expires": crate::vault::moment(made.expires).to_string(),
            });
            let frame = format!("{value:#}\n");
            let (before, after) = frame.split_once(PLACE).unwrap_or((&frame, ""));
            let mut text = Zeroizing::new(String::with_capacity(frame.len() + 256));
            text.push_str(before);
            text.push_str("\"token\": \"");
            text.push_str(made.token.expose());
            text.push('"');
            text.push_str(after);
            return cx.ui.write_value(text.as_bytes());
        }
        let mut line = Zeroizing::new(String::with_capacity(256));
        line.push_str(made.token.expose());
        line.push('\n');
        cx.ui.write_value(line.as_bytes())?;
        let once =
            if cx.ui.stdout_is_terminal() { "Copy it now: it is not shown again. " } else { "" };
        cx.ui.note(&format!(
            "{once}`{}` ({}) reads {} of {} until {}; `unspoken token revoke {}` ends it",
            self.name,
            shown(&made.id),
            environments.join(", "),
            shown(&project.name),
            said(made.expires),
            shown(&made.id)
        ));
        Ok(())
    }
}

/// What an agent prints is in its transcript for good.
fn refuse_agents(cx: &Context) -> Result<(), Failure> {
    let Some(runtime) = AgentRuntime::notice(&cx.variables) else { return Ok(()) };
    let message = format!("`token create` shows a token, and this runs inside {runtime}");
    Err(Failure::new(Code::Refused, message)
        .hint("Leave this to a person, in a terminal of their own. Nothing was made."))
}

fn listed<T: ToString>(list: &[T]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.iter().map(ToString::to_string).collect())
}

/// For how long a token lives that is to end then.
fn parse_end(text: &str, now: Timestamp) -> Result<SignedDuration, Failure> {
    let wrong = || {
        Failure::new(Code::Usage, "`--expires` is not understood")
            .hint("Give `--expires 'in 30 days'`, `--expires 8h` or `--expires 2027-01-31`.")
    };
    if let Ok(span) = parse_span(text) {
        return Ok(span);
    }
    let today: Date = now.to_zoned(TimeZone::UTC).date();
    if let Some((count, unit)) = text.strip_prefix("in ").and_then(|rest| rest.split_once(' ')) {
        // So many whole days from this moment, not to the end of a day.
        let count = count.parse::<i64>().ok().filter(|count| (1..=36_525).contains(count));
        let hours = match unit {
            "hour" | "hours" => count,
            "day" | "days" => count.map(|count| 24 * count),
            _ => None,
        };
        return hours.map(SignedDuration::from_hours).ok_or_else(wrong);
    }
    let day = Expiry::parse_when(text, today).map_err(|_| wrong())?.ok_or_else(|| {
        Failure::new(Code::Usage, "a token cannot live for ever")
            .hint("Give it an end: `--expires 'in 30 days'`.")
    })?;
    let last: Date = day.to_string().parse().map_err(|_| wrong())?;
    let end = last.checked_add(1.day()).ok().and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    let left = end.ok_or_else(wrong)?.timestamp().duration_since(now);
    if left <= SignedDuration::ZERO {
        return Err(Failure::new(Code::Usage, format!("{last} has passed")));
    }
    Ok(left)
}

#[test]
fn an_end_is_a_span_a_number_of_days_or_the_end_of_a_day() {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let hours = |text| parse_end(text, now).map(|left| left.as_hours()).ok();
    assert_eq!(hours("8h"), Some(8));
    assert_eq!(hours("in 30 days"), Some(720));
    assert_eq!(hours("in 1 hour"), Some(1));
    assert_eq!(hours("in 12 hours"), Some(12));
    assert_eq!(hours("in 1 day"), Some(24));
    assert_eq!(hours("2026-11-22"), Some(12));
    assert_eq!(hours("2026-11-23"), Some(36));
    for wrong in ["", "never", "2026-11-21", "in 0 days", "in 3 weeks", "soon", "2026-13-01"] {
        assert_eq!(hours(wrong), None, "{wrong}");
    }
}

//! Tokens of machines and agents: listed, made, revoked.

use std::collections::BTreeSet;

use ipnet::IpNet;
use unspoken_model::{EnvironmentId, Outcome, SecretName, TeamId, Verb};
use unspoken_seal::{PlainToken, TokenKind};
use unspoken_wire::vault::{Nothing, PlainText, TokenBody, TokenList, TokenMade, TokenRequest};

use crate::access::{Caller, Permit};
use crate::db::{Cell, Desk, Row};
use crate::http::answer::Json;
use crate::http::asked::Asked;
use crate::problem::Problem;

/// How many environments, names and networks one token names.
const MOST: usize = 100;

/// How long a token can be used at most: two years.
const LIFETIME: i64 = 2 * 365 * 86_400;

/// How long it may lie unused at least: use is written down now and then only.
const IDLE: i64 = 300;

pub(in crate::http) fn list(
    desk: &mut Desk<'_>,
    permit: &Permit,
    _: &Asked,
    _: &Nothing,
) -> Result<Json<TokenList>, Problem> {
    let rows = desk.rows(
        "SELECT t.id, t.kind, t.name, t.author, t.made, t.expires, t.idle, u.used, u.remaining, \
         t.revoked, t.names, t.addresses, \
         COALESCE((SELECT string_agg(e.environment, ' ') FROM token_environment e WHERE e.token = t.id), '') \
         FROM token t LEFT JOIN token_use u ON u.token = t.id WHERE t.team = $1 ORDER BY t.made, t.id",
        &[Cell::text(permit.place().team)],
    )?;
    let team = permit.place().team;
    let tokens = rows.iter().map(|row| body(row, team)).collect::<Result<Vec<_>, Problem>>()?;
    desk.record(Outcome::Done);
    Ok(Json(TokenList { tokens }))
}

fn body(row: &Row, team: TeamId) -> Result<TokenBody, Problem> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    Ok(TokenBody {
        id: row.text(0)?.to_owned(),
        kind: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        team: team.to_string(),
        author: row.text(3)?.to_owned(),
        made: row.number(4)?,
        expires: row.number(5)?,
        idle_seconds: row.maybe_number(6)?.map(|idle| idle / 1000),
        used: row.maybe_number(7)?,
        uses_left: row.maybe_number(8)?,
        revoked: row.maybe_number(9)?,
        names: row.maybe_text(10)?.map(words),
        addresses: row.maybe_text(11)?.map(words),
        environments: words(row.text(12)?),
    })
}

/// Makes a token that reads. Who makes it has to have the right in each of its environments.
pub(in crate::http) fn make(
    desk: &mut Desk<'_>,
    caller: &Caller,
    asked: &Asked,
    body: &TokenRequest,
) -> Result<Json<TokenMade>, Problem> {
    let team: TeamId = asked.id("team")?;
    let wanted = Wanted::read(body)?;
    for environment in &wanted.environments {
        let permit = Permit::environment(desk, caller.clone(), Verb::Delegate, *environment)?;
        if permit.place().team != team {
            return Err(Problem::forbidden());
        }
    }
    let token = insert(
        desk,
        Made {
            team,
            name: body.name.clone(),
            author: caller.actor(),
            environments: wanted.environments.into_iter().collect(),
            names: wanted.names,
            addresses: wanted.addresses,
            lifetime_seconds: body.lifetime_seconds,
            idle_seconds: body.idle_seconds,
            uses: body.uses,
        },
    )?;
    desk.entry.team = team.to_string();
    desk.entry.subject.clone_from(&token.id);
    desk.record(Outcome::Done);
    Ok(Json(token))
}

/// A machine's token, as it is to be made.
pub(super) struct Made {
    pub(super) team: TeamId,
    pub(super) name: String,
    pub(super) author: String,
    pub(super) environments: Vec<EnvironmentId>,
    /// Separated by spaces, as networks are.
    pub(super) names: Option<String>,
    pub(super) addresses: Option<String>,
    pub(super) lifetime_seconds: i64,
    pub(super) idle_seconds: Option<i64>,
    pub(super) uses: Option<i64>,
}

pub(super) fn insert(desk: &mut Desk<'_>, made: Made) -> Result<TokenMade, Problem> {
    let token = PlainToken::random(TokenKind::Agent);
    let expires = desk.now() + 1000 * made.lifetime_seconds;
    let id = Cell::text(token.id());
    desk.change(
        "INSERT INTO token (id, kind, hash, team, person, name, author, made, expires, idle, \
         addresses, names, revoked, touched) \
         VALUES ($1, 'agent', $2, $3, NULL, $4, $5, $6, $7, $8, $9, $10, NULL, $6)",
        &[
            id.clone(),
            token.auth().hash().as_bytes().to_vec().into(),
            Cell::text(made.team),
            made.name.into(),
            made.author.into(),
            desk.now().into(),
            expires.into(),
            Cell::maybe(made.idle_seconds.map(|seconds| seconds * 1000)),
            Cell::maybe(made.addresses),
            Cell::maybe(made.names),
        ],
    )?;
    let sets: Vec<_> =
        made.environments.iter().map(|one| vec![id.clone(), Cell::text(one)]).collect();
    desk.change_values(
        "INSERT INTO token_environment (token, environment) VALUES ($1, $2)",
        &sets,
    )?;
    desk.change(
        "INSERT INTO token_use (token, used, remaining) VALUES ($1, NULL, $2)",
        &[id, Cell::maybe(made.uses)],
    )?;
    let text = PlainText::from(token.expose());
    Ok(TokenMade { id: token.id().to_string(), token: text, expires })
}

/// Ends a token. It is no more when this has been answered.
pub(in crate::http) fn revoke(
    desk: &mut Desk<'_>,
    _: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<(), Problem> {
    let id: unspoken_model::TokenId = asked.id("token")?;
    end(desk, id)?;
    desk.record(Outcome::Done);
    Ok(())
}

pub(in crate::http) fn end(
    desk: &mut Desk<'_>,
    id: unspoken_model::TokenId,
) -> Result<(), Problem> {
    // Who is just using it is waited for; who comes later sees this.
    desk.change(
        "UPDATE token SET revoked = $2, touched = $2 WHERE id = $1 AND revoked IS NULL",
        &[Cell::text(id), desk.now().into()],
    )?;
    Ok(())
}

/// What was asked for, read.
struct Wanted {
    environments: BTreeSet<EnvironmentId>,
    names: Option<String>,
    addresses: Option<String>,
}

impl Wanted {
    fn read(body: &TokenRequest) -> Result<Self, Problem> {
        let is_named = !body.name.is_empty()
            && body.name.len() <= 100
            && !body.name.chars().any(char::is_control);
        if !is_named {
            return Err(Problem::invalid("a token has a name of at most 100 characters"));
        }
        let environments = body.environments.iter().map(|id| EnvironmentId::parse(id));
        let environments: BTreeSet<_> =
            environments.collect::<Result<_, _>>().map_err(|_| Problem::forbidden())?;
        if environments.is_empty() || environments.len() > MOST {
            return Err(Problem::invalid(format!("a token reaches 1 to {MOST} environments")));
        }
        if !(1..=LIFETIME).contains(&body.lifetime_seconds) {
            return Err(Problem::invalid(
                "a token lives for a second at least and two years at most",
            ));
        }
        if body.idle_seconds.is_some_and(|idle| !(IDLE..=LIFETIME).contains(&idle)) {
            return Err(Problem::invalid("a token may lie unused for five minutes at least"));
        }
        if body.uses.is_some_and(|uses| uses < 1) {
            return Err(Problem::invalid("a token can be used at least once"));
        }
        let names = body.names.as_deref().map(|names| {
            let names =
                names.iter().map(|name| SecretName::parse(name).map(|name| name.to_string()));
            joined("names", names.collect::<Result<_, _>>().map_err(|error| error.to_string()))
        });
        let addresses = body.addresses.as_deref().map(|addresses| {
            let read =
                |text: &String| network(text).ok_or("a network looks like `10.0.0.0/8`".to_owned());
            joined("networks", addresses.iter().map(read).collect())
        });
        Ok(Self { environments, names: names.transpose()?, addresses: addresses.transpose()? })
    }
}

pub(super) fn joined(what: &str, words: Result<Vec<String>, String>) -> Result<String, Problem> {
    let words = words.map_err(Problem::invalid)?;
    if words.is_empty() || words.len() > MOST {
        return Err(Problem::invalid(format!(
            "where {what} are given, there are 1 to {MOST} of them"
        )));
    }
    Ok(words.join(" "))
}

/// A network, or the one address that is meant.
fn network(text: &str) -> Option<String> {
    let network = text
        .parse::<IpNet>()
        .or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()));
    network.ok().map(|network: IpNet| network.trunc().to_string())
}

//! Rules by which jobs of others get tokens, and the exchange itself.

use std::collections::BTreeSet;

use unspoken_model::{EnvironmentId, Outcome, SecretName, TeamId, TrustId, Verb, shown};
use unspoken_wire::vault::{
    ExchangeRequest, Nothing, TokenMade, TrustBody, TrustList, TrustMade, TrustRequest,
};

use super::token::{Made, insert, joined};
use crate::access::Permit;
use crate::db::{Cell, Desk, Row};
use crate::federation::{Claims, Judgement, Proof, Statement, check_claims, check_issuer};
use crate::hazmat;
use crate::http::answer::Json;
use crate::http::asked::Asked;
use crate::problem::Problem;
use crate::wanted::Wanted;

/// How long a token of a job lives at most, in seconds.
const LIFETIME: i64 = 3600;

pub(in crate::http) fn list(
    desk: &mut Desk<'_>,
    permit: &Permit,
    _: &Asked,
    _: &Nothing,
) -> Result<Json<TrustList>, Problem> {
    let rows = desk.rows(
        "SELECT id, name, issuer, audience, claims, environments, names, lifetime, author, made \
         FROM trust WHERE team = $1 ORDER BY name",
        &[Cell::text(permit.place().team)],
    )?;
    let rules = rows.iter().map(body).collect::<Result<Vec<_>, Problem>>()?;
    desk.record(Outcome::Done);
    Ok(Json(TrustList { rules }))
}

fn body(row: &Row) -> Result<TrustBody, Problem> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    Ok(TrustBody {
        id: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        issuer: row.text(2)?.to_owned(),
        audience: row.text(3)?.to_owned(),
        claims: claims(row.text(4)?)?,
        environments: words(row.text(5)?),
        names: row.maybe_text(6)?.map(words),
        lifetime_seconds: row.number(7)?,
        author: row.text(8)?.to_owned(),
        made: row.number(9)?,
    })
}

fn claims(text: &str) -> Result<Claims, Problem> {
    serde_json::from_str(text).map_err(|_| Problem::internal())
}

/// Makes a rule. Who makes it has to have the right in each of its environments, too.
pub(in crate::http) fn make(
    desk: &mut Desk<'_>,
    permit: &Permit,
    _: &Asked,
    body: &TrustRequest,
) -> Result<Json<TrustMade>, Problem> {
    let team = permit.place().team;
    check_issuer(&body.issuer)?;
    check_claims(&body.claims)?;
    let is_open = |text: &str| text.is_empty() || text.len() > 200 || text.contains(['*', '?']);
    if is_open(&body.audience) || is_open(&body.name) {
        return Err(Problem::invalid("a rule has a name and an exact audience"));
    }
    if !(60..=LIFETIME).contains(&body.lifetime_seconds) {
        return Err(Problem::invalid(
            "a token of a job lives for a minute at least and an hour at most",
        ));
    }
    let environments = body.environments.iter().map(|id| EnvironmentId::parse(id));
    let environments: BTreeSet<_> =
        environments.collect::<Result<_, _>>().map_err(|_| Problem::forbidden())?;
    for environment in &environments {
        let within =
            Permit::environment(desk, permit.caller().clone(), Verb::Delegate, *environment)?;
        if within.place().team != team {
            return Err(Problem::forbidden());
        }
    }
    let texts = environments.iter().map(ToString::to_string).collect();
    let environments = joined("environments", Ok(texts))?;
    let names = body.names.as_deref().map(|names| {
        let names = names.iter().map(|name| SecretName::parse(name).map(|name| name.to_string()));
        joined("names", names.collect::<Result<_, _>>().map_err(|error| error.to_string()))
    });
    let id = TrustId::new(hazmat::random());
    let claims = serde_json::to_string(&body.claims).map_err(|_| Problem::internal())?;
    desk.change(
        "INSERT INTO trust (id, team, name, issuer, audience, claims, environments, names, lifetime, \
         author, made) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            Cell::text(id),
            Cell::text(team),
            body.name.as_str().into(),
            body.issuer.as_str().into(),
            body.audience.as_str().into(),
            claims.into(),
            environments.into(),
            Cell::maybe(names.transpose()?),
            body.lifetime_seconds.into(),
            permit.caller().actor().into(),
            desk.now().into(),
        ],
    )?;
    desk.entry.subject = id.to_string();
    desk.record(Outcome::Done);
    Ok(Json(TrustMade { id: id.to_string() }))
}

/// Removes a rule, and ends the tokens that were made by it.
pub(in crate::http) fn remove(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<(), Problem> {
    let id: TrustId = asked.id("trust")?;
    let cells = [Cell::text(id), Cell::text(permit.place().team)];
    if desk.change("DELETE FROM trust WHERE id = $1 AND team = $2", &cells)? == 0 {
        return Err(Problem::forbidden());
    }
    desk.change(
        "UPDATE token SET revoked = $2, touched = $2 WHERE author = $1 AND revoked IS NULL",
        &[Cell::text(id), desk.now().into()],
    )?;
    desk.entry.subject = id.to_string();
    desk.record(Outcome::Done);
    Ok(())
}

/// Gives a job a token, by what others have signed about it.
pub(in crate::http) fn exchange(
    desk: &mut Desk<'_>,
    asked: &Asked,
    body: &ExchangeRequest,
) -> Result<Json<TokenMade>, Problem> {
    let proof = Proof::read(body.proof.expose()).ok_or_else(Problem::unauthorized)?;
    let rows = desk.rows(
        "SELECT id, team, name, audience, claims, environments, names, lifetime FROM trust \
         WHERE issuer = $1 ORDER BY id",
        &[proof.issuer.as_str().into()],
    )?;
    if rows.is_empty() {
        return Err(Problem::unauthorized());
    }
    let teams: BTreeSet<&str> = rows.iter().filter_map(|row| row.text(1).ok()).collect();
    let issuers = asked.issuers();
    let wanted = || Problem::wants(Wanted::Issuer(proof.issuer.clone()));
    let published = issuers.find(&proof.issuer).ok_or_else(wanted)?;
    for row in &rows {
        if body.rule.as_ref().is_some_and(|rule| row.text(0).ok() != Some(rule)) {
            continue;
        }
        let said = match proof.judge(&published.keys, row.text(3)?) {
            Judgement::Holds(said) => said,
            Judgement::OtherKey if issuers.is_stale(&proof.issuer) => return Err(wanted()),
            Judgement::OtherKey | Judgement::Refused => continue,
        };
        let wants = claims(row.text(4)?)?;
        let fits = wants.iter().all(|(name, value)| said.text(name).as_ref() == Some(value));
        if fits {
            return give(desk, row, &said);
        }
        // It is a proof of theirs for this vault: the people of the team see that it was shown, where
        // it cannot have been meant for another team.
        if teams.len() == 1 {
            row.text(1)?.clone_into(&mut desk.entry.team);
            row.text(0)?.clone_into(&mut desk.entry.subject);
        }
    }
    Err(Problem::unauthorized())
}

fn give(desk: &mut Desk<'_>, row: &Row, said: &Statement) -> Result<Json<TokenMade>, Problem> {
    let team: TeamId = row.parsed(1)?;
    let environments = row.text(5)?.split_whitespace().map(EnvironmentId::parse);
    let mut there = Vec::new();
    for environment in environments {
        let environment = environment.map_err(|_| Problem::internal())?;
        // One that was removed is reached no more.
        there.extend(desk.environment(environment)?.map(|row| row.id));
    }
    let subject = said.text("sub").unwrap_or_default();
    let name = format!("{}: {}", row.text(2)?, shown(&subject));
    let name: String = name.chars().take(100).collect();
    let made = Made {
        team,
        name,
        author: row.text(0)?.to_owned(),
        environments: there,
        names: row.maybe_text(6)?.map(str::to_owned),
        addresses: None,
        lifetime_seconds: row.number(7)?,
        idle_seconds: None,
        uses: None,
    };
    let token = insert(desk, made)?;
    desk.entry.team = team.to_string();
    row.text(0)?.clone_into(&mut desk.entry.actor);
    desk.entry.subject.clone_from(&token.id);
    desk.record(Outcome::Done);
    Ok(Json(token))
}

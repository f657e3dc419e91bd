//! The caller: a token that was shown, and whose it is.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use unspoken_model::{
    EnvironmentId, Grant, PersonId, ProjectId, Reach, Role, TeamId, TokenId, Verb,
};
use unspoken_seal::{HashedToken, TokenAuth, TokenKind};

use super::Place;
use crate::db::{Desk, Shown, TokenRow};
use crate::problem::Problem;

/// Somebody whose token is good, here and now.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) token: TokenId,
    pub(crate) kind: TokenKind,
    /// The name of the token.
    pub(crate) name: String,
    pub(crate) team: TeamId,
    pub(crate) expires: i64,
    pub(crate) holder: Holder,
    /// Whether the token can be used so many times only.
    is_counted: bool,
}

/// Whose a token is.
#[derive(Clone, Debug)]
pub(crate) enum Holder {
    Machine(Grant),
    Person {
        id: PersonId,
        memberships: Vec<Membership>,
    },
    /// Somebody who was invited, and may do nothing but begin a session.
    Invited(PersonId),
}

/// What a person is, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Membership {
    pub(crate) team: TeamId,
    pub(crate) reach: Reach,
    pub(crate) role: Role,
}

impl Caller {
    /// Looks a token up. What is wrong with one that is not good is not told.
    pub(crate) fn find(
        desk: &mut Desk<'_>,
        auth: Option<&TokenAuth>,
        address: IpAddr,
    ) -> Result<Self, Problem> {
        let auth = auth.ok_or_else(Problem::unauthorized)?;
        let row = desk.token(Shown::new(auth))?;
        // The same work where there is no such token.
        let nothing = HashedToken::new(&[0; 32]);
        let hash = row.as_ref().map(|row| row.hash).or(nothing);
        let fits = hash.is_some_and(|hash| auth.fits(&hash));
        let row = row.filter(|_| fits).ok_or_else(Problem::unauthorized)?;
        // From here on it is the holder who is refused.
        desk.entry.team = row.team.to_string();
        desk.entry.actor = match &row.person {
            Some((id, _)) => id.clone(),
            None => auth.id().to_string(),
        };
        if !is_good(&row, desk.now(), address) {
            return Err(Problem::unauthorized());
        }
        let holder = holder(&row).ok_or_else(Problem::internal)?;
        Ok(Self {
            token: auth.id(),
            kind: row.kind,
            team: row.team,
            expires: row.expires,
            holder,
            is_counted: row.remaining.is_some(),
            name: row.name,
        })
    }

    pub(crate) fn person(&self) -> Option<PersonId> {
        match self.holder {
            Holder::Person { id, .. } => Some(id),
            Holder::Machine(_) | Holder::Invited(_) => None,
        }
    }

    pub(crate) fn is_person(&self) -> bool {
        self.person().is_some()
    }

    pub(crate) fn owns_a_team(&self) -> bool {
        let Holder::Person { memberships, .. } = &self.holder else { return false };
        memberships.iter().any(|one| one.role == Role::Owner && one.reach == Reach::Team)
    }

    /// What a caller is called in the record and as an author.
    pub(crate) fn actor(&self) -> String {
        match self.holder {
            Holder::Person { id, .. } | Holder::Invited(id) => id.to_string(),
            Holder::Machine(_) => self.token.to_string(),
        }
    }

    /// The teams in which this caller is something.
    pub(crate) fn teams(&self) -> Vec<TeamId> {
        let mut teams = match &self.holder {
            Holder::Machine(_) => vec![self.team],
            Holder::Person { memberships, .. } => memberships.iter().map(|one| one.team).collect(),
            Holder::Invited(_) => Vec::new(),
        };
        teams.sort_unstable();
        teams.dedup();
        teams
    }

    /// What this caller is at a place; `None` for a machine, and for nothing.
    pub(crate) fn role(&self, place: &Place) -> Option<Role> {
        let Holder::Person { memberships, .. } = &self.holder else { return None };
        let here = memberships.iter().filter(|one| one.team == place.team && one.covers(place));
        here.map(|one| one.role).max()
    }

    pub(crate) fn may(&self, verb: Verb, place: &Place) -> bool {
        match &self.holder {
            Holder::Person { .. } => self.role(place).is_some_and(|role| role.permits(verb)),
            Holder::Machine(grant) => {
                place.team == self.team
                    && place.environment.is_some_and(|id| grant.permits(verb, &id))
            }
            Holder::Invited(_) => false,
        }
    }

    /// Takes one use of a token that can be used so many times only.
    pub(crate) fn use_up(&self, desk: &mut Desk<'_>) -> Result<(), Problem> {
        if self.is_counted && !desk.use_up(self.token)? {
            return Err(Problem::unauthorized());
        }
        Ok(())
    }
}

impl Membership {
    fn covers(&self, place: &Place) -> bool {
        match self.reach {
            Reach::Team => true,
            Reach::Project(id) => place.project == Some(id),
            Reach::Environment(id) => place.environment == Some(id),
        }
    }
}

/// Whether a token that is known may be used now, from there.
fn is_good(row: &TokenRow, now: i64, address: IpAddr) -> bool {
    let is_awake = row.idle.is_none_or(|idle| now - row.used.unwrap_or(row.made) < idle);
    let is_left = row.remaining.is_none_or(|remaining| remaining > 0);
    let is_here = row.addresses.as_ref().is_none_or(|networks| {
        let networks = networks.split_whitespace().filter_map(|text| text.parse::<IpNet>().ok());
        networks.into_iter().any(|network| network.contains(&address.to_canonical()))
    });
    // An invitation is for somebody who is not there yet.
    let is_active = match (&row.person, row.kind) {
        (Some((_, state)), TokenKind::Admin) => state != "suspended",
        (Some((_, state)), _) => state == "active",
        (None, _) => true,
    };
    !row.is_revoked && now < row.expires && is_awake && is_left && is_here && is_active
}

/// Reads whose it is. `None` when the row is not as it was written.
fn holder(row: &TokenRow) -> Option<Holder> {
    match (row.kind, &row.person) {
        (TokenKind::Agent, None) => {
            let environments: Result<BTreeSet<EnvironmentId>, _> =
                row.environments.split_whitespace().map(str::parse).collect();
            let names = row.names.as_ref().map(|names| {
                let names = names.split_whitespace().map(unspoken_model::SecretName::parse);
                names.collect::<Result<BTreeSet<_>, _>>()
            });
            let names = names.transpose().ok()?;
            Some(Holder::Machine(Grant { environments: environments.ok()?, names }))
        }
        (TokenKind::Cli, Some((id, _))) => {
            let memberships = row.roles.split_whitespace().map(membership);
            Some(Holder::Person {
                id: id.parse().ok()?,
                memberships: memberships.collect::<Option<_>>()?,
            })
        }
        (TokenKind::Admin, Some((id, _))) => Some(Holder::Invited(id.parse().ok()?)),
        _ => None,
    }
}

fn membership(text: &str) -> Option<Membership> {
    let mut parts = text.split('/');
    let (team, project, environment, role) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let reach = match (project, environment) {
        ("", "") => Reach::Team,
        (project, "") => Reach::Project(ProjectId::parse(project).ok()?),
        (_, environment) => Reach::Environment(EnvironmentId::parse(environment).ok()?),
    };
    Some(Membership { team: team.parse().ok()?, reach, role: role.parse().ok()? })
}

#[test]
fn a_membership_is_read_as_it_is_written_or_not_at_all() {
    let (team, project) = (TeamId::new([1; 16]), ProjectId::new([2; 16]));
    let environment = EnvironmentId::new([3; 16]);
    let read = membership(&format!("{team}/{project}/{environment}/reader")).unwrap();
    assert_eq!(read.reach, Reach::Environment(environment));
    assert_eq!(
        membership(&format!("{team}/{project}//admin")).unwrap().reach,
        Reach::Project(project)
    );
    assert_eq!(membership(&format!("{team}///owner")).unwrap().reach, Reach::Team);
    for wrong in ["", "///owner", &format!("{team}///god"), &format!("{team}/x//owner")] {
        assert_eq!(membership(wrong), None, "{wrong}");
    }
}

//! Who asks: every kind of caller, in every state.

use std::time::{SystemTime, UNIX_EPOCH};

use unspoken_seal::{PlainToken, TokenKind};

use super::{Target, World};

/// Somebody who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller {
    Nobody,
    /// Shows what is no token.
    Garbage,
    /// Shows a token that there never was.
    Unknown,
    /// Knows the id of a token, and not its secret.
    WrongSecret,
    Agent(Reach, State),
    Person(Reach, Role, State),
    Invited(State),
}

/// For which place a caller has something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    Team,
    Project,
    Environment,
    OtherProject,
    OtherEnvironment,
    OtherTeam,
    Nothing,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Reader,
    Developer,
    Admin,
    Owner,
}

/// How a token and its holder are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Active,
    /// The person is.
    Suspended,
    /// The person has not begun yet.
    NotBegun,
    Expired,
    Revoked,
    Idle,
    UsedUp,
    /// The token is for another network.
    Elsewhere,
}

pub(crate) fn all_callers() -> Vec<Caller> {
    use Reach::{Environment, Nothing, OtherEnvironment, OtherProject, OtherTeam, Project, Team};
    use State::{Active, Elsewhere, Expired, Idle, NotBegun, Revoked, Suspended, UsedUp};

    let mut callers = vec![Caller::Nobody, Caller::Garbage, Caller::Unknown, Caller::WrongSecret];
    for reach in [Environment, OtherEnvironment, OtherTeam, Nothing] {
        callers.push(Caller::Agent(reach, Active));
    }
    for state in [Expired, Revoked, Idle, UsedUp, Elsewhere] {
        callers.push(Caller::Agent(Environment, state));
    }
    for role in [Role::Reader, Role::Developer, Role::Admin, Role::Owner] {
        for reach in [Team, Project, Environment, OtherProject, OtherEnvironment, OtherTeam] {
            callers.push(Caller::Person(reach, role, Active));
        }
        for state in [Suspended, NotBegun, Expired, Revoked, Idle, UsedUp, Elsewhere] {
            callers.push(Caller::Person(Team, role, state));
        }
    }
    callers.push(Caller::Person(Nothing, Role::Owner, Active));
    for state in [Active, Suspended, Expired, Revoked, UsedUp, Elsewhere] {
        callers.push(Caller::Invited(state));
    }
    callers
}

impl Caller {
    /// Makes the token that is shown, and whom it belongs to.
    pub(crate) fn token(self, world: &mut World, target: &Target) -> Option<String> {
        let (kind, state) = match self {
            Self::Nobody => return None,
            Self::Garbage => return Some("unsp_agent_0123".to_owned()),
            Self::Unknown => {
                return Some(PlainToken::random(TokenKind::Agent).expose().to_string());
            }
            Self::WrongSecret => (TokenKind::Agent, State::Active),
            Self::Agent(_, state) => (TokenKind::Agent, state),
            Self::Person(_, _, state) => (TokenKind::Cli, state),
            Self::Invited(state) => (TokenKind::Admin, state),
        };
        let token = PlainToken::random(kind);
        let person = format!("per_{}", world.next());
        let mut statements = Vec::new();
        if kind != TokenKind::Agent {
            let invited = kind == TokenKind::Admin || state == State::NotBegun;
            let standing = match state {
                State::Suspended => "suspended",
                _ if invited => "invited",
                _ => "active",
            };
            statements.push(format!(
                "INSERT INTO person (id, email, name, state, made) \
                 VALUES ('{person}', '{person}@example.invalid', 'C', '{standing}', 1)"
            ));
            statements.push(self.membership(world, target, &person));
        }
        statements.push(self.row(world, &token, &person, state));
        let id = token.id();
        let left = if state == State::UsedUp { "0" } else { "NULL" };
        statements.push(format!(
            "INSERT INTO token_use (token, used, remaining) VALUES ('{id}', NULL, {left})"
        ));
        let environment = match self {
            Self::Agent(Reach::Environment, _) | Self::WrongSecret => &target.environment,
            Self::Agent(Reach::OtherEnvironment, _) => &target.other_environment,
            Self::Agent(Reach::OtherTeam, _) => &target.foreign_environment,
            _ => "",
        };
        if !environment.is_empty() {
            statements
                .push(format!("INSERT INTO token_environment VALUES ('{id}', '{environment}')"));
        }
        statements.retain(|statement| !statement.is_empty());
        world.raw.change(&statements.join("; "));
        Some(token.expose().to_string())
    }

    fn row(self, world: &World, token: &PlainToken, person: &str, state: State) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let shown = match self {
            Self::WrongSecret => [9; 32],
            _ => *token.auth().hash().as_bytes(),
        };
        let (hash, id, kind) = (world.raw.bytes(&shown), token.id(), token.kind().as_str());
        let team = match self {
            Self::Agent(Reach::OtherTeam, _) | Self::Person(Reach::OtherTeam, ..) => {
                &world.foreign.team
            }
            _ => &world.here.team,
        };
        let person = match token.kind() {
            TokenKind::Agent => "NULL".to_owned(),
            _ => format!("'{person}'"),
        };
        let past = now - 3_600_000;
        let expires = if state == State::Expired { now - 1 } else { now + 3_600_000 };
        let idle = if state == State::Idle { "300000" } else { "NULL" };
        let revoked = if state == State::Revoked { "1" } else { "NULL" };
        let addresses = if state == State::Elsewhere { "'10.0.0.0/8'" } else { "NULL" };
        format!(
            "INSERT INTO token (id, kind, hash, team, person, name, author, made, expires, idle, \
             addresses, revoked, touched) VALUES ('{id}', '{kind}', {hash}, '{team}', {person}, 'c', \
             '', {past}, {expires}, {idle}, {addresses}, {revoked}, 1)"
        )
    }

    fn membership(self, world: &World, target: &Target, person: &str) -> String {
        let (reach, role) = match self {
            Self::Person(reach, role, _) => (reach, role),
            Self::Invited(_) => (Reach::Team, Role::Owner),
            _ => return String::new(),
        };
        let role = match role {
            Role::Reader => "reader",
            Role::Developer => "developer",
            Role::Admin => "admin",
            Role::Owner => "owner",
        };
        let (here, beside, foreign) = (&world.here, &world.beside, &world.foreign);
        let (team, project, environment) = match reach {
            Reach::Nothing => return String::new(),
            Reach::Team => (&here.team, "", ""),
            Reach::Project => (&here.team, here.project.as_str(), ""),
            Reach::Environment => (&here.team, here.project.as_str(), target.environment.as_str()),
            Reach::OtherProject => (&here.team, beside.project.as_str(), ""),
            Reach::OtherEnvironment => {
                (&here.team, here.project.as_str(), target.other_environment.as_str())
            }
            Reach::OtherTeam => (&foreign.team, "", ""),
        };
        format!(
            "INSERT INTO membership (person, team, project, environment, role) \
             VALUES ('{person}', '{team}', '{project}', '{environment}', '{role}')"
        )
    }
}

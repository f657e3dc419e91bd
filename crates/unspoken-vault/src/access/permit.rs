//! The permit: a caller may do something at a place, as of this transaction.

use unspoken_model::{EnvironmentId, ProjectId, TeamId, TokenId, Verb};

use super::Caller;
use crate::db::{Cell, Desk, EnvironmentRow};
use crate::problem::Problem;

/// Where something is to be done. All of it belongs to the one team.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) team: TeamId,
    pub(crate) project: Option<ProjectId>,
    pub(crate) environment: Option<EnvironmentId>,
}

/// See the top. There is no other way to make one than to be allowed.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    caller: Caller,
    place: Place,
    environment: Option<EnvironmentRow>,
}

impl Place {
    pub(crate) fn team(team: TeamId) -> Self {
        Self { team, project: None, environment: None }
    }

    pub(crate) fn project(team: TeamId, project: ProjectId) -> Self {
        Self { team, project: Some(project), environment: None }
    }

    pub(crate) fn environment(row: &EnvironmentRow) -> Self {
        Self { team: row.team, project: Some(row.project), environment: Some(row.id) }
    }
}

impl Permit {
    pub(crate) fn team(
        desk: &mut Desk<'_>,
        caller: Caller,
        verb: Verb,
        team: TeamId,
    ) -> Result<Self, Problem> {
        desk.entry.subject = team.to_string();
        let known = desk.row("SELECT id FROM team WHERE id = $1", &[Cell::text(team)])?;
        Self::decide(desk, caller, verb, known.map(|_| Place::team(team)))
    }

    pub(crate) fn project(
        desk: &mut Desk<'_>,
        caller: Caller,
        verb: Verb,
        project: ProjectId,
    ) -> Result<Self, Problem> {
        desk.entry.subject = project.to_string();
        let row = desk.row("SELECT team FROM project WHERE id = $1", &[Cell::text(project)])?;
        let team = row.map(|row| row.parsed(0)).transpose()?;
        Self::decide(desk, caller, verb, team.map(|team| Place::project(team, project)))
    }

    pub(crate) fn environment(
        desk: &mut Desk<'_>,
        caller: Caller,
        verb: Verb,
        environment: EnvironmentId,
    ) -> Result<Self, Problem> {
        desk.entry.subject = environment.to_string();
        let row = desk.environment(environment)?;
        let place = row.as_ref().map(Place::environment);
        let permit = Self::decide(desk, caller, verb, place)?;
        Ok(Self { environment: row, ..permit })
    }

    /// For what is done to a token: at its team, or by the person whose session it is.
    pub(crate) fn token(
        desk: &mut Desk<'_>,
        caller: Caller,
        verb: Verb,
        token: TokenId,
    ) -> Result<Self, Problem> {
        desk.entry.subject = token.to_string();
        let sql = "SELECT team, author, person FROM token WHERE id = $1";
        let Some(row) = desk.row(sql, &[Cell::text(token)])? else {
            return Self::decide(desk, caller, verb, None);
        };
        let place = Place::team(row.parsed(0)?);
        // Who made it may end it, wherever they are something.
        let own = caller.person().map(|id| id.to_string()).is_some_and(|id| {
            row.text(1).is_ok_and(|author| author == id)
                || row.maybe_text(2).is_ok_and(|person| person == Some(&id))
        });
        if own {
            desk.entry.team = place.team.to_string();
            return Ok(Self { caller, place, environment: None });
        }
        // Else it is the people who govern that may.
        Self::decide(desk, caller, Verb::Govern, Some(place))
    }

    /// One at a place that is known already, under a permit for a wider one.
    pub(crate) fn decide(
        desk: &mut Desk<'_>,
        caller: Caller,
        verb: Verb,
        place: Option<Place>,
    ) -> Result<Self, Problem> {
        match place {
            Some(place) if caller.may(verb, &place) => {
                desk.entry.team = place.team.to_string();
                Ok(Self { caller, place, environment: None })
            }
            _ => Err(Problem::forbidden()),
        }
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The environment that it is for.
    pub(crate) fn row(&self) -> Result<&EnvironmentRow, Problem> {
        self.environment.as_ref().ok_or_else(Problem::internal)
    }
}

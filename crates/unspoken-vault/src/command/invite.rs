//! `unspoken-vault invite`: lets a person back in whom nobody inside can help.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use unspoken_model::{Action, Outcome, RequestId};
use unspoken_seal::PlainToken;

use super::{Ready, Where, failed};
use crate::config::Variables;
use crate::db::{About, Desk, Lane};
use crate::failure::Failure;
use crate::hazmat;
use crate::problem::Problem;
use crate::sign_in::{Email, PersonRow, invitation};

/// Let a person begin anew, with another invitation
///
/// For the owner who is locked out. The person's password, second factor and sessions are gone at
/// once. The record says that it was done here.
#[derive(Debug, clap::Args)]
pub(crate) struct Invite {
    #[command(flatten)]
    place: Where,

    /// The person's e-mail address
    email: String,
}

impl Invite {
    pub(crate) fn run(self, variables: &Variables) -> Result<(), Failure> {
        let email = Email::parse(&self.email).map_err(|error| failed(&error))?;
        let Ready { store, runtime } = self.place.open(variables)?;
        let deployment = store.deployment;
        let (lane, thread) = Lane::open(store.sql).map_err(|error| failed(&error))?;
        let about = About {
            request: RequestId::new(hazmat::random()),
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            action: Action::PersonInvite,
            token: None,
            environment: None,
            name: None,
            changes: true,
        };
        let work = move |desk: &mut Desk<'_>| -> Result<PlainToken, Problem> {
            let nobody = || Problem::missing(format!("nobody here is known as `{email}`"));
            let person = PersonRow::find_by_email(desk, &deployment, &email)?.ok_or_else(nobody)?;
            let team = PersonRow::team(desk, person.id)?.ok_or_else(nobody)?;
            desk.entry.team = team.to_string();
            desk.entry.subject = person.id.to_string();
            let (token, _) = invitation::begin_anew(desk, person.id, team, "")?;
            desk.record(Outcome::Done);
            Ok(token)
        };
        let made = runtime.block_on(lane.run(about, work));
        // The lane ends with the last way into it.
        drop(lane);
        let _ = thread.join();
        let token = made.map_err(|problem| Failure::new(problem.message))?;
        let mut out = std::io::stdout();
        let said = out
            .write_all(
                b"An invitation, for one session within 72 hours (it is not shown again):\n\n  ",
            )
            .and_then(|()| out.write_all(token.expose().as_bytes()))
            .and_then(|()| out.write_all(b"\n"));
        said.map_err(|error| Failure::new(format!("the invitation could not be printed ({error})")))
    }
}

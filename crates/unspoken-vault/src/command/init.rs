//! `unspoken-vault init`: makes a store, its first team and the invitation of its owner.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;
use unspoken_model::{PersonId, TeamId};
use unspoken_seal::{PlainToken, TokenKind};

use super::Where;
use super::master::hold;
use crate::config::{StoreChoice, Variables};
use crate::db::{Cell, Sql, SqlError, own_time};
use crate::failure::Failure;
use crate::hazmat::{self, Key};
use crate::master_file::{self, FoundMaster, MasterFileError};
use crate::opened::{OpenError, Opened, connect, find_deployment, is_within};
use crate::sign_in::Email;

/// Make a store
///
/// Prints the owner's invitation, which is shown this once and begins one session. The master
/// key is made where there is none, and is kept outside of the store.
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    #[command(flatten)]
    place: Where,

    /// The name of the first team
    #[arg(long, default_value = "team")]
    team: String,

    /// The owner's e-mail address
    #[arg(long, value_name = "EMAIL", default_value = "owner@localhost")]
    owner: String,
}

/// How long the owner's invitation can be used.
const INVITATION: i64 = 24 * 60 * 60 * 1000;

impl Init {
    pub(crate) fn run(self, variables: &Variables) -> Result<(), Failure> {
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|error| Failure::new(format!("no runtime could be started ({error})")))?;
        let store = self.place.store();
        self.look_around(variables, &runtime)?;
        let owner = Email::parse(&self.owner).map_err(|error| Failure::new(error.to_string()))?;
        let (found, file) = self.master_key(store, variables)?;
        let named = match &found {
            FoundMaster::Own(_) => None,
            FoundMaster::AwsKms(key) => Some(key.to_string()),
        };
        let master = hold(found, variables)?;
        let sql =
            connect(store, variables, runtime.handle(), true).map_err(|error| explain(&error))?;
        let mut opened = Opened::make(sql, master).map_err(|error| explain(&error))?;
        let token = invite(&mut *opened.sql, &self.team, owner.as_str())
            .map_err(|error| Failure::new(error.to_string()))?;
        let Where { master_key, master_key_file, .. } = &self.place;
        let given = match (master_key, master_key_file) {
            (Some(name), _) => format!(" --master-key {name}"),
            (None, Some(file)) => format!(" --master-key-file {}", file.display()),
            (None, None) => String::new(),
        };
        let made = match (&file, &named) {
            (Some(file), _) => Some(MasterPlace::File(file)),
            (None, named) => named.as_deref().map(MasterPlace::Elsewhere),
        };
        let said = say(&token, made.as_ref(), (store, given));
        std::io::stdout().write_all(said.as_bytes()).map_err(|error| {
            Failure::new(format!("the owner's invitation could not be printed ({error})"))
        })
    }

    /// Makes no key for a store that is there already, and says when a new one comes under an old key
    /// that nobody has named.
    fn look_around(&self, variables: &Variables, runtime: &Runtime) -> Result<(), Failure> {
        let found = connect(self.place.store(), variables, runtime.handle(), false)
            .and_then(|mut sql| find_deployment(&mut *sql));
        match found {
            Err(OpenError::NotThere) => {}
            Err(error) => return Err(explain(&error)),
            Ok(_) => return Err(explain(&OpenError::There)),
        }
        let named = self.place.master_key_file.is_some()
            || self.place.master_key.is_some()
            || variables.master_key.is_some()
            || variables.credentials.is_some();
        let old = variables.master_key_file().filter(|file| !named && file.exists());
        if let Some(file) = old {
            // Where nobody reads this, the store is made all the same.
            let _ = writeln!(
                std::io::stderr(),
                "The master key is the one that was in {} before.",
                file.display()
            );
        }
        Ok(())
    }

    /// The master key that there is, or a new one and where it was put.
    fn master_key(
        &self,
        store: StoreChoice<'_>,
        variables: &Variables,
    ) -> Result<(FoundMaster, Option<PathBuf>), Failure> {
        if let Some(name) = &self.place.master_key {
            return Ok((FoundMaster::AwsKms(name.clone()), None));
        }
        let file = self.place.master_key_file.clone().or_else(|| variables.master_key_file());
        let outside = |file: &PathBuf| match store {
            StoreChoice::Folder(folder) => !is_within(file, folder),
            StoreChoice::Database(_) => true,
        };
        if !file.as_ref().is_none_or(outside) {
            return Err(Failure::new("the master key would lie in the folder of the store")
                .hint("Give it another place: `--master-key-file FILE`."));
        }
        let given = self.place.master_key_file.as_deref().filter(|file| file.exists());
        // A file that was named is the one, and no other key that lies about.
        let found = match (&self.place.master_key_file, given) {
            (Some(_), None) => Err(MasterFileError::Nowhere),
            _ => master_file::find(given, variables),
        };
        match found {
            Ok(found) => Ok((found, None)),
            Err(MasterFileError::Nowhere) => {
                let file = file.ok_or_else(|| {
                    Failure::new("there is no place for a master key")
                        .hint("Say where: `--master-key-file FILE`.")
                })?;
                let key = Key::random();
                master_file::write(&file, &key).map_err(|error| Failure::new(error.to_string()))?;
                Ok((FoundMaster::Own(key), Some(file)))
            }
            Err(error) => Err(Failure::new(error.to_string())),
        }
    }
}

fn invite(sql: &mut dyn Sql, team: &str, owner: &str) -> Result<PlainToken, SqlError> {
    let (team_id, person) = (TeamId::new(hazmat::random()), PersonId::new(hazmat::random()));
    let token = PlainToken::random(TokenKind::Admin);
    sql.begin()?;
    let now = own_time();
    let (team_cell, person_cell) = (Cell::text(team_id), Cell::text(person));
    sql.change(
        "INSERT INTO team (id, name, made) VALUES ($1, $2, $3)",
        &[team_cell.clone(), team.into(), now.into()],
    )?;
    sql.change(
        "INSERT INTO person (id, email, name, state, made) VALUES ($1, $2, 'Owner', 'invited', $3)",
        &[person_cell.clone(), owner.into(), now.into()],
    )?;
    sql.change(
        "INSERT INTO membership (person, team, project, environment, role) VALUES ($1, $2, '', '', 'owner')",
        &[person_cell.clone(), team_cell.clone()],
    )?;
    let id = Cell::text(token.id());
    sql.change(
        "INSERT INTO token (id, kind, hash, team, person, name, author, made, expires, touched) \
         VALUES ($1, 'admin', $2, $3, $4, 'owner', '', $5, $6, $5)",
        &[
            id.clone(),
            token.auth().hash().as_bytes().to_vec().into(),
            team_cell,
            person_cell,
            now.into(),
            (now + INVITATION).into(),
        ],
    )?;
    sql.change("INSERT INTO token_use (token, remaining) VALUES ($1, 1)", &[id])?;
    sql.commit()?;
    Ok(token)
}

/// What has to be said of a master key.
enum MasterPlace<'a> {
    /// It was made, in this file.
    File(&'a Path),
    /// Another holds it.
    Elsewhere(&'a str),
}

/// What is told: of a master key, and of what was given for one.
fn say(
    token: &PlainToken,
    master: Option<&MasterPlace<'_>>,
    (store, given): (StoreChoice<'_>, String),
) -> String {
    let mut text = String::from("The store is made.\n\n");
    match master {
        Some(MasterPlace::File(file)) => text.push_str(&format!(
            "The master key is in {}. Without it nothing in the store can be read, by you either: keep a \
             copy of it apart from the store and its backups.\n\n",
            file.display()
        )),
        Some(MasterPlace::Elsewhere(name)) => text.push_str(&format!(
            "The master key is {name}. Who deletes it there deletes what is in the store and in its \
             backups, for you as well.\n\n"
        )),
        None => {}
    }
    text.push_str(
        "The owner's invitation, for one session within 24 hours (it is not shown again):\n\n  ",
    );
    text.push_str(&token.expose());
    let place = match store {
        StoreChoice::Folder(folder) => format!("--data {}", folder.display()),
        StoreChoice::Database(_) => "--database URL".to_owned(),
    };
    text.push_str(&format!(
        "\n\nNext:\n  unspoken-vault serve {place}{given}\n  unspoken login --vault http://127.0.0.1:8750 --token-stdin\n"
    ));
    text
}

fn explain(error: &OpenError) -> Failure {
    Failure::new(error.to_string())
}

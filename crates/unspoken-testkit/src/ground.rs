//! The beginning of most stories about a vault: an environment, its owner, and agents.

use serde_json::{Value, json};

use crate::{Answer, Client};

/// A project with one environment, and the session of who owns both.
#[derive(Clone, Debug)]
pub struct Ground {
    pub owner: Client,
    pub team: String,
    pub project: String,
    pub environment: String,
}

/// A token that was made.
#[derive(Clone, Debug)]
pub struct Agent {
    pub id: String,
    pub client: Client,
}

impl Ground {
    /// Makes a project and an environment in the team of this session.
    #[track_caller]
    pub fn make(owner: Client, project: &str, environment: &str) -> Self {
        let team = owner.get("/v1/session").ok().text("/team");
        let made = owner.post(&format!("/v1/teams/{team}/projects"), &json!({ "name": project }));
        let project = made.ok().text("/id");
        let ground = Self { owner, team, project, environment: String::new() };
        ground.beside(environment)
    }

    /// The same with another environment of the project, which is made.
    #[track_caller]
    pub fn beside(&self, environment: &str) -> Self {
        let path = format!("/v1/projects/{}/environments", self.project);
        let made = self.owner.post(&path, &json!({ "name": environment })).ok();
        Self { environment: made.text("/id"), ..self.clone() }
    }

    /// The path of the environment's values.
    pub fn secrets(&self) -> String {
        format!("/v1/environments/{}/secrets", self.environment)
    }

    /// The path of one value.
    pub fn secret(&self, name: &str) -> String {
        format!("/v1/environments/{}/secrets/{name}", self.environment)
    }

    /// Sets a value, and tells the environment's revision.
    #[track_caller]
    pub fn set(&self, name: &str, value: &str) -> i64 {
        let answer = self.owner.put(&self.secret(name), &json!({ "value": value }));
        answer.ok().number("/revision")
    }

    /// Demands a value, and shows neither when it is another.
    #[track_caller]
    pub fn has(&self, client: &Client, name: &str, value: &str) {
        let answer = client.get(&self.secret(name)).ok();
        let found = answer.text(&format!("/secrets/{name}/value"));
        assert!(found == value, "`{name}` has another value");
    }

    /// Makes a token that reads this environment.
    #[track_caller]
    pub fn agent(&self) -> Agent {
        self.agent_with(&json!({}))
    }

    /// The same with more wishes.
    #[track_caller]
    pub fn agent_with(&self, wishes: &Value) -> Agent {
        let made = self.try_agent(wishes).ok();
        Agent { id: made.text("/id"), client: self.owner.with_token(&made.text("/token")) }
    }

    /// Asks for a token.
    #[track_caller]
    pub fn try_agent(&self, wishes: &Value) -> Answer {
        let mut body = json!({
            "name": "agent",
            "environments": [self.environment],
            "lifetime_seconds": 3600,
        });
        for (key, value) in wishes.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        self.owner.post(&format!("/v1/teams/{}/tokens", self.team), &body)
    }

    /// Revokes a token.
    #[track_caller]
    pub fn revoke(&self, token: &str) {
        self.owner.delete(&format!("/v1/tokens/{token}")).ok();
    }

    /// The newest rows of the record, newest first.
    #[track_caller]
    pub fn audit(&self) -> Vec<Value> {
        let page = self.owner.get(&format!("/v1/teams/{}/audit", self.team)).ok();
        page.json()["rows"].as_array().cloned().unwrap_or_default()
    }
}

//! A change of who may read: shown first, then made, document by document.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use unspoken_model::{EnvironmentName, ProjectFile, RecipientName, shown};
use unspoken_store::{AccessPlan, StoreError};

use crate::context::{Context, Workspace};
use crate::failure::Failure;
use crate::history::documents;
use crate::repository::Repository;
use crate::ui::counted;

/// What the names of people are who were or are in the project file.
pub(crate) type People = BTreeMap<String, RecipientName>;

/// Whom the project file names, by public key.
pub(crate) fn people(file: &ProjectFile) -> People {
    file.recipients.iter().map(|(name, key)| (key.clone(), name.clone())).collect()
}

/// The plans for some environments, where there is anything to do.
pub(crate) struct AccessChange {
    pub(crate) plans: Vec<AccessPlan>,
    pub(crate) people: People,
}

/// What was done with one environment's document.
pub(crate) struct Outcome {
    environment: EnvironmentName,
    added: Vec<String>,
    dropped: Vec<String>,
    /// The values that those who were dropped could read.
    names: Vec<String>,
    /// What they could read before, under names that are gone since.
    gone: Vec<String>,
    /// `false` when no key on this machine opens the document.
    synced: bool,
}

impl AccessChange {
    /// Compares the documents with the project file, with no key.
    pub(crate) fn plan(
        cx: &Context,
        workspace: &Workspace,
        environments: &[EnvironmentName],
        people: People,
    ) -> Result<Self, Failure> {
        let store = cx.store(workspace);
        // What is on the list is read before anything is written.
        for environment in environments {
            store.listed(environment)?;
        }
        let plans: Result<Vec<_>, StoreError> =
            environments.iter().map(|environment| store.plan_access(environment)).collect();
        let plans = plans?.into_iter().filter(|plan| !plan.is_empty()).collect();
        Ok(Self { plans, people })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    /// Whether it is the same change of the same readers.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let readers = |plan: &AccessPlan| {
            (plan.environment.clone(), plan.added.clone(), plan.dropped.clone())
        };
        self.plans.iter().map(readers).eq(other.plans.iter().map(readers))
    }

    /// Says who gains and who loses access to what.
    pub(crate) fn lay_out(&self, cx: &Context) {
        for plan in &self.plans {
            for key in &plan.added {
                let who = self.call(key);
                cx.ui.lay_out(&format!("{}: {who} may read it", plan.environment));
            }
            for key in &plan.dropped {
                let who = self.call(key);
                cx.ui.lay_out(&format!("{}: {who} may read it no longer", plan.environment));
            }
        }
    }

    /// Wraps the documents anew and pins their seal keys. Those that no key of
    /// this machine opens are left as they are.
    pub(crate) fn perform(
        &self,
        cx: &Context,
        workspace: &mut Workspace,
    ) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = Vec::new();
        for plan in &self.plans {
            let synced = match cx.store(workspace).sync(plan, &self.people, cx.now()) {
                Ok(seal_key) => {
                    workspace.project.edit(|file| {
                        if !plan.dropped.is_empty() {
                            file.pin(&plan.environment, seal_key);
                        }
                    })?;
                    true
                }
                Err(StoreError::NoKey(_)) => false,
                Err(error) => return Err(error.into()),
            };
            let called = |keys: &[String]| keys.iter().map(|key| self.call(key)).collect();
            outcomes.push(Outcome {
                environment: plan.environment.clone(),
                added: called(&plan.added),
                dropped: called(&plan.dropped),
                names: if plan.dropped.is_empty() { Vec::new() } else { plan.names.clone() },
                gone: gone(workspace, plan),
                synced,
            });
        }
        Ok(outcomes)
    }

    /// A person's name, or the public key of somebody the project never named.
    fn call(&self, key: &str) -> String {
        self.people.get(key).map_or_else(|| key.to_owned(), ToString::to_string)
    }
}

impl Outcome {
    /// The environment, where no key on this machine opens its document.
    pub(crate) fn untouched(&self) -> Option<String> {
        (!self.synced).then(|| self.environment.to_string())
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "environment": self.environment.as_str(),
            "added": self.added,
            "removed": self.dropped,
            "synced": self.synced,
            "readable_by_removed": self.names,
            "readable_by_removed_before": self.gone,
        })
    }

    pub(crate) fn words(&self) -> String {
        let environment = &self.environment;
        if !self.synced {
            return format!(
                "{environment}: no key on this machine opens it; commit `unspoken.toml`, and somebody \
                 with access runs `unspoken recipients sync -e {environment}`"
            );
        }
        let mut words = format!("{environment}: wrapped for");
        if !self.added.is_empty() {
            words = format!("{words} {} too", self.added.join(", "));
        }
        if self.dropped.is_empty() {
            return words;
        }
        let dropped = self.dropped.join(", ");
        words = format!("{environment}: a new data key, not for {dropped}");
        if !self.added.is_empty() {
            words = format!("{words}, but for {}", self.added.join(", "));
        }
        if self.names.is_empty() {
            return words;
        }
        let count = counted(self.names.len(), "value");
        let gone = match self.gone.as_slice() {
            [] => String::new(),
            names => format!(
                "\nBy the history also these, which are gone from the document and may still be good at \
                 their providers:\n  {}",
                names.join("\n  ")
            ),
        };
        format!(
            "{words}\n{dropped} could read {count}, and can in every earlier commit. Change each at its \
             provider, then with `unspoken set NAME -e {environment}`:\n  {}\n\
             `unspoken check` reports each until it was changed. Whoever was given the environment's \
             own key, by `unspoken key export`, needs `unspoken rotate -e {environment}`.{gone}",
            self.names.join("\n  ")
        )
    }
}

/// The names that the dropped could read in some commit, and that are not in
/// the document now. Where git cannot be asked, there are none to name.
fn gone(workspace: &Workspace, plan: &AccessPlan) -> Vec<String> {
    if plan.dropped.is_empty() {
        return Vec::new();
    }
    let (_, form) = workspace.project.document(&plan.environment);
    let path = workspace.project.file.document_path(&plan.environment);
    let past = || {
        let repository = Repository::find(&workspace.project.root).ok()??;
        documents(&repository, &path, form).ok()
    };
    let Some((past, _)) = past() else { return Vec::new() };
    let names = past.readable_by(plan.dropped.iter().map(String::as_str));
    let is_gone = |name: &&&str| !plan.names.iter().any(|now| now == **name);
    names.keys().filter(is_gone).map(|name| shown(name)).collect()
}

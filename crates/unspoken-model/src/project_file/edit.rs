//! Changes to a project file that keep the user's comments, order and spacing.

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, value};

use super::{EnvironmentEntry, ProjectFile, Source, VaultEntry};
use crate::{EnvironmentName, RecipientName, SealKey, SecretName};

impl ProjectFile {
    /// Adds an environment at the end of the file.
    pub fn add(&mut self, name: &EnvironmentName, entry: EnvironmentEntry) {
        self.edit(|root| {
            let table = environment_table(root, name);
            if entry.source == Source::Vault {
                table.insert("source", value(Source::Vault.as_str()));
            }
            if let Some(parent) = &entry.inherits {
                table.insert("inherits", value(parent.as_str()));
            }
            if let Some(file) = &entry.file {
                table.insert("file", value(file.as_str()));
            }
            if let Some(key) = entry.seal_key {
                table.insert("seal_key", value(key.to_string()));
            }
            if !entry.recipients.is_empty() {
                let names = entry.recipients.iter().map(RecipientName::as_str);
                table.insert("recipients", list(names));
            }
            if !entry.required.is_empty() {
                table.insert("required", list(entry.required.iter().map(SecretName::as_str)));
            }
        });
        self.environments.insert(name.clone(), entry);
    }

    /// Pins the key that an environment's document must be sealed with.
    pub fn pin(&mut self, name: &EnvironmentName, key: SealKey) {
        self.edit(|root| {
            environment_table(root, name).insert("seal_key", value(key.to_string()));
        });
        self.environments.entry(name.clone()).or_default().seal_key = Some(key);
    }

    /// Says where the vault is, and which project it has there.
    pub fn set_vault(&mut self, vault: VaultEntry) {
        self.edit(|root| {
            if root.get("vault").and_then(Item::as_table_like).is_none() {
                let mut table = Table::new();
                // Before the environments, which refer to it.
                table.set_position(first_environment(root).map(|position| position - 1));
                table.decor_mut().set_prefix("\n");
                root.insert("vault", Item::Table(table));
            }
            let table = &mut root["vault"];
            table["url"] = value(vault.url.as_str());
            if let Some(project) = &vault.project {
                table["project"] = value(project.to_string());
            }
        });
        self.vault = Some(vault);
    }

    /// Says that an environment lives in the vault. What belongs to a document goes.
    pub fn move_to_vault(&mut self, name: &EnvironmentName) {
        self.edit(|root| {
            let table = environment_table(root, name);
            for key in DOCUMENT_KEYS {
                table.remove(key);
            }
            table.insert("source", value(Source::Vault.as_str()));
        });
        let entry = self.environments.entry(name.clone()).or_default();
        (entry.source, entry.file, entry.seal_key) = (Source::Vault, None, None);
        entry.recipients.clear();
    }

    /// Says that an environment lives in a document again.
    pub fn move_to_document(&mut self, name: &EnvironmentName) {
        self.edit(|root| {
            environment_table(root, name).remove("source");
        });
        self.environments.entry(name.clone()).or_default().source = Source::Document;
    }

    /// Names the holder of a public key, or gives that name another key.
    pub fn introduce(&mut self, name: &RecipientName, key: &str) {
        self.edit(|root| {
            if root.get("recipients").and_then(Item::as_table_like).is_none() {
                let mut table = Table::new();
                // Before the environments, which refer to it.
                table.set_position(first_environment(root).map(|position| position - 1));
                table.decor_mut().set_prefix("\n");
                root.insert("recipients", Item::Table(table));
            }
            root["recipients"][name.as_str()] = value(key);
        });
        self.recipients.insert(name.clone(), key.to_owned());
    }

    /// Lets a recipient read an environment.
    pub fn grant(&mut self, environment: &EnvironmentName, name: &RecipientName) {
        let names = &mut self.environments.entry(environment.clone()).or_default().recipients;
        if !names.insert(name.clone()) {
            return;
        }
        self.edit(|root| {
            let table = environment_table(root, environment);
            if table.get("recipients").and_then(Item::as_array).is_none() {
                table.insert("recipients", value(Array::new()));
            }
            if let Some(array) = table.get_mut("recipients").and_then(Item::as_array_mut) {
                array.push(name.as_str());
            }
        });
    }

    /// Takes an environment away from a recipient.
    pub fn revoke(&mut self, environment: &EnvironmentName, name: &RecipientName) {
        if let Some(entry) = self.environments.get_mut(environment) {
            entry.recipients.remove(name);
        }
        self.edit(|root| {
            let table = environment_table(root, environment);
            if let Some(array) = table.get_mut("recipients").and_then(Item::as_array_mut) {
                array.retain(|item| item.as_str() != Some(name.as_str()));
                if array.is_empty() {
                    table.remove("recipients");
                }
            }
        });
    }

    /// Forgets a recipient altogether.
    pub fn forget(&mut self, name: &RecipientName) {
        let environments: Vec<_> = self.environments.keys().cloned().collect();
        for environment in &environments {
            self.revoke(environment, name);
        }
        self.edit(|root| {
            if let Some(table) = root.get_mut("recipients").and_then(Item::as_table_like_mut) {
                table.remove(name.as_str());
                if table.is_empty() {
                    root.remove("recipients");
                }
            }
        });
        self.recipients.remove(name);
    }

    fn edit(&mut self, change: impl FnOnce(&mut Table)) {
        // A `ProjectFile` was parsed or made by us, so this cannot fail; if it
        // did, the old text would stay, which loses nothing.
        if let Ok(mut document) = self.text.parse::<DocumentMut>() {
            change(document.as_table_mut());
            self.text = document.to_string();
        }
    }
}

/// The keys of an environment that are its document's.
pub(super) const DOCUMENT_KEYS: [&str; 3] = ["file", "seal_key", "recipients"];

/// Where in the file the first environment's table stands.
fn first_environment(root: &Table) -> Option<isize> {
    let environments = root.get("environments").and_then(Item::as_table)?;
    environments.iter().filter_map(|(_, item)| item.as_table()?.position()).min()
}

/// Names, in the order of the list that is put into a file.
fn list<'n>(names: impl Iterator<Item = &'n str>) -> Item {
    value(names.collect::<Array>())
}

/// The table `[environments.NAME]`, made when it is not there.
fn environment_table<'a>(root: &'a mut Table, name: &EnvironmentName) -> &'a mut dyn TableLike {
    if root.get("environments").and_then(Item::as_table_like).is_none() {
        let mut environments = Table::new();
        environments.set_implicit(true);
        root.insert("environments", Item::Table(environments));
    }
    let environments = &mut root["environments"];
    if environments.get(name.as_str()).and_then(Item::as_table_like).is_none() {
        environments[name.as_str()] = Item::Table(Table::new());
    }
    match environments[name.as_str()].as_table_like_mut() {
        Some(table) => table,
        // The line above has just made it a table.
        None => unreachable!(),
    }
}

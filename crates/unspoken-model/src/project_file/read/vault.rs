//! What a project file says of a vault, and of what lives there.

use toml_edit::{Item, Table, TableLike};

use super::Reader;
use crate::project_file::edit::DOCUMENT_KEYS;
use crate::project_file::{ProjectFileError, ProjectFileProblem, Source, VaultEntry};
use crate::{ProjectId, VaultUrl};

impl Reader<'_> {
    /// The table `[vault]`.
    pub(super) fn vault(&self, root: &Table) -> Result<Option<VaultEntry>, ProjectFileError> {
        let Some(item) = root.get("vault") else { return Ok(None) };
        let Some(table) = item.as_table_like() else {
            let key = "vault".to_owned();
            return Err(self.error(item.span(), ProjectFileProblem::NotTable { key }));
        };
        self.known(table, &["url", "project"], "vault")?;
        let Some((text, span)) = self.text(table, "url")? else {
            return Err(self.error(item.span(), ProjectFileProblem::Missing { key: "vault.url" }));
        };
        let url = VaultUrl::parse(text)
            .map_err(|error| self.error(span, ProjectFileProblem::VaultUrl(error)))?;
        let project = match self.text(table, "project")? {
            None => None,
            Some((text, span)) => Some(
                ProjectId::parse(text)
                    .map_err(|error| self.error(span, ProjectFileProblem::VaultProject(error)))?,
            ),
        };
        Ok(Some(VaultEntry { url, project }))
    }

    /// Where an environment is kept. What belongs to a document has no place beside `vault`.
    pub(super) fn source(&self, fields: &dyn TableLike) -> Result<Source, ProjectFileError> {
        match self.text(fields, "source")? {
            None | Some(("document", _)) => return Ok(Source::Document),
            Some(("vault", _)) => {}
            Some((_, span)) => return Err(self.error(span, ProjectFileProblem::Source)),
        }
        match DOCUMENT_KEYS.into_iter().find(|key| fields.contains_key(key)) {
            Some(key) => {
                let span = fields.get(key).and_then(Item::span);
                Err(self.error(span, ProjectFileProblem::NotInVault { key }))
            }
            None => Ok(Source::Vault),
        }
    }
}

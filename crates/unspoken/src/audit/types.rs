//! Generated types that are not as the names are now.

use crate::context::{Context, Workspace};
use crate::failure::Failure;
use crate::finding::{Finding, Rule};
use crate::generated;

/// Looks at the configured files. Where a document may not be used, nobody knows
/// how they must be.
pub(super) fn look(cx: &Context, workspace: &Workspace) -> Vec<Finding> {
    if workspace.project.file.generate.is_empty() {
        return Vec::new();
    }
    let Ok(catalogue) = generated::catalogue(cx, workspace) else { return Vec::new() };
    let refused =
        |failure: Failure| Finding::of(Rule::Types, "project", failure.message).hint(failure.hint);
    let targets = match generated::configured(workspace) {
        Ok(targets) => targets,
        Err(failure) => return vec![refused(failure)],
    };
    let look = |target: generated::Target| {
        let below = target.shown.clone();
        match target.print(&catalogue) {
            Ok(file) if file.is_fresh => None,
            Ok(_) => {
                let text = format!("`{below}` is not as the names are now");
                let hint = "Run `unspoken generate`.".to_owned();
                Some(Finding::of(Rule::Types, "project", text).hint(hint).at(&below, None))
            }
            Err(failure) => Some(refused(failure).at(&below, None)),
        }
    };
    targets.into_iter().filter_map(look).collect()
}

//! When tokens were last used. Written now and then, all at once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use unspoken_model::TokenId;

use crate::db::{Cell, Desk};
use crate::problem::Problem;

/// The tokens that were used since this was written last.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashSet<TokenId>>);

impl Seen {
    pub(crate) fn note(&self, token: TokenId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token);
    }

    /// Takes what is to be written.
    pub(crate) fn take(&self) -> Vec<TokenId> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken: Vec<_> = seen.drain().collect();
        // Nodes that lock the same rows lock them in the same order.
        taken.sort_unstable();
        taken
    }

    pub(crate) fn write(desk: &mut Desk<'_>, tokens: &[TokenId]) -> Result<(), Problem> {
        let now = desk.now();
        let sets: Vec<_> = tokens.iter().map(|token| vec![Cell::text(token), now.into()]).collect();
        desk.change_values("UPDATE token_use SET used = $2 WHERE token = $1", &sets)?;
        Ok(())
    }
}

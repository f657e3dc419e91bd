//! Whose interrupts are: ours, or those of the editor that runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGQUIT};
use signal_hook::flag::register_conditional_default;

/// Ends this process at an interrupt, as if nothing had been arranged, except
/// while a child has the terminal.
///
/// They are not ignored, because a child would inherit that.
#[derive(Debug)]
pub(super) struct Interrupts {
    ours: Arc<AtomicBool>,
}

/// While it lives, interrupts are the child's.
pub(super) struct Left<'a>(&'a AtomicBool);

impl Interrupts {
    pub(super) fn register() -> io::Result<Self> {
        let ours = Arc::new(AtomicBool::new(true));
        for signal in [SIGINT, SIGQUIT] {
            register_conditional_default(signal, Arc::clone(&ours))?;
        }
        Ok(Self { ours })
    }

    pub(super) fn leave_to_child(&self) -> Left<'_> {
        self.ours.store(false, Ordering::SeqCst);
        Left(&self.ours)
    }
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

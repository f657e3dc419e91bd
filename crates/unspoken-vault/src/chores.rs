//! What a node does now and then, between requests: signs the record, writes when tokens were
//! used, forgets keys, reads a new certificate, moves values to new ones, and says when its master key is the store's no longer.

use std::future::Future;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::audit::{Scope, Signer};
use crate::db::{About, Desk};
use crate::http::App;
use crate::opened::KEK;
use crate::problem::Problem;
use crate::rekey::Rekey;
use crate::seen::Seen;
use crate::tls::Certificate;

/// See the top.
pub(crate) struct Chores {
    app: App,
    signer: Arc<Signer>,
    certificate: Option<Arc<Certificate>>,
    /// How many rows of the record were written when it was signed last.
    signed: u64,
    /// Whether it was said that the store is under another master key.
    is_outdated: bool,
}

/// How often it looks whether there is much to sign.
const TICK: Duration = Duration::from_secs(1);

/// In which of these ticks it does all that there is to do.
const EACH: u64 = 10;

/// After how many rows it signs at once.
const MANY: u64 = 10_000;

impl Chores {
    pub(crate) fn new(
        app: App,
        signer: Arc<Signer>,
        certificate: Option<Arc<Certificate>>,
    ) -> Self {
        Self { app, signer, certificate, signed: 0, is_outdated: false }
    }

    /// Does them until it is dropped.
    pub(crate) async fn run(self) {
        // Who moves many keys does not keep the record from being signed.
        let rekey = Rekey::new(self.app.clone());
        tokio::join!(rekey_now_and_then(rekey), self.sign_now_and_then());
    }

    async fn sign_now_and_then(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut scope = Scope::All;
        for tick in 0_u64.. {
            ticks.tick().await;
            let is_much = self.app.lane.written().saturating_sub(self.signed) >= MANY;
            if tick % EACH == 0 {
                self.app.keys.sweep();
                self.refresh_certificate();
                write_uses(&self.app).await;
                self.look_for_another_kek().await;
            } else if !is_much {
                continue;
            }
            let written = self.app.lane.written();
            // What could not be signed is signed the next time.
            if sign(&self.app, &self.signer, scope).await.is_ok() {
                self.signed = written;
                scope = Scope::New;
            }
        }
    }

    /// Writes and signs what there is when the node stops.
    pub(crate) fn last(&self) -> impl Future<Output = ()> + use<> {
        let (app, signer) = (self.app.clone(), Arc::clone(&self.signer));
        async move {
            write_uses(&app).await;
            drop(sign(&app, &signer, Scope::Last).await);
        }
    }

    /// Says once that this node has to be started anew, with another master key.
    async fn look_for_another_kek(&mut self) {
        let found = work(&self.app, |desk| {
            let row = desk.row("SELECT value FROM store WHERE name = $1", &[KEK.into()])?;
            Ok(row.map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()?)
        });
        let Ok(Some(found)) = found.await else { return };
        if found != self.app.kek.to_string().into_bytes() && !self.is_outdated {
            self.is_outdated = true;
            // Where nobody reads this, it refuses all the same.
            let _ = writeln!(
                std::io::stderr(),
                "the store is under another master key now: no value can be handed out until this node is \
                 started again with that key"
            );
        }
    }

    fn refresh_certificate(&self) {
        if let Some(Err(error)) = self.certificate.as_ref().map(|certificate| certificate.refresh())
        {
            // The one before is shown as long.
            let _ = writeln!(std::io::stderr(), "the certificate is not read again: {error}");
        }
    }
}

async fn write_uses(app: &App) {
    let tokens = app.seen.take();
    if tokens.is_empty() {
        return;
    }
    // What could not be written is known again when the token is used again.
    drop(work(app, move |desk| Seen::write(desk, &tokens)).await);
}

async fn rekey_now_and_then(mut rekey: Rekey) {
    let mut ticks = interval(TICK * 5);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // What could not be moved is moved the next time.
        drop(rekey.pass().await);
    }
}

async fn sign(app: &App, signer: &Arc<Signer>, scope: Scope) -> Result<(), Problem> {
    let signer = Arc::clone(signer);
    work(app, move |desk| signer.sign(desk, scope).map(drop)).await
}

/// Has something done that nobody asked for. It leaves no row of the record.
pub(crate) async fn work<T: Send + 'static>(
    app: &App,
    work: impl FnMut(&mut Desk<'_>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    app.lane.run(About::of_node(Ipv4Addr::UNSPECIFIED.into(), true), work).await
}

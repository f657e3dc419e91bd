//! Chains and heads over a database of their own, where nodes can be let die and time can pass.

use std::io::Write as _;
use std::sync::Arc;

use unspoken_model::{Action, AuditEntry, DeploymentId, NodeId, Outcome, RequestId};
use unspoken_wire::vault::RecordLine;

use super::{Chain, Expected, Exporter, Identity, Link, Scope, Signer, Summary, verify};
use crate::db::{About, Cell, Lane, Sql, Sqlite, migrate};
use crate::hazmat::{Key, SigningKey};

struct Store {
    folder: tempfile::TempDir,
    signer: Arc<Signer>,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::new(&Key::new(&[7; 32]).unwrap()).unwrap();
        let signer = Arc::new(Signer { deployment: DeploymentId::new([1; 16]), key });
        let store = Self { folder, signer };
        migrate(&mut Sqlite::create(&store.file()).unwrap()).unwrap();
        store
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("vault.db")
    }

    fn sql(&self) -> Sqlite {
        Sqlite::open(&self.file()).unwrap()
    }

    /// A chain of a node that is gone, whose last row is so many milliseconds old.
    fn dead(&self, node: NodeId, rows: i64, age: i64) {
        let mut sql = self.sql();
        let at = crate::db::own_time() - age;
        let mut chain = Chain::new(node);
        let cells: Vec<_> = (0..rows)
            .map(|_| chain.push(AuditEntry { at, ..AuditEntry::default() }).cells(&node))
            .collect();
        sql.change_all(Link::INSERT, &cells).unwrap();
        let statement = "INSERT INTO audit_chain (node, seq, state) VALUES ($1, 0, 0)";
        sql.change(statement, &[Cell::text(node)]).unwrap();
    }

    /// Has a node of its own sign, leave a row where nothing is said, and stop.
    fn run(&self, steps: &[Option<Scope>]) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (lane, thread) = Lane::open(Box::new(self.sql())).unwrap();
        for step in steps.iter().copied() {
            let about = About {
                request: RequestId::new([0; 16]),
                address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
                action: Action::SecretList,
                token: None,
                environment: None,
                name: None,
                changes: true,
            };
            let signer = Arc::clone(&self.signer);
            let work = lane.run(about, move |desk| match step {
                Some(scope) => signer.sign(desk, scope).map(drop),
                None => {
                    desk.record(Outcome::Done);
                    Ok(())
                }
            });
            runtime.block_on(work).unwrap();
        }
        drop(lane);
        thread.join().unwrap();
    }

    fn export(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let key = self.signer.key.public().try_into().unwrap();
        let identity = Identity { deployment: self.signer.deployment.to_string(), key };
        Exporter::new(&mut self.sql(), &mut bytes).run(identity, i64::MIN).unwrap();
        bytes
    }

    fn check(&self) -> Summary {
        verify(&mut self.export().as_slice(), Expected::default()).unwrap()
    }
}

const HOUR: i64 = 3_600_000;

#[test]
fn what_a_dead_node_left_is_signed_by_another_one_a_minute_later() {
    let store = Store::new();
    store.dead(NodeId::new([1; 16]), 5, HOUR);
    store.dead(NodeId::new([2; 16]), 7, 30_000);
    store.run(&[Some(Scope::New), None]);
    let Summary { adopted, unsigned, chains, heads, .. } = store.check();
    // The younger chain may have a node that lives, and one row was written behind the head.
    assert_eq!((adopted, unsigned, chains, heads), (5, 8, 3, 1));
}

#[test]
fn a_chain_that_was_signed_by_another_node_and_grew_is_signed_at_the_next_start() {
    let store = Store::new();
    let node = NodeId::new([1; 16]);
    store.dead(node, 5, HOUR);
    store.sql().change("UPDATE audit_chain SET state = 1", &[]).unwrap();
    store.run(&[Some(Scope::New), None, Some(Scope::New)]);
    assert_eq!(store.check().adopted, 0);
    store.run(&[Some(Scope::All)]);
    assert_eq!(store.check().adopted, 5);
}

#[test]
fn a_chain_ends_with_the_last_head_of_its_node() {
    let store = Store::new();
    // What is written behind the last head of a node is in a chain of its own.
    store.run(&[Some(Scope::New), None, Some(Scope::Last), None]);
    let Summary { rows, chains, heads, unsigned, .. } = store.check();
    assert_eq!((rows, chains, heads, unsigned), (4, 2, 2, 2));
}

#[test]
fn a_head_over_nothing_new_is_not_written() {
    let store = Store::new();
    store.run(&[Some(Scope::New), Some(Scope::New), Some(Scope::All)]);
    let Summary { rows, heads, unsigned, .. } = store.check();
    assert_eq!((rows, heads, unsigned), (1, 1, 0));
}

/// Whatever bytes stand in its place, a record is whole only as it was written.
#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let store = Store::new();
    store.dead(NodeId::new([1; 16]), 2, HOUR);
    store.run(&[Some(Scope::New), None, Some(Scope::Last)]);
    let record = store.export();
    let key: [u8; 32] = store.signer.key.public().try_into().unwrap();
    let expected = Expected { key: Some(key), head: None };
    let whole = verify(&mut record.as_slice(), expected).unwrap();
    let signed = record.split_inclusive(|byte| *byte == b'\n');
    let behind: usize = signed
        .clone()
        .skip_while(|line| !matches!(RecordLine::parse(line.trim_ascii()), Ok(RecordLine::Head(head)) if head.number == 2))
        .skip(1)
        .map(<[u8]>::len)
        .sum();
    for at in 0..record.len() - behind {
        let mut changed = record.clone();
        changed[at] ^= 1;
        if let Ok(summary) = verify(&mut changed.as_slice(), expected) {
            assert_eq!(summary, whole, "byte {at}");
        }
    }
}

#[test]
fn a_line_without_end_is_not_read_to_its_end() {
    let mut endless = std::io::BufReader::new(std::io::repeat(b'{'));
    let said = verify(&mut endless, Expected::default()).unwrap_err().to_string();
    assert!(said.contains("has more than"), "{said}");
    let mut out = Vec::new();
    out.write_all(b"{\"end\":{\"rows\":0,\"heads\":0}}\n").unwrap();
    assert!(verify(&mut out.as_slice(), Expected::default()).is_err());
}

//! Signs how far the chains have come.

use unspoken_model::DeploymentId;
use unspoken_wire::vault::{ChainEnd, EndKind, Hex};

use super::Chain;
use crate::db::{Cell, Desk, SqlError};
use crate::hazmat::{SigningKey, sha256};
use crate::problem::Problem;

/// Who signs heads for a store.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) deployment: DeploymentId,
    pub(crate) key: SigningKey,
}

/// What a head looks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    /// This node's chain, and those that nobody has signed yet.
    New,
    /// Those also that were signed by another node and grew all the same.
    All,
    /// What [`Scope::New`] looks for. This node's chain ends with it.
    Last,
}

/// How long a chain's rows wait for the node that wrote them.
const WAIT: i64 = 60_000;

/// How often the next number is tried, when other nodes write heads at the same time.
const TRIES: usize = 3;

impl Signer {
    /// Writes a head over all that is new. Tells its number; `None` when there is nothing new.
    pub(crate) fn sign(&self, desk: &mut Desk<'_>, scope: Scope) -> Result<Option<i64>, Problem> {
        for _ in 0..TRIES {
            let ends = ends(desk, scope)?;
            if ends.is_empty() {
                return Ok(None);
            }
            let Some(number) = self.write(desk, &ends)? else { continue };
            let signed = ends.iter().map(|end| {
                let state = match end.how {
                    EndKind::Own => 0,
                    EndKind::Adopted => 1,
                    EndKind::Final => 2,
                };
                vec![Cell::from(end.node.as_str()), end.seq.into(), Cell::Number(state)]
            });
            desk.change_values(
                "INSERT INTO audit_chain (node, seq, state) VALUES ($1, $2, $3) \
                 ON CONFLICT (node) DO UPDATE SET seq = excluded.seq, state = excluded.state",
                &signed.collect::<Vec<_>>(),
            )?;
            if scope == Scope::Last {
                desk.end_chain();
            }
            return Ok(Some(number));
        }
        Err(Problem::unavailable())
    }

    /// Writes the head behind the last one, unless another node just did.
    fn write(&self, desk: &mut Desk<'_>, ends: &[ChainEnd]) -> Result<Option<i64>, Problem> {
        let last =
            desk.row("SELECT number, hash FROM audit_head ORDER BY number DESC LIMIT 1", &[])?;
        let (last, before) = match last {
            Some(row) => {
                let hash = row.bytes(1)?.try_into().map_err(|_| SqlError::Shape(1))?;
                (row.number(0)?, hash)
            }
            None => (0, [0; 32]),
        };
        let (number, at) = (last + 1, desk.now());
        let hash = head_hash(&self.deployment.to_string(), number, at, &before, ends);
        let signature = self.key.sign(&head_message(&hash));
        let text = serde_json::to_string(ends).map_err(|_| Problem::internal())?;
        let written = desk.change(
            "INSERT INTO audit_head (number, at, ends, hash, signature) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
            &[number.into(), at.into(), text.into(), hash.to_vec().into(), signature.into()],
        )?;
        Ok((written == 1).then_some(number))
    }
}

/// What a new head covers, by the names of the nodes.
fn ends(desk: &mut Desk<'_>, scope: Scope) -> Result<Vec<ChainEnd>, Problem> {
    let Chain { node, seq, hash } = desk.chain().clone();
    let signed = desk.row("SELECT seq FROM audit_chain WHERE node = $1", &[Cell::text(node)])?;
    let signed = signed.map_or(Ok(0), |row| row.number(0))?;
    let mut ends = Vec::new();
    let how = if scope == Scope::Last { EndKind::Final } else { EndKind::Own };
    if seq > signed || (how == EndKind::Final && seq > 0) {
        ends.push(ChainEnd { node: node.to_string(), seq, hash: Hex(hash), how });
    }
    let state = i64::from(scope == Scope::All);
    let left = desk.rows(
        "SELECT a.node, a.seq, a.hash FROM audit_chain c JOIN audit a ON a.node = c.node \
         AND a.seq = (SELECT MAX(l.seq) FROM audit l WHERE l.node = c.node) \
         WHERE c.state <= $1 AND c.node <> $2 AND a.seq > c.seq AND a.at < $3 LIMIT 1000",
        &[state.into(), Cell::text(node), (desk.now() - WAIT).into()],
    )?;
    for row in left {
        let hash = row.bytes(2)?.try_into().map_err(|_| SqlError::Shape(2))?;
        let (node, seq) = (row.text(0)?.to_owned(), row.number(1)?);
        ends.push(ChainEnd { node, seq, hash: Hex(hash), how: EndKind::Adopted });
    }
    ends.sort();
    Ok(ends)
}

/// The hash of a head: of all that it says, each part with its length in front.
pub(crate) fn head_hash(
    deployment: &str,
    number: i64,
    at: i64,
    before: &[u8; 32],
    ends: &[ChainEnd],
) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(256 + ends.len() * 128);
    let mut push = |field: &[u8]| {
        bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
        bytes.extend_from_slice(field);
    };
    push(b"unspoken-vault/audit-head/1");
    push(deployment.as_bytes());
    push(&number.to_be_bytes());
    push(&at.to_be_bytes());
    push(before);
    push(&(ends.len() as u64).to_be_bytes());
    for end in ends {
        push(end.node.as_bytes());
        push(&end.seq.to_be_bytes());
        push(&end.hash.0);
        push(end.how.as_str().as_bytes());
    }
    sha256(&[&bytes])
}

/// What is signed for a head: nothing else begins like this.
pub(crate) fn head_message(hash: &[u8; 32]) -> Vec<u8> {
    [b"unspoken-vault audit head 1\n".as_slice(), hash].concat()
}

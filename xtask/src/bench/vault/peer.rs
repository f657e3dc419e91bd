//! The peer: a server with the same interface as `OpenBao`'s, which keeps a record too.
//!
//! It serves KV version 2 from its own storage on the disk, with the audit device `file` beside it.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value, json};
use unspoken_testkit::Client;

use super::load::{Sent, Service};
use crate::bench::project::value;
use crate::command::must;

const PATIENCE: Duration = Duration::from_secs(30);

/// What who reads may do.
const POLICY: &str = "path \"secret/data/*\" { capabilities = [\"read\"] }";

/// Serves until it is dropped.
pub(super) struct Peer {
    child: Child,
    root: Client,
    /// Its name and version, as it says them.
    version: String,
}

impl Peer {
    pub(super) fn serve(program: &Path, work: &Path) -> Result<Self> {
        let said = must(Command::new(program).arg("version"))?;
        let version = said.split('(').next().unwrap_or_default().split(',').next();
        let version = version.unwrap_or_default().trim().to_owned();
        let folder = work.join("peer");
        fs::create_dir_all(folder.join("storage")).context("cannot make a folder")?;
        let [address, cluster] = [free()?, free()?];
        let config = folder.join("config.json");
        let text = json!({
            "disable_mlock": true,
            "api_addr": format!("http://{address}"),
            "cluster_addr": format!("https://{cluster}"),
            "log_level": "error",
            "storage": { "raft": { "path": folder.join("storage"), "node_id": "bench" } },
            "listener": [{ "tcp": {
                "address": address.to_string(),
                "cluster_address": cluster.to_string(),
                "tls_disable": true,
            }}],
        });
        fs::write(&config, text.to_string()).context("cannot write the peer's configuration")?;
        let log = fs::File::create(folder.join("log")).context("cannot make a log")?;
        let mut command = Command::new(program);
        command.arg("server").arg("-config").arg(&config).current_dir(&folder).env_clear();
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().context("cannot start the peer")?;
        let mut peer = Self { child, root: Client::new(address), version };
        peer.prepare(&folder)?;
        Ok(peer)
    }

    /// Makes its keys, and turns on what is measured.
    fn prepare(&mut self, folder: &Path) -> Result<()> {
        let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = self.until("/v1/sys/init", &shares)?;
        let key = made["keys_base64"][0].as_str().context("the peer tells no key")?.to_owned();
        let token = made["root_token"].as_str().context("the peer tells no token")?;
        let root = self.root.with_token(token);
        self.root = root;
        self.until("/v1/sys/unseal", &json!({ "key": key }))?;
        let device = json!({ "type": "file", "options": { "file_path": folder.join("audit") } });
        self.until("/v1/sys/audit/file", &device)?;
        let kv = json!({ "type": "kv", "options": { "version": "2" } });
        self.until("/v1/sys/mounts/secret", &kv)?;
        self.until("/v1/sys/policies/acl/reader", &json!({ "policy": POLICY }))?;
        Ok(())
    }

    /// Puts something there; a server that has just begun is asked again.
    fn until(&self, path: &str, body: &Value) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let text = body.to_string();
            let said = match self.root.ask("PUT", path, &[], text.as_bytes()) {
                Ok(answer) if answer.status < 300 && answer.body.is_empty() => {
                    return Ok(Value::Null);
                }
                Ok(answer) if answer.status < 300 => return Ok(answer.json()),
                Ok(answer) => format!("{answer:?}"),
                Err(error) => error.to_string(),
            };
            ensure!(begun.elapsed() < PATIENCE, "the peer does not do `{path}`: {said}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Fills it, and tells how it is asked.
    pub(super) fn service(&self, secrets: usize) -> Result<Service> {
        let all: Map<String, Value> =
            (0..secrets).map(|index| (format!("SECRET_{index:04}"), value(index).into())).collect();
        let one = json!({ "data": { "value": value(0) } });
        self.until("/v1/secret/data/one", &one)?;
        self.until("/v1/secret/data/whole", &json!({ "data": all }))?;
        self.until("/v1/secret/data/written", &one)?;
        let wishes = json!({ "policies": ["reader"], "ttl": "12h" });
        let made = self.until("/v1/auth/token/create", &wishes)?;
        let Some(reader) = made["auth"]["client_token"].as_str() else {
            bail!("the peer makes no token");
        };
        let send = |method, path: &str, token: &str, body: String| Sent {
            method,
            path: path.to_owned(),
            headers: vec![("X-Vault-Token", token.to_owned())],
            body,
        };
        let whole = send("GET", "/v1/secret/data/whole", reader, String::new());
        Ok(Service {
            name: "the peer",
            address: self.root.address(),
            process: self.child.id(),
            beside: Vec::new(),
            one: send("GET", "/v1/secret/data/one", reader, String::new()),
            // It knows no tags: who has it already is sent it again.
            unchanged: whole.clone(),
            whole,
            write: send("PUT", "/v1/secret/data/written", self.root.token(), one.to_string()),
        })
    }

    pub(super) fn version(&self) -> String {
        self.version.clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens at.
fn free() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot find a port")?;
    listener.local_addr().context("cannot find a port")
}

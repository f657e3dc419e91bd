//! A real vault: the program, on a database of its own, at a port of its own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

use crate::postgres::Cluster;
use crate::project::{beside_this_test, must};
use crate::{Client, Ground};

/// What a vault keeps its things in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A store and the nodes that serve it, all gone when this is dropped.
#[derive(Debug)]
pub struct Vault {
    folder: TempDir,
    store: Store,
    /// What the program finds in its surroundings, beside what every program does.
    variables: Vec<(String, String)>,
    invitation: String,
    owner: OnceLock<String>,
    nodes: Vec<Node>,
    /// How many nodes there have been.
    started: usize,
}

/// Where a store is.
#[derive(Debug)]
enum Store {
    Folder(PathBuf),
    Shared(String),
    Own(Box<Cluster>, String),
}

/// A process that serves.
#[derive(Debug)]
struct Node {
    child: Child,
    address: SocketAddr,
}

/// The file with the master key, or with its name.
const MASTER: &str = "master.key";

/// How long a node may take to begin or to end.
const PATIENCE: Duration = Duration::from_mins(1);

impl Database {
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

impl Vault {
    /// Tells a story on each database.
    #[track_caller]
    pub fn each(story: impl Fn(Self)) {
        for database in Database::ALL {
            let told = catch_unwind(AssertUnwindSafe(|| story(Self::on(database))));
            if let Err(panic) = told {
                // What was wrong has been printed; this says where.
                let _ = std::io::Write::write_fmt(
                    &mut std::io::stderr(),
                    format_args!("the story was told on {database:?}\n"),
                );
                resume_unwind(panic);
            }
        }
    }

    /// One that was made, and serves.
    #[track_caller]
    pub fn on(database: Database) -> Self {
        let mut vault = Self::idle(database);
        vault.start();
        vault
    }

    /// One that was made, and does not serve yet.
    #[track_caller]
    pub fn idle(database: Database) -> Self {
        Self::idle_in(&std::env::temp_dir(), database)
    }

    /// The same in a folder of this one.
    #[track_caller]
    pub fn idle_in(place: &Path, database: Database) -> Self {
        let folder = must(tempfile::tempdir_in(place), "make a temporary folder");
        let store = Store::new(database, &folder);
        Self::make(folder, store, Vec::new())
    }

    /// One whose master key another holds, by its name and the variables that say how it is asked.
    #[track_caller]
    pub fn under(database: Database, name: &str, variables: Vec<(String, String)>) -> Self {
        let folder = must(tempfile::tempdir(), "make a temporary folder");
        let file = folder.path().join(MASTER);
        must(fs::write(&file, name), "write a name");
        must(fs::set_permissions(&file, fs::Permissions::from_mode(0o600)), "close a file");
        let store = Store::new(database, &folder);
        let mut vault = Self::make(folder, store, variables);
        vault.start();
        vault
    }

    /// One on a `PostgreSQL` that is reached by TLS alone.
    #[track_caller]
    pub fn on_cluster_by_tls() -> Self {
        let folder = must(tempfile::tempdir(), "make a temporary folder");
        let cluster = Cluster::own_by_tls();
        let name = cluster.make_database();
        let variables = vec![("PGPASSWORD".to_owned(), cluster.password().to_owned())];
        let mut vault = Self::make(folder, Store::Own(Box::new(cluster), name), variables);
        vault.start();
        vault
    }

    /// Changes what the program finds in its surroundings from now on.
    pub fn set_variables(&mut self, variables: Vec<(String, String)>) {
        self.variables = variables;
    }

    /// One on a `PostgreSQL` that nobody else uses.
    #[track_caller]
    pub fn on_own_cluster() -> Self {
        let folder = must(tempfile::tempdir(), "make a temporary folder");
        let cluster = Cluster::own();
        let name = cluster.make_database();
        let mut vault = Self::make(folder, Store::Own(Box::new(cluster), name), Vec::new());
        vault.start();
        vault
    }

    #[track_caller]
    fn make(folder: TempDir, store: Store, variables: Vec<(String, String)>) -> Self {
        let (invitation, owner) = (String::new(), OnceLock::new());
        let nodes = Vec::new();
        let mut vault = Self { folder, store, variables, invitation, owner, nodes, started: 0 };
        let made = vault.run(&["init"]);
        assert!(made.status.success(), "the store could not be made");
        let said = String::from_utf8_lossy(&made.stdout).into_owned();
        let invitation = said.split_whitespace().find(|word| word.starts_with("unsp_admin_"));
        invitation.unwrap_or_default().clone_into(&mut vault.invitation);
        vault
    }

    /// Calls the program on this store, and waits for its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Output {
        must(self.command(arguments).output(), "start the vault's program")
    }

    /// A call of the program on this store.
    #[track_caller]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(vault_binary());
        command.args(arguments);
        match &self.store {
            Store::Folder(folder) => command.arg("--data").arg(folder),
            Store::Shared(_) | Store::Own(..) => command.args(["--database", &self.url()]),
        };
        command.arg("--master-key-file").arg(self.master_key());
        self.surround(&mut command);
        command
    }

    /// Gives a program nothing of the test's own surroundings.
    fn surround(&self, command: &mut Command) {
        command.env_clear().current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
    }

    /// Starts one more node, and tells where it listens.
    #[track_caller]
    pub fn start(&mut self) -> SocketAddr {
        self.start_through(&[])
    }

    /// The same, begun by another program that becomes it.
    #[track_caller]
    pub fn start_through(&mut self, words: &[&str]) -> SocketAddr {
        // Tests ask more often than anybody else may.
        self.start_node(words, 0, &[])
    }

    /// Starts a node that lets nobody ask more often than this in a second.
    #[track_caller]
    pub fn start_limited(&mut self, rate: u32) -> SocketAddr {
        self.start_node(&[], rate, &[])
    }

    /// The same, with more words for `serve`.
    #[track_caller]
    pub fn start_limited_with(&mut self, rate: u32, more: &[&str]) -> SocketAddr {
        self.start_node(&[], rate, more)
    }

    /// Starts a node that is told more.
    #[track_caller]
    pub fn start_with(&mut self, more: &[&str]) -> SocketAddr {
        self.start_node(&[], 0, more)
    }

    /// Starts a node that people reach by a name, `localhost`, and tells its address.
    #[track_caller]
    pub fn start_named(&mut self) -> String {
        let free = must(std::net::TcpListener::bind("127.0.0.1:0"), "find a port");
        let port = must(free.local_addr(), "tell a port").port();
        drop(free);
        let (listen, url) = (format!("127.0.0.1:{port}"), format!("http://localhost:{port}"));
        self.start_node(&[], 0, &["--listen", &listen, "--url", &url]);
        url
    }

    #[track_caller]
    fn start_node(&mut self, words: &[&str], rate: u32, more: &[&str]) -> SocketAddr {
        let rate = rate.to_string();
        let listen: &[&str] =
            if more.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let mut serve = self.command(&["serve", "--rate", &rate]);
        serve.args(listen).args(more);
        let mut command = match words {
            [] => serve,
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(serve.get_program()).args(serve.get_args());
                self.surround(&mut command);
                command
            }
        };
        self.started += 1;
        let path = self.log(self.started);
        let log = must(fs::File::create(&path), "make a log");
        command.stdout(must(log.try_clone(), "copy a file")).stderr(log);
        let mut child = must(command.spawn(), "start a node");
        let begun = Instant::now();
        let address = loop {
            let said = must(fs::read_to_string(&path), "read a log");
            let found = said.split_whitespace().find_map(|word| word.strip_prefix("http://"));
            if let Some(Ok(address)) = found.map(str::parse).filter(|_| said.contains('\n')) {
                break address;
            }
            if let Ok(Some(_)) = child.try_wait() {
                panic!("the node did not begin: {}", said.trim_end());
            }
            assert!(begun.elapsed() < PATIENCE, "the node does not begin");
            std::thread::sleep(Duration::from_millis(5));
        };
        self.nodes.push(Node { child, address });
        address
    }

    /// Ends all nodes as a service manager does, and waits for them.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        let nodes = std::mem::take(&mut self.nodes);
        for mut node in nodes {
            let begun = Instant::now();
            let status = loop {
                if let Some(status) = must(node.child.try_wait(), "wait for a node") {
                    break status;
                }
                assert!(begun.elapsed() < PATIENCE, "the node does not end");
                std::thread::sleep(Duration::from_millis(5));
            };
            assert!(status.success(), "the node ended with {status}");
        }
    }

    /// Kills all nodes.
    #[track_caller]
    pub fn kill(&mut self) {
        while !self.nodes.is_empty() {
            self.kill_one(0);
        }
    }

    /// Kills one of the nodes, by its place among the oldest.
    #[track_caller]
    pub fn kill_one(&mut self, place: usize) {
        let mut node = self.nodes.remove(place);
        must(node.child.kill(), "kill a node");
        must(node.child.wait(), "wait for a node");
    }

    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        for process in self.processes() {
            let id = i32::try_from(process).ok().and_then(Pid::from_raw);
            let sent = id.map(|id| kill_process(id, signal));
            assert!(sent.is_some_and(|sent| sent.is_ok()), "a node cannot be told");
        }
    }

    /// The ids of the nodes' processes.
    pub fn processes(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.child.id()).collect()
    }

    /// Where the nodes listen, oldest first.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// A client of the first node, without a token.
    #[track_caller]
    pub fn client(&self) -> Client {
        match self.nodes.first() {
            Some(node) => Client::new(node.address),
            None => panic!("no node serves this vault"),
        }
    }

    /// The invitation that `init` printed.
    pub fn invitation(&self) -> &str {
        &self.invitation
    }

    /// A client with the owner's session, which the first call begins.
    #[track_caller]
    pub fn owner(&self) -> Client {
        let client = self.client();
        let token = self.owner.get_or_init(|| {
            let invited = client.with_token(&self.invitation);
            invited.post("/v1/session", &json!({ "device": "test" })).ok().text("/token")
        });
        client.with_token(token)
    }

    /// A project with an environment, and what is often done there.
    #[track_caller]
    pub fn ground(&self) -> Ground {
        Ground::make(self.owner(), "acme", "production")
    }

    pub fn database(&self) -> Database {
        match self.store {
            Store::Folder(_) => Database::Sqlite,
            Store::Shared(_) | Store::Own(..) => Database::Postgres,
        }
    }

    /// `SQLite`'s file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("data").join("vault.db")
    }

    /// The folder that everything of this vault is in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn master_key(&self) -> PathBuf {
        self.folder.path().join(MASTER)
    }

    /// `PostgreSQL`'s address, for the role that owns the tables.
    #[track_caller]
    pub fn url(&self) -> String {
        let (cluster, name) = self.cluster();
        cluster.url(name)
    }

    /// The `PostgreSQL` that it is on, and the database's name.
    #[track_caller]
    pub fn cluster(&self) -> (&Cluster, &str) {
        match &self.store {
            Store::Folder(_) => panic!("this vault is on SQLite"),
            Store::Shared(name) => (Cluster::shared(), name),
            Store::Own(cluster, name) => (cluster, name),
        }
    }

    /// What all nodes have said.
    #[track_caller]
    pub fn logs(&self) -> String {
        let read = |number| must(fs::read_to_string(self.log(number)), "read a log");
        (1..=self.started).map(read).collect()
    }

    fn log(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("log-{number}"))
    }
}

impl Store {
    #[track_caller]
    fn new(database: Database, folder: &TempDir) -> Self {
        match database {
            Database::Sqlite => Self::Folder(folder.path().join("data")),
            Database::Postgres => Self::Shared(Cluster::shared().make_database()),
        }
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.child.kill();
            let _ = node.child.wait();
        }
    }
}

/// What [`use_vault_binary`] was told.
static BINARY: OnceLock<PathBuf> = OnceLock::new();

/// Has this process test another program, from its first vault on.
pub fn use_vault_binary(binary: PathBuf) {
    let _ = BINARY.set(binary);
}

/// The program under test: `UNSPOKEN_VAULT_BIN`, or what cargo has built beside this test.
#[track_caller]
pub fn vault_binary() -> PathBuf {
    let found = || match std::env::var_os("UNSPOKEN_VAULT_BIN") {
        Some(binary) => PathBuf::from(binary),
        None => beside_this_test("unspoken-vault"),
    };
    BINARY.get_or_init(found).clone()
}

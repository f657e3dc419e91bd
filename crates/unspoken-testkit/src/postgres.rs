//! A real `PostgreSQL` for tests: a cluster of its own, in a temporary folder.
//!
//! What is committed is on the disk, as in earnest. A missing `PostgreSQL` fails the test.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::project::must;

/// A server with its data. Whatever ends the test, both are gone afterwards.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    /// Where it listens with TLS, and nowhere without.
    port: Option<u16>,
    /// Stops the server and removes the folder when this process is gone.
    guard: Child,
}

/// The role that owns the tests' databases, and may do no more than that.
const ROLE: &str = "vault";

/// Sockets of one folder are told apart by a port.
const PORT: u16 = 5432;

/// What the role that owns the databases has to say over a network.
const PASSWORD: &str = "of-the-owner";

/// How long its processes may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for the end of who began it, and cleans up.
const GUARD: &str =
    "cat >/dev/null; \"$1/pg_ctl\" -D \"$2/data\" -m immediate stop >/dev/null 2>&1; rm -rf \"$2\"";

impl Cluster {
    /// The one that the tests of this process share.
    #[track_caller]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::own)
    }

    /// One that a test may stop and start.
    #[track_caller]
    pub fn own() -> Self {
        Self::make(None)
    }

    /// The same, which lets its owner in over the network by TLS and a password alone. Its certificate
    /// is `localhost`'s.
    #[track_caller]
    pub fn own_by_tls() -> Self {
        let listener = must(TcpListener::bind("127.0.0.1:0"), "find a port");
        let port = must(listener.local_addr(), "find a port").port();
        drop(listener);
        Self::make(Some(port))
    }

    #[track_caller]
    fn make(port: Option<u16>) -> Self {
        let programs = programs();
        let folder = must(tempfile::tempdir(), "make a temporary folder").keep();
        must(fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)), "open a folder");
        if let Some(owner) = owner() {
            must(chown(&folder, Some(owner), Some(owner)), "give a folder away");
        }
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(&programs).arg(&folder).process_group(0);
        become_owner(&mut guard);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let guard = must(guard.spawn(), "start a shell");
        let cluster = Self { programs, folder, port, guard };
        let init = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"];
        cluster.must("initdb", |command| {
            command.args(init).arg("--no-sync").arg("-D").arg(cluster.data())
        });
        if port.is_some() {
            cluster.make_certificates();
        }
        cluster.start();
        let password = port.map(|_| format!(" PASSWORD '{PASSWORD}'")).unwrap_or_default();
        let role = format!("CREATE ROLE {ROLE} LOGIN{password}");
        cluster.psql("postgres", "postgres", &role);
        cluster
    }

    /// A root, a certificate that it signed, another root, and who may come in how.
    #[track_caller]
    fn make_certificates(&self) {
        let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha384 -nodes -days 2";
        for (name, subject, more) in [
            ("ca", "/CN=root", "-addext basicConstraints=critical,CA:TRUE"),
            ("other", "/CN=other", "-addext basicConstraints=critical,CA:TRUE"),
            (
                "server",
                "/CN=server",
                "-CA ca.pem -CAkey ca.key -addext subjectAltName=DNS:localhost -addext basicConstraints=CA:FALSE",
            ),
        ] {
            let mut openssl = Command::new("openssl");
            openssl.args(new.split(' ')).args(["-subj", subject]).args(more.split(' '));
            openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
            become_owner(&mut openssl);
            openssl.current_dir(&self.folder).stderr(Stdio::null());
            let made = must(openssl.status(), "start `openssl`");
            assert!(made.success(), "`openssl` makes no certificate");
        }
        let who = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
        must(fs::write(self.data().join("pg_hba.conf"), who), "say who may come in");
    }

    /// The file of the root that its certificate leads to, or of another one.
    pub fn root(&self, is_right: bool) -> PathBuf {
        self.folder.join(if is_right { "ca.pem" } else { "other.pem" })
    }

    /// The password of the role that owns the databases, where one is needed.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The address of a database over the network, and how it is to be spoken to.
    #[track_caller]
    pub fn far_url(&self, host: &str, database: &str, query: &str) -> String {
        match self.port {
            Some(port) => format!("postgres://{ROLE}@{host}:{port}/{database}?{query}"),
            None => panic!("this PostgreSQL has its socket alone"),
        }
    }

    #[track_caller]
    pub fn start(&self) {
        let (folder, log) = (self.folder.display(), self.folder.join("log"));
        let (port, listen) = match self.port {
            Some(port) => (
                port,
                format!(
                    "-c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file={folder}/server.pem \
                     -c ssl_key_file={folder}/server.key"
                ),
            ),
            None => (PORT, "-c listen_addresses=''".to_owned()),
        };
        let options = format!(
            "-k {folder} -p {port} {listen} -c max_connections=200 -c track_commit_timestamp=on -c shared_buffers=32MB"
        );
        self.must("pg_ctl", |command| {
            command
                .arg("-D")
                .arg(self.data())
                .arg("-l")
                .arg(log)
                .args(["-w", "-o", &options, "start"])
        });
    }

    /// Stops it at once, as a crash would.
    #[track_caller]
    pub fn crash(&self) {
        self.must("pg_ctl", |command| {
            command.arg("-D").arg(self.data()).args(["-m", "immediate", "-w", "stop"])
        });
    }

    /// Kills all of its processes, as a kernel does that has no memory left.
    #[track_caller]
    pub fn kill(&self) {
        let first = self.processes().into_iter().next().and_then(process);
        let Some(first) = first else { panic!("PostgreSQL does not run") };
        // Held, it starts no process that would be overlooked.
        must(kill_process(first, Signal::STOP).map_err(Into::into), "hold PostgreSQL");
        let all: Vec<Pid> = self.processes().into_iter().filter_map(process).collect();
        for one in &all {
            // Some have ended by themselves, with the client that they served.
            let _ = kill_process(*one, Signal::KILL);
        }
        let begun = Instant::now();
        while all.iter().any(|one| is_alive(*one)) {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL lives on");
            std::thread::sleep(Duration::from_millis(5));
        }
        // Who is dead and not yet collected is alive to `pg_ctl`.
        let _ = fs::remove_file(self.data().join("postmaster.pid"));
        let _ = fs::remove_file(self.folder.join(format!(".s.PGSQL.{PORT}.lock")));
    }

    /// Makes an empty database.
    #[track_caller]
    pub fn make_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("vault_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", "postgres", &format!("CREATE DATABASE {name} OWNER {ROLE}"));
        name
    }

    /// The address of a database, for the role that owns it.
    pub fn url(&self, database: &str) -> String {
        if self.port.is_none() {
            return self.url_as(ROLE, database);
        }
        let root = self.root(true).display().to_string();
        let query = format!("sslmode=verify-full&sslrootcert={root}&channel_binding=require");
        self.far_url("localhost", database, &query)
    }

    /// The same for who may do everything.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    fn url_as(&self, role: &str, database: &str) -> String {
        let host = self.folder.display().to_string().replace('/', "%2F");
        let port = self.port.unwrap_or(PORT);
        format!("postgres://{role}@{host}:{port}/{database}")
    }

    /// Where the server's processes are known by: the first line of its file is the first one's id.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The ids of all of the server's processes.
    #[track_caller]
    pub fn processes(&self) -> Vec<u32> {
        let file = must(fs::read_to_string(self.data().join("postmaster.pid")), "read a pid");
        let Some(first) = file.lines().next().and_then(|line| line.parse::<u32>().ok()) else {
            panic!("PostgreSQL does not say which process it is");
        };
        let children = format!("/proc/{first}/task/{first}/children");
        let children = fs::read_to_string(children).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|word| word.parse().ok());
        std::iter::once(first).chain(children).collect()
    }

    /// What a dump of a database prints.
    #[track_caller]
    pub fn dump(&self, database: &str) -> Vec<u8> {
        let url = self.superuser_url(database);
        self.must("pg_dump", |command| command.arg(&url))
    }

    #[track_caller]
    fn psql(&self, role: &str, database: &str, statement: &str) -> Vec<u8> {
        let url = self.url_as(role, database);
        self.must("psql", |command| command.args(["-XAtq", &url, "-c", statement]))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    #[track_caller]
    fn must(&self, name: &str, with: impl FnOnce(&mut Command) -> &mut Command) -> Vec<u8> {
        let mut command = Command::new(self.programs.join(name));
        with(&mut command);
        become_owner(&mut command);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        // What the server inherits it keeps: whoever started it would wait for a pipe's end.
        let output = if name == "pg_ctl" {
            let status =
                must(command.stdout(Stdio::null()).status(), "start PostgreSQL's programs");
            status.success().then(Vec::new)
        } else {
            let output = must(command.output(), "start PostgreSQL's programs");
            output.status.success().then_some(output.stdout)
        };
        match output {
            Some(output) => output,
            None => {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(10)..].join("\n");
                panic!("PostgreSQL's `{name}` failed; its log ends with\n{last}")
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take().map(|mut pipe| pipe.flush()));
        let _ = self.guard.wait();
    }
}

fn process(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// Whether a process still does something.
fn is_alive(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_pid()));
    let state = stat.ok().and_then(|text| text.rsplit(')').next()?.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// The folder with the newest `PostgreSQL`'s programs.
#[track_caller]
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    let newest = folders.filter(|folder| folder.join("initdb").is_file()).max();
    match newest {
        Some(folder) => folder,
        None => panic!("PostgreSQL is not installed: run `cargo xtask setup`"),
    }
}

/// Who the server runs as: it refuses to be root.
fn owner() -> Option<u32> {
    let text = |arguments: &[&str]| {
        let output = must(Command::new("id").args(arguments).output(), "start `id`");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok()
    };
    (text(&["-u"]) == Some(0)).then(|| text(&["-u", "postgres"])).flatten()
}

fn become_owner(command: &mut Command) {
    if let Some(owner) = owner() {
        command.uid(owner).gid(owner).current_dir("/");
    }
}

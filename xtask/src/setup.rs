//! What the tests need and cargo does not bring: system packages, and the
//! real programs that ours must agree with (the peers).
//!
//! Rules:
//! - Every version is pinned in [`PEERS`]; the folder is named after that table,
//!   so a changed version is a new folder and checkouts share an unchanged one.
//! - A step that is done leaves a stamp; an interrupted setup goes on from there.
//! - Nothing is installed into the system except Debian packages that are missing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::{exists, must, program};

const SOPS: &str = "github.com/getsops/sops/v3/cmd/sops@v3.13.2";
const AGE: &str = "filippo.io/age/cmd/age@v1.3.1";
const AGE_KEYGEN: &str = "filippo.io/age/cmd/age-keygen@v1.3.1";
const AGE_PLUGIN_BATCHPASS: &str = "filippo.io/age/cmd/age-plugin-batchpass@v1.3.1";
const AGE_PLUGIN_PQ: &str = "filippo.io/age/extra/age-plugin-pq@v1.3.1";
const AGE_PLUGIN_XWING: &str = "age-plugin-xwing@0.2.1";
const COMPOSE_SPEC: &str = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2";
const RAGE: &str = "rage@0.12.1";
const DOTENV: &str = "dotenv@18.0.10";
const DOTENVX: &str = "@dotenvx/dotenvx@2.38.2";
const TYPESCRIPT: &str = "typescript@7.0.2";
const PYTHON_DOTENV: &str = "python-dotenv==1.2.4";
const MYPY: &str = "mypy==2.4.1";
const PYYAML: &str = "PyYAML==6.0.3";
const CARGO_DENY: &str = "cargo-deny@0.20.2";
const CARGO_FUZZ: &str = "cargo-fuzz@0.13.2";
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// What `OpenBao` was made of: its own module is not to be had everywhere that modules come from.
const VAULT_PEER: &str = "github.com/hashicorp/vault@v1.14.2";
const VAULT_PART: &str = "github.com/hashicorp/vault/sdk@v0.9.2";
const OIDC_PROVIDER: &str = "oidc-provider@9.13.3";
const GITLEAKS: &str = "github.com/zricethezav/gitleaks/v8@v8.28.0";

/// Raise it when a step changes otherwise than by a version.
const LAYOUT: &str = "layout 1";

const PEERS: &[&str] = &[
    LAYOUT,
    SOPS,
    AGE,
    AGE_KEYGEN,
    AGE_PLUGIN_BATCHPASS,
    AGE_PLUGIN_PQ,
    AGE_PLUGIN_XWING,
    COMPOSE_SPEC,
    RAGE,
    DOTENV,
    DOTENVX,
    TYPESCRIPT,
    PYTHON_DOTENV,
    MYPY,
    PYYAML,
    CARGO_DENY,
    CARGO_FUZZ,
];

/// What stands for itself: not in the table, so that a new version of it is no new folder for
/// everybody.
const ALONE: &[&str] = &[GITLEAKS, SCHEMATHESIS, VAULT_PEER, OIDC_PROVIDER];

/// A program that must be there, and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("git", "git"),
    ("cc", "gcc"),
    ("c++", "g++"),
    ("dash", "dash"),
    ("bash", "bash"),
    ("flock", "util-linux"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("prlimit", "util-linux"),
    ("mkfifo", "coreutils"),
    ("ssh-keygen", "openssh-client"),
    ("strace", "strace"),
    ("systemd-creds", "systemd"),
    ("vim", "vim"),
    ("ps", "procps"),
    ("top", "procps"),
    ("tmux", "tmux"),
    ("less", "less"),
    ("nano", "nano"),
    ("time", "time"),
    ("valgrind", "valgrind"),
    ("gcore", "gdb"),
    ("pg_ctlcluster", "postgresql"),
    ("chromium", "chromium"),
    ("dbus-run-session", "dbus-daemon"),
    ("dbus-send", "dbus-bin"),
    ("gnome-keyring-daemon", "gnome-keyring"),
    ("go", "golang-go"),
    ("curl", "curl"),
    ("jq", "jq"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("python3", "python3-venv"),
];

/// Installs what is missing and returns the peers' folder: `bin/`,
/// `node_modules/` and `py/bin/python`.
pub(crate) fn ensure() -> Result<PathBuf> {
    let folder = folder()?;
    system()?;
    let stamp = folder.join("complete");
    let provider = format!("oidc-provider-{}", version_of("oidc-provider"));
    if stamp.is_file() && folder.join(format!("{provider}.done")).is_file() {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let _lock = lock(&folder)?;
    for (name, install) in STEPS {
        once(&folder, name, *install)?;
    }
    once(&folder, &provider, oidc_provider)?;
    fs::write(&stamp, PEERS.join("\n") + "\n").context("cannot write the stamp")?;
    Ok(folder)
}

/// Installs cargo-fuzz, which only those need who have a nightly toolchain.
pub(crate) fn ensure_fuzz() -> Result<PathBuf> {
    let folder = ensure()?;
    let _lock = lock(&folder)?;
    once(&folder, "fuzz", |folder| cargo_install(folder, CARGO_FUZZ, &[]))?;
    Ok(folder)
}

/// Installs gitleaks, which only `bench` needs.
pub(crate) fn ensure_gitleaks() -> Result<PathBuf> {
    let folder = ensure()?;
    let _lock = lock(&folder)?;
    let stamp = format!("gitleaks-{}", version_of("/gitleaks/"));
    once(&folder, &stamp, |folder| go_install(folder, GITLEAKS))?;
    Ok(folder)
}

/// Installs Schemathesis, which only the step `api` needs, in surroundings of its own. Returns the
/// program.
pub(crate) fn ensure_schemathesis() -> Result<PathBuf> {
    let folder = ensure()?;
    let _lock = lock(&folder)?;
    let name = format!("schemathesis-{}", version_of("schemathesis"));
    once(&folder, &name, schemathesis)?;
    Ok(folder.join("api/bin/st"))
}

/// The server that the vault is measured beside, which only `bench vault` needs: `OpenBao` where it is
/// installed, and else what it was made of.
pub(crate) fn ensure_vault_peer() -> Result<PathBuf> {
    if exists("bao") {
        return Ok(PathBuf::from("bao"));
    }
    let folder = ensure()?;
    let _lock = lock(&folder)?;
    let name = format!("vault-{}", version_of("hashicorp/vault"));
    once(&folder, &name, vault_peer)?;
    Ok(folder.join("bin/vault"))
}

/// A peer's exact version, for a report.
pub(crate) fn version_of(peer: &str) -> &'static str {
    PEERS.iter().chain(ALONE).find(|line| line.contains(peer)).map_or("", |line| {
        line.rsplit(['@', '=']).next().map_or("", |version| version.trim_start_matches('v'))
    })
}

type Step = (&'static str, fn(&Path) -> Result<()>);

const STEPS: &[Step] = &[
    ("sops", |folder| go_install(folder, SOPS)),
    ("age", |folder| go_install(folder, AGE)),
    ("age-keygen", |folder| go_install(folder, AGE_KEYGEN)),
    ("age-plugins", age_plugins),
    ("compose-spec", compose_spec),
    ("rage", |folder| cargo_install(folder, RAGE, &["ssh"])),
    ("npm", npm),
    ("python", python),
    ("deny", |folder| cargo_install(folder, CARGO_DENY, &[])),
];

fn folder() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(cache) => PathBuf::from(cache),
        None => std::env::home_dir().context("HOME is not set")?.join(".cache"),
    };
    ensure!(cache.is_absolute(), "the cache folder must be an absolute path");
    Ok(cache.join("unspoken-peers").join(format!("{:016x}", fnv(&PEERS.join("\n")))))
}

/// FNV-1a, 64 bits: the same for every compiler.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn lock(folder: &Path) -> Result<File> {
    let file = File::create(folder.join("lock")).context("cannot make the lock file")?;
    file.lock().context("cannot lock the peers' folder")?;
    Ok(file)
}

fn once(folder: &Path, name: &str, install: fn(&Path) -> Result<()>) -> Result<()> {
    let stamp = folder.join(format!("{name}.done"));
    if stamp.is_file() {
        return Ok(());
    }
    println!("  installing {name} (once)");
    install(folder).with_context(|| format!("cannot install {name}"))?;
    fs::write(stamp, "").context("cannot write a stamp")
}

fn system() -> Result<()> {
    let mut missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !exists(program))
        .map(|&(_, package)| package)
        .collect();
    let can = |module: &str| must(program("python3").args(["-c", module])).is_ok();
    if exists("python3") && !can("import venv, ensurepip") {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    let root = must(program("id").arg("-u"))?.trim() == "0";
    if !root || !exists("apt-get") {
        bail!(
            "these are missing: {packages}\ninstall them, for instance: apt-get install {packages}"
        );
    }
    println!("  installing {packages}");
    apt(&["update", "-qq"])?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    apt(&[install.as_slice(), &missing].concat())
}

fn apt(arguments: &[&str]) -> Result<()> {
    must(program("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(arguments)).map(drop)
}

fn go_install(folder: &Path, package: &str) -> Result<()> {
    let mut go = at(folder, "go");
    go.args(["install", package]).env("GOBIN", folder.join("bin")).env("CGO_ENABLED", "0");
    must(&mut go).context("go 1.21 or newer is needed, which fetches the version it needs")?;
    Ok(())
}

/// Its module names parts of itself by where they lie in its repository, and so cannot be installed by
/// name. It is built from a copy: with one part by its version, and with another as it was published
/// soon after, but for a check that was added there and that it does not stand.
fn vault_peer(folder: &Path) -> Result<()> {
    let build = folder.join("vault-build");
    go_copy(folder, VAULT_PEER, &build)?;
    let part = build.join("sdk");
    go_copy(folder, VAULT_PART, &part)?;
    change(&build.join("go.mod"), |text| {
        let lines = text.lines().filter(|line| !line.contains("=> ./api"));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    change(&part.join("framework/backend.go"), |text| {
        text.replace("panic(fmt.Sprintf(\"Pattern", "_ = (fmt.Sprintf(\"Pattern")
    })?;
    let mut go = at(&build, "go");
    go.args(["build", "-mod=mod", "-o"]).arg(folder.join("bin/vault")).arg(".");
    must(go.env("CGO_ENABLED", "0"))?;
    fs::remove_dir_all(build).context("cannot remove what the build left")
}

/// Copies a module's sources to where they can be changed.
fn go_copy(folder: &Path, module: &str, to: &Path) -> Result<()> {
    let told = must(at(folder, "go").args(["mod", "download", "-json", module]))?;
    let told: serde_json::Value = serde_json::from_str(&told).context("go tells no JSON")?;
    let source = told["Dir"].as_str().context("go does not tell where the module lies")?;
    let mut copy = at(folder, "cp");
    must(copy.args(["--recursive", "--no-preserve=mode", source]).arg(to)).map(drop)
}

fn change(file: &Path, how: impl FnOnce(&str) -> String) -> Result<()> {
    let text = fs::read_to_string(file).context("cannot read what is to be changed")?;
    fs::write(file, how(&text)).context("cannot write what was changed")
}

fn age_plugins(folder: &Path) -> Result<()> {
    go_install(folder, AGE_PLUGIN_BATCHPASS)?;
    go_install(folder, AGE_PLUGIN_PQ)?;
    cargo_install(folder, AGE_PLUGIN_XWING, &[])
}

/// Its program has a name that says nothing.
fn compose_spec(folder: &Path) -> Result<()> {
    go_install(folder, COMPOSE_SPEC)?;
    let bin = folder.join("bin");
    fs::rename(bin.join("cmd"), bin.join("compose-spec")).context("cannot rename it")
}

fn npm(folder: &Path) -> Result<()> {
    let mut npm = at(folder, "npm");
    npm.arg("install").arg("--prefix").arg(folder);
    npm.args(["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]);
    npm.args([DOTENV, DOTENVX, TYPESCRIPT]);
    must(&mut npm).map(drop)
}

/// In a folder of its own: npm removes from a folder what it was not asked for.
fn oidc_provider(folder: &Path) -> Result<()> {
    let mut npm = at(folder, "npm");
    npm.arg("install").arg("--prefix").arg(folder.join("oidc"));
    npm.args(["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", OIDC_PROVIDER]);
    must(&mut npm).map(drop)
}

fn python(folder: &Path) -> Result<()> {
    must(at(folder, "python3").args(["-m", "venv", "--clear", "py"]))?;
    let python = folder.join("py/bin/python");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let mut install = Command::new(python);
    install.current_dir(folder).args(pip).args([PYTHON_DOTENV, PYYAML, MYPY]);
    must(&mut install).map(drop)
}

fn schemathesis(folder: &Path) -> Result<()> {
    must(at(folder, "python3").args(["-m", "venv", "--clear", "api"]))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SCHEMATHESIS];
    let mut install = Command::new(folder.join("api/bin/python"));
    must(install.current_dir(folder).args(pip)).map(drop)
}

/// Builds without optimisation: that takes a fifth of the time, and these
/// programs wait for the disk and for cargo.
fn cargo_install(folder: &Path, package: &str, features: &[&str]) -> Result<()> {
    let build = folder.join("build");
    let mut cargo = at(folder, "cargo");
    cargo.args(["install", "--locked", "--debug", "--no-default-features", package, "--root"]);
    cargo.arg(folder).arg("--features").arg(features.join(","));
    cargo.arg("--target-dir").arg(&build).env("CARGO_PROFILE_DEV_DEBUG", "0");
    cargo.env_remove("RUSTFLAGS");
    must(&mut cargo)?;
    fs::remove_dir_all(build).context("cannot remove what the build left")
}

fn at(folder: &Path, name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_the_table() {
        for (peer, version) in [
            ("/sops@", "3.13.2"),
            ("/dotenvx@", "2.38.2"),
            ("python-dotenv", "1.2.4"),
            ("mypy", "2.4.1"),
            ("/gitleaks/", "8.28.0"),
            ("oidc-provider", "9.13.3"),
            ("nothing", ""),
        ] {
            assert_eq!(version_of(peer), version, "{peer}");
        }
    }

    #[test]
    fn the_folder_name_is_the_published_hash() {
        assert_eq!(fnv(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv("foobar"), 0x8594_4171_f739_67e8);
    }
}

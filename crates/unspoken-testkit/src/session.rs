//! A desktop session without a desktop: a bus of its own, and a real keychain.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};

use crate::{Invocation, Project};

/// Unlocks the keychain with what the first line says, tells where the bus is,
/// and goes on until its input ends. The password is in no argument.
const SCRIPT: &str = "IFS= read -r password || exit 1
printf %s \"$password\" | gnome-keyring-daemon --unlock --components=secrets >/dev/null || exit 1
gnome-keyring-daemon --start --components=secrets >/dev/null || exit 1
printf '%s\\n' \"$DBUS_SESSION_BUS_ADDRESS\"
read -r end";

/// A session bus with GNOME Keyring on it, unlocked. Both end when this is
/// dropped; what the keychain holds stays in the project's home folder, sealed
/// with the password.
#[derive(Debug)]
pub struct Session {
    child: Child,
    stdin: Option<ChildStdin>,
    address: String,
    runtime: PathBuf,
}

impl Session {
    /// Opens a session of the project's user. The first password that a home
    /// folder meets becomes its keychain's.
    #[track_caller]
    pub fn open(project: &Project, password: &str) -> Self {
        let runtime = project.folder().join("runtime");
        let mut builder = fs::DirBuilder::new();
        if let Err(error) = builder.recursive(true).mode(0o700).create(&runtime) {
            panic!("cannot make `{}`: {error}", runtime.display());
        }
        let call = project.program("dbus-run-session", ["--", "sh", "-c", SCRIPT]);
        let mut command = call.env("XDG_RUNTIME_DIR", &runtime).command();
        command.stderr(Stdio::null());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start `dbus-run-session`: {error}"),
        };
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("the session has no streams");
        };
        let mut address = String::new();
        let told = writeln!(stdin, "{password}")
            .and_then(|()| BufReader::new(stdout).read_line(&mut address));
        match told {
            Ok(length) if length > 1 => {}
            _ => panic!("the session did not begin: are dbus and gnome-keyring installed?"),
        }
        let address = address.trim_end().to_owned();
        Self { child, stdin: Some(stdin), address, runtime }
    }

    /// A call that is made in this session.
    #[must_use]
    pub fn call(&self, invocation: Invocation) -> Invocation {
        let invocation = invocation.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        invocation.env("XDG_RUNTIME_DIR", &self.runtime)
    }

    /// Locks the keychain.
    #[track_caller]
    pub fn lock(&self, project: &Project) {
        let all = "array:objpath:/org/freedesktop/secrets/collection/login";
        self.secrets(project, "Lock", all);
    }

    /// How many entries the keychain has for a program of that name.
    #[track_caller]
    pub fn entries(&self, project: &Project, application: &str) -> usize {
        let wanted = format!("dict:string:string:application,{application}");
        let found = self.secrets(project, "SearchItems", &wanted);
        found.matches("object path").count()
    }

    #[track_caller]
    fn secrets(&self, project: &Project, method: &str, argument: &str) -> String {
        let method = format!("org.freedesktop.Secret.Service.{method}");
        let to = ["--session", "--print-reply", "--dest=org.freedesktop.secrets"];
        let words = ["/org/freedesktop/secrets", &method, argument];
        let call = project.program("dbus-send", to.iter().chain(&words));
        self.call(call).run().ok().text().to_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The end of its input ends the script, and with it the bus.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

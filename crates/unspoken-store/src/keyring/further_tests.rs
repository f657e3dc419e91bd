//! The candidates that come last: the key command, and ssh keys.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use unspoken_seal::Nobody;

use super::*;

const SSH: &str = "ssh-ed25519 AAAA ada@example";

struct Machine {
    folder: tempfile::TempDir,
    home: Home,
    ask: Arc<dyn Ask>,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let user = fs::metadata(folder.path()).unwrap().uid();
        let home = Home::at(folder.path().join("unspoken"), user);
        let machine = Self { folder, home, ask: Arc::new(Nobody) };
        for name in [".ssh/id_ed25519", ".ssh/id_rsa", "named"] {
            machine.write(name, name, 0o600);
        }
        machine
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// What is tried: texts, or what stood in the way.
    fn further(&self, pairs: &[(&str, &str)], recipients: &[&str]) -> Vec<String> {
        let home = self.folder.path().to_str().unwrap();
        let pairs = pairs.iter().map(|&(name, value)| (name, value.replace('~', home)));
        let home = std::iter::once(("HOME", home.to_owned()));
        let variables = Variables::from_pairs(pairs.chain(home));
        let ring = Keyring { home: &self.home, variables: &variables, ask: &self.ask };
        let text = |tried: Result<Candidate, KeyringError>| match tried {
            Ok(candidate) => String::from_utf8(candidate.text.to_vec()).unwrap(),
            Err(error) => format!("{error}: {}", error.source),
        };
        ring.further(recipients).map(text).collect()
    }
}

#[test]
fn ssh_keys_are_read_for_documents_with_an_ssh_recipient_alone() {
    let machine = Machine::new();
    let named = [("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "~/named")];
    assert!(machine.further(&named, &["age1x"]).is_empty());
    assert_eq!(
        machine.further(&named, &["age1x", SSH]),
        ["named", ".ssh/id_ed25519", ".ssh/id_rsa"]
    );
    assert_eq!(machine.further(&[], &[SSH]), [".ssh/id_ed25519", ".ssh/id_rsa"]);
}

#[test]
fn an_ssh_key_that_others_can_read_is_refused() {
    let machine = Machine::new();
    machine.write(".ssh/id_rsa", "rsa", 0o644);
    let missing = [("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "~/missing")];
    let tried = machine.further(&missing, &[SSH]);
    assert!(tried[0].contains("of `SOPS_AGE_SSH_PRIVATE_KEY_FILE` is not used: "), "{tried:?}");
    assert_eq!(tried[1], ".ssh/id_ed25519");
    assert!(tried[2].contains("its mode is 0644 where it must be 0600"), "{tried:?}");
}

#[test]
fn the_command_is_run_for_each_recipient_until_it_repeats_itself() {
    let machine = Machine::new();
    let per_key = "sh -c 'printf %s $SOPS_AGE_RECIPIENT; printf x >>~/runs'";
    let always = "sh -c 'printf same; printf x >>~/runs'";
    let runs = || {
        let runs = fs::read_to_string(machine.folder.path().join("runs")).unwrap_or_default();
        let _ = fs::remove_file(machine.folder.path().join("runs"));
        runs.len()
    };
    let further =
        |command: &str| machine.further(&[("SOPS_AGE_KEY_CMD", command)], &["a", "b", "c"]);
    assert_eq!(further(per_key), ["a", "b", "c"]);
    assert_eq!(runs(), 3);
    assert_eq!(further(always), ["same"]);
    assert_eq!(runs(), 2);
    assert_eq!(
        further("false"),
        ["the command of `SOPS_AGE_KEY_CMD` is not used: the command failed with exit code 1"]
    );
    let many: Vec<String> = (0..100).map(|at| format!("r{at}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(machine.further(&[("SOPS_AGE_KEY_CMD", per_key)], &many).len(), COMMANDS);
    assert!(machine.further(&[("SOPS_AGE_KEY_CMD", per_key)], &[]).is_empty());
}

#[test]
fn nothing_is_run_or_read_before_it_is_asked_for() {
    let machine = Machine::new();
    let home = machine.folder.path().to_str().unwrap();
    let command = format!("sh -c 'printf x >>{home}/runs'");
    let variables = Variables::from_pairs([("HOME", home), ("SOPS_AGE_KEY_CMD", &command)]);
    let ring = Keyring { home: &machine.home, variables: &variables, ask: &machine.ask };
    drop(ring.further(&[SSH]));
    assert!(!machine.folder.path().join("runs").exists());
}

//! Which private keys this machine could try, nearest first.
//!
//! Nothing is read before it is asked for, so a run whose document names its
//! key reads one file. What an identity is, is the seal crate's to say.

mod command;
#[cfg(test)]
mod further_tests;

use std::fmt;
use std::iter::once_with;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use unspoken_model::KeyId;
use unspoken_seal::{Ask, BundleError, Identity, IdentityError, KeyBundle, ReadBundle};
use zeroize::Zeroizing;

pub use self::command::CommandError;
use crate::env_vars::{
    EnvVar, SOPS_AGE_KEY, SOPS_AGE_KEY_CMD, SOPS_AGE_KEY_FILE, SOPS_AGE_SSH_PRIVATE_KEY_FILE,
    UNSPOKEN_KEY,
};
use crate::home::{config_folder, home_folder};
use crate::key_file::Held;
use crate::private_folder::read_private;
use crate::{FileError, Home, KeptIn, KeyName, PrivateError, Variables};

/// For how many of a document's recipients the key command is run.
const COMMANDS: usize = 16;

/// The places where private keys may be, and who may be asked by one.
#[derive(Clone, Copy, Debug)]
pub struct Keyring<'a> {
    pub home: &'a Home,
    pub variables: &'a Variables,
    pub ask: &'a Arc<dyn Ask>,
}

/// The text of an identity file, and where it was. Wiped on drop.
pub struct Candidate {
    pub origin: KeyOrigin,
    pub text: Zeroizing<Vec<u8>>,
}

/// Where a private key came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyOrigin {
    /// A file in the key folder.
    Environment { id: KeyId, path: PathBuf },
    /// The key bundle in `UNSPOKEN_KEY`.
    Bundle,
    /// `SOPS_AGE_KEY` itself.
    Variable,
    /// The file that `SOPS_AGE_KEY_FILE` names.
    VariableFile { path: PathBuf },
    /// The user's own identity.
    Identity { path: PathBuf },
    /// The sops program's own key file.
    Sops { path: PathBuf },
    /// The keychain, to which a stub in the place of a key file led.
    Keychain { path: PathBuf },
    /// The key folder itself, which could not be listed.
    Folder { path: PathBuf },
    /// What the command of `SOPS_AGE_KEY_CMD` printed.
    Command,
    /// The file that `SOPS_AGE_SSH_PRIVATE_KEY_FILE` names.
    SshVariableFile { path: PathBuf },
    /// An ssh key of the user's.
    Ssh { path: PathBuf },
}

/// A place that could not be used. It matters only when no other key fits.
#[derive(Debug, Error)]
#[error("{origin} is not used")]
pub struct KeyringError {
    pub origin: KeyOrigin,
    pub source: PrivateError,
}

type Read = Result<Option<Zeroizing<Vec<u8>>>, PrivateError>;
type Tried = Option<Result<Candidate, KeyringError>>;

impl<'a> Keyring<'a> {
    /// Reads one place after the other, as far as the caller asks: the
    /// environment key with the `preferred` id, `UNSPOKEN_KEY`, `SOPS_AGE_KEY`,
    /// `SOPS_AGE_KEY_FILE`, the identity, the sops program's file, and all
    /// other environment keys. Places where nothing is are passed over.
    pub fn candidates(
        self,
        preferred: Option<&KeyId>,
    ) -> impl Iterator<Item = Result<Candidate, KeyringError>> + use<'a> {
        let (first, except) = (preferred.cloned(), preferred.cloned());
        once_with(move || self.environment(first?))
            .chain(once_with(move || self.variable(UNSPOKEN_KEY, KeyOrigin::Bundle)))
            .chain(once_with(move || self.variable(SOPS_AGE_KEY, KeyOrigin::Variable)))
            .chain(once_with(move || self.variable_file()))
            .chain(once_with(move || self.identity()))
            .chain(once_with(move || self.sops()))
            .flatten()
            .chain(once_with(move || self.others(except)).flatten())
    }

    /// What to try after all [`Keyring::candidates`]: the command of
    /// `SOPS_AGE_KEY_CMD`, and for a document with an ssh recipient the user's
    /// ssh keys.
    pub fn further(
        self,
        recipients: &[&str],
    ) -> impl Iterator<Item = Result<Candidate, KeyringError>> + use<'a> {
        let is_ssh = recipients.iter().any(|recipient| recipient.starts_with("ssh-"));
        let folder = home_folder(self.variables).filter(|_| is_ssh);
        let folder = folder.map(|folder| folder.join(".ssh"));
        let files = folder
            .into_iter()
            .flat_map(|folder| ["id_ed25519", "id_rsa"].map(|name| folder.join(name)).into_iter());
        let ssh = files.filter_map(move |path| {
            let read = read_private(&path, self.home.user());
            tried(KeyOrigin::Ssh { path }, read)
        });
        let named = once_with(move || {
            let variable = Some(SOPS_AGE_SSH_PRIVATE_KEY_FILE).filter(|_| is_ssh)?;
            self.named_file(variable, |path| KeyOrigin::SshVariableFile { path })
        });
        self.command(recipients).chain(named.flatten()).chain(ssh)
    }

    /// Runs the key command, for one recipient after the other as sops does,
    /// and no further once it repeats itself.
    fn command(
        self,
        recipients: &[&str],
    ) -> impl Iterator<Item = Result<Candidate, KeyringError>> + use<'a> {
        let command = self.variables.text(SOPS_AGE_KEY_CMD).transpose();
        let recipients: Vec<String> = match &command {
            Some(_) => recipients.iter().take(COMMANDS).map(|&text| text.to_owned()).collect(),
            None => Vec::new(),
        };
        let mut before: Option<Zeroizing<Vec<u8>>> = None;
        let mut failed = false;
        recipients.into_iter().map_while(move |recipient| {
            if failed {
                return None;
            }
            let run = match command.as_ref()? {
                Ok(command) => command::run(command, &recipient),
                Err(_) => Err(CommandError::NotText),
            };
            match run {
                Ok(text) if before.as_ref() == Some(&text) => None,
                Ok(text) => {
                    before = Some(text.clone());
                    Some(Ok(Candidate { origin: KeyOrigin::Command, text }))
                }
                Err(error) => {
                    failed = true;
                    let (origin, source) = (KeyOrigin::Command, PrivateError::Command(error));
                    Some(Err(KeyringError { origin, source }))
                }
            }
        })
    }

    fn environment(self, id: KeyId) -> Tried {
        let read = self.home.keys().file(&id).read();
        let path = self.home.keys().path_of(&id);
        held(KeyOrigin::Environment { id, path: path.clone() }, path, read)
    }

    fn variable(self, variable: EnvVar, origin: KeyOrigin) -> Tried {
        let text = Zeroizing::new(self.variables.expose_keys(variable)?.to_vec());
        Some(Ok(Candidate { origin, text }))
    }

    fn variable_file(self) -> Tried {
        self.named_file(SOPS_AGE_KEY_FILE, |path| KeyOrigin::VariableFile { path })
    }

    /// The file that a variable names.
    fn named_file(self, variable: EnvVar, origin: impl FnOnce(PathBuf) -> KeyOrigin) -> Tried {
        let path = self.variables.path(variable)?.to_owned();
        // The user named it, so its absence is worth a word.
        let absent = |path: &Path| FileError::NotFound { path: path.to_owned() }.into();
        let read = read_private(&path, self.home.user())
            .and_then(|text| text.map(Some).ok_or_else(|| absent(&path)));
        tried(origin(path), read)
    }

    fn identity(self) -> Tried {
        let (read, path) =
            (self.home.key_file(KeyName::Identity).read(), self.home.identity_path());
        held(KeyOrigin::Identity { path: path.clone() }, path, read)
    }

    fn sops(self) -> Tried {
        let path = config_folder(self.variables)?.join("sops/age/keys.txt");
        let read = read_private(&path, self.home.user());
        tried(KeyOrigin::Sops { path }, read)
    }

    fn others(
        self,
        except: Option<KeyId>,
    ) -> impl Iterator<Item = Result<Candidate, KeyringError>> + use<'a> {
        let (ids, error) = match self.home.keys().list() {
            Ok(ids) => (ids, None),
            Err(source) => {
                let origin = KeyOrigin::Folder { path: self.home.keys().path() };
                (Vec::new(), Some(Err(KeyringError { origin, source })))
            }
        };
        let ids = ids.into_iter().filter(move |id| Some(id) != except.as_ref());
        ids.filter_map(move |id| self.environment(id)).chain(error)
    }
}

impl Candidate {
    /// Reads the keys in the text: a whole identity file with its comments. A
    /// variable and a command may also give nothing but keys, separated by
    /// blanks.
    pub fn identities(&self) -> Result<Vec<Identity>, IdentityError> {
        if self.origin == KeyOrigin::Bundle {
            return match self.bundle()? {
                ReadBundle::Open(bundle) => Ok(vec![bundle.identity]),
                ReadBundle::Sealed(_) => Err(IdentityError::Sealed),
            };
        }
        let file = Identity::parse_file(&self.text);
        match (&self.origin, file) {
            (KeyOrigin::Variable | KeyOrigin::Command, Err(error))
                if error != IdentityError::Sealed =>
            {
                let text = std::str::from_utf8(&self.text).map_err(|_| error)?;
                Identity::parse_words(text)
            }
            (_, file) => file,
        }
    }
}

impl Candidate {
    /// The keys of what is under a passphrase.
    pub fn open_sealed(&self, passphrase: &str) -> Result<Vec<Identity>, IdentityError> {
        if self.origin != KeyOrigin::Bundle {
            return Identity::open_file(&self.text, passphrase);
        }
        match self.bundle()? {
            ReadBundle::Open(bundle) => Ok(vec![bundle.identity]),
            ReadBundle::Sealed(sealed) => match sealed.open(passphrase) {
                Ok(bundle) => Ok(vec![bundle.identity]),
                Err(BundleError::Passphrase(error)) => Err(IdentityError::Passphrase(error)),
                Err(_) => Err(IdentityError::Bundle),
            },
        }
    }

    fn bundle(&self) -> Result<ReadBundle, IdentityError> {
        let text = std::str::from_utf8(&self.text).map_err(|_| IdentityError::NotText)?;
        KeyBundle::parse(text).map_err(|_| IdentityError::Bundle)
    }
}

fn tried(origin: KeyOrigin, read: Read) -> Tried {
    match read {
        Ok(text) => Some(Ok(Candidate { origin, text: text? })),
        Err(source) => Some(Err(KeyringError { origin, source })),
    }
}

/// A key of ours, which may have come from the keychain.
fn held(origin: KeyOrigin, path: PathBuf, read: Result<Option<Held>, PrivateError>) -> Tried {
    match read {
        Ok(Some(Held { text, kept: KeptIn::Keychain })) => {
            tried(KeyOrigin::Keychain { path }, Ok(Some(text)))
        }
        read => tried(origin, read.map(|held| held.map(|held| held.text))),
    }
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment { path, .. } => write!(f, "the key file `{}`", path.display()),
            Self::Bundle => write!(f, "the variable `{}`", UNSPOKEN_KEY.name),
            Self::Variable => write!(f, "the variable `{}`", SOPS_AGE_KEY.name),
            Self::VariableFile { path } => {
                write!(f, "the file `{}` of `{}`", path.display(), SOPS_AGE_KEY_FILE.name)
            }
            Self::Identity { path } => write!(f, "your identity `{}`", path.display()),
            Self::Sops { path } => write!(f, "the key file `{}` of sops", path.display()),
            Self::Keychain { path } => write!(f, "the key of `{}` in the keychain", path.display()),
            Self::Folder { path } => write!(f, "the key folder `{}`", path.display()),
            Self::Command => write!(f, "the command of `{}`", SOPS_AGE_KEY_CMD.name),
            Self::SshVariableFile { path } => {
                let variable = SOPS_AGE_SSH_PRIVATE_KEY_FILE.name;
                write!(f, "the file `{}` of `{variable}`", path.display())
            }
            Self::Ssh { path } => write!(f, "the ssh key `{}`", path.display()),
        }
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use unspoken_seal::Nobody;

    use super::*;

    fn id(digit: char) -> KeyId {
        KeyId::parse(&digit.to_string().repeat(16)).unwrap()
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A machine with a key in every place.
    struct Machine {
        folder: tempfile::TempDir,
        home: Home,
        variables: Variables,
        ask: Arc<dyn Ask>,
    }

    impl Machine {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            let home = Home::at(at("home"), fs::metadata(folder.path()).unwrap().uid());
            for digit in ['a', 'b', 'c'] {
                home.keys().write_new(&id(digit), format!("key {digit}").as_bytes()).unwrap();
            }
            write(&home.identity_path(), "identity", 0o600);
            write(&at("named"), "named", 0o600);
            write(&at("config/sops/age/keys.txt"), "sops", 0o600);
            let variables = Variables::from_pairs([
                ("SOPS_AGE_KEY", "variable".into()),
                ("SOPS_AGE_KEY_FILE", at("named").into_os_string()),
                ("XDG_CONFIG_HOME", at("config").into_os_string()),
            ]);
            Self { folder, home, variables, ask: Arc::new(Nobody) }
        }

        fn ring(&self) -> Keyring<'_> {
            Keyring { home: &self.home, variables: &self.variables, ask: &self.ask }
        }

        fn texts(&self, preferred: Option<&KeyId>) -> Vec<String> {
            let text = |tried: Result<Candidate, KeyringError>| match tried {
                Ok(candidate) => String::from_utf8(candidate.text.to_vec()).unwrap(),
                Err(error) => format!("{:?}", error.origin),
            };
            self.ring().candidates(preferred).map(text).collect()
        }
    }

    #[test]
    fn the_key_that_fits_comes_first_and_none_comes_twice() {
        let machine = Machine::new();
        let between = ["variable", "named", "identity", "sops"];
        assert_eq!(
            machine.texts(Some(&id('b'))),
            [&["key b"], between.as_slice(), &["key a", "key c"]].concat()
        );
        assert_eq!(
            machine.texts(None),
            [between.as_slice(), &["key a", "key b", "key c"]].concat()
        );
        assert_eq!(machine.texts(Some(&id('f'))), machine.texts(None));
    }

    #[test]
    fn a_bare_machine_has_no_key_and_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"), 0);
        let variables = Variables::from_pairs([("HOME", folder.path())]);
        let ask: Arc<dyn Ask> = Arc::new(Nobody);
        let ring = Keyring { home: &home, variables: &variables, ask: &ask };
        assert_eq!(ring.further(&["ssh-rsa AAAA", "age1x"]).count(), 0);
        assert_eq!(ring.candidates(Some(&id('a'))).count(), 0);
    }

    #[test]
    fn nothing_is_read_before_it_is_asked_for() {
        let machine = Machine::new();
        let preferred = id('a');
        let mut candidates = machine.ring().candidates(Some(&preferred));
        assert_eq!(candidates.next().unwrap().unwrap().text.as_slice(), b"key a");
        // Were the next places read already, this would have no effect.
        write(&machine.folder.path().join("named"), "later", 0o600);
        machine.home.keys().write_new(&id('d'), b"key d").unwrap();
        let rest: Vec<_> = candidates.map(|tried| tried.unwrap().text.to_vec()).collect();
        assert!(rest.contains(&b"later".to_vec()) && rest.contains(&b"key d".to_vec()));
    }

    #[test]
    fn a_refused_place_is_reported_and_the_others_are_tried() {
        let machine = Machine::new();
        let named = machine.folder.path().join("named");
        fs::remove_file(&named).unwrap();
        let loose = machine.home.keys().path_of(&id('a'));
        fs::set_permissions(&loose, fs::Permissions::from_mode(0o640)).unwrap();

        let tried: Vec<_> = machine.ring().candidates(Some(&id('a'))).collect();
        let errors: Vec<_> = tried.iter().filter_map(|tried| tried.as_ref().err()).collect();
        assert_eq!((tried.len(), errors.len()), (7, 2));
        assert!(matches!(
            &errors[0],
            KeyringError {
                origin: KeyOrigin::Environment { .. },
                source: PrivateError::Loose { path, found: 0o640, required: 0o600 },
            } if *path == loose
        ));
        assert!(matches!(
            &errors[1],
            KeyringError {
                origin: KeyOrigin::VariableFile { path },
                source: PrivateError::File(FileError::NotFound { .. }),
            } if *path == named
        ));

        fs::set_permissions(machine.home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let texts: Vec<_> = machine.ring().candidates(None).filter_map(Result::ok).collect();
        let origins: Vec<_> = texts.iter().map(|candidate| candidate.origin.to_string()).collect();
        assert_eq!(texts.len(), 2, "{origins:?}");
        assert_eq!(origins[0], "the variable `SOPS_AGE_KEY`");
    }

    #[test]
    fn keys_stand_on_lines_of_a_file_and_in_a_variable_also_between_blanks() {
        let [a, b] = [(); 2].map(|()| Identity::generate());
        let text = |identity: &Identity| {
            let file = identity.print_file(None, jiff::Timestamp::UNIX_EPOCH);
            file.lines().last().unwrap().to_owned()
        };
        let candidate = |origin: KeyOrigin, text: String| {
            let found = Candidate { origin, text: Zeroizing::new(text.into_bytes()) }.identities();
            let found =
                found?.iter().map(|key| key.recipient().unwrap().as_str().to_owned()).collect();
            Ok::<Vec<_>, IdentityError>(found)
        };
        let file = || KeyOrigin::Sops { path: "keys.txt".into() };
        let keys = [&a, &b].map(|key| key.recipient().unwrap().as_str().to_owned());
        let lines = format!("# two\n\n{}\n{}\n", text(&a), text(&b));
        let words = format!(" {}\t{} ", text(&a), text(&b));

        assert_eq!(candidate(file(), lines.clone()).unwrap(), keys);
        assert_eq!(candidate(KeyOrigin::Variable, lines).unwrap(), keys);
        assert_eq!(candidate(KeyOrigin::Variable, words.clone()).unwrap(), keys);
        assert_eq!(candidate(file(), words).unwrap_err(), IdentityError::Line { line: 1 });
        for wrong in ["CANARY", "# CANARY"] {
            let wrong = || format!("{}\n{wrong}-x y", text(&a));
            assert!(matches!(
                candidate(KeyOrigin::Variable, wrong() + "\nCANARY").unwrap_err(),
                IdentityError::Line { .. }
            ));
        }
        let bytes = Zeroizing::new(vec![0xff]);
        let error = Candidate { origin: KeyOrigin::Variable, text: bytes }.identities();
        assert_eq!(error.unwrap_err(), IdentityError::NotText);
    }

    #[test]
    fn debug_and_origin_show_no_text() {
        let machine = Machine::new();
        for tried in machine.ring().candidates(None) {
            let candidate = tried.unwrap();
            let shown = format!("{candidate:?} {}", candidate.origin);
            let text = candidate.text.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
            assert!(!shown.contains(&text), "{shown}");
            assert!(!shown.contains("key a"), "{shown}");
        }
    }
}

//! The Secret Service of a desktop session, over D-Bus.
//!
//! The blocking client is used. Below it zbus drives its own socket on a thread
//! of its own with the `async-io` executor, which begins with [`connect`] and
//! ends with the process, or with the connection before that.
//!
//! Rules:
//! - The bus is the one that our variables name, and only over a local socket:
//!   an address that would start a program or reach another machine is refused.
//! - What travels over the bus is encrypted for the service (a Diffie-Hellman
//!   session), so that a log of the bus holds no key.
//! - A locked keychain is unlocked only where there is a screen to ask on.
//! - Of the service's errors the name is said, never the text.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr as _;

use secret_service::blocking::{Collection, Item, SecretService};
use secret_service::{EncryptionType, Error};
use unspoken_model::shown;
use zbus::DBusError as _;
use zbus::address::transport::{Transport, Unix, UnixSocket};
use zbus::blocking::connection::Builder;
use zeroize::Zeroizing;

use super::KeychainError;
use super::patience::Clock;
use crate::Variables;
use crate::env_vars::{DBUS_SESSION_BUS_ADDRESS, DISPLAY, WAYLAND_DISPLAY, XDG_RUNTIME_DIR};

/// Where the session bus is, and whether a person could be asked.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    bus: Bus,
    has_screen: bool,
}

#[derive(Clone, Debug)]
enum Bus {
    /// The text of an address.
    Named(String),
    /// The usual socket in the folder of the session.
    Usual(std::path::PathBuf),
    NotText,
    Nowhere,
}

impl Reach {
    pub(super) fn of(variables: &Variables) -> Self {
        let bus = match variables.text(DBUS_SESSION_BUS_ADDRESS) {
            Ok(Some(address)) => Bus::Named(address.to_owned()),
            Err(_) => Bus::NotText,
            Ok(None) => match variables.path(XDG_RUNTIME_DIR) {
                Some(folder) if folder.is_absolute() => Bus::Usual(folder.join("bus")),
                _ => Bus::Nowhere,
            },
        };
        let has_screen = variables.is_set(DISPLAY) || variables.is_set(WAYLAND_DISPLAY);
        Self { bus, has_screen }
    }

    fn address(&self) -> Result<zbus::Address, KeychainError> {
        match &self.bus {
            Bus::Named(list) => list.split(';').find_map(local).ok_or(KeychainError::OtherBus),
            Bus::Usual(path) if path.exists() => {
                Ok(Transport::Unix(Unix::new(UnixSocket::File(path.clone()))).into())
            }
            Bus::NotText => Err(KeychainError::OtherBus),
            Bus::Usual(_) | Bus::Nowhere => Err(KeychainError::NoBus),
        }
    }
}

/// Reads one address, if it is a socket that can be connected to.
fn local(text: &str) -> Option<zbus::Address> {
    let address = zbus::Address::from_str(text).ok()?;
    match address.transport() {
        Transport::Unix(unix) => match unix.path() {
            UnixSocket::File(path) => Path::is_absolute(path).then_some(address),
            #[cfg(target_os = "linux")]
            UnixSocket::Abstract(_) => Some(address),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn read(
    reach: &Reach,
    entry: &str,
    clock: &Clock,
) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
    let service = connect(reach)?;
    let Some(item) = find(&service, reach, entry, clock)? else { return Ok(None) };
    let text = item.get_secret().map_err(during("give a key"))?;
    Ok(Some(Zeroizing::new(text)))
}

pub(super) fn put(
    reach: &Reach,
    entry: &str,
    label: &str,
    text: &[u8],
    clock: &Clock,
) -> Result<(), KeychainError> {
    const TYPE: &str = "text/plain";
    let service = connect(reach)?;
    if let Some(item) = find(&service, reach, entry, clock)? {
        return item.set_secret(text, TYPE).map_err(during("take a key"));
    }
    let collection = default(&service)?.ok_or(KeychainError::NoCollection)?;
    unlock(reach, &collection, clock)?;
    // In place of one that somebody else has put there meanwhile.
    let item = collection.create_item(label, attributes(entry), text, true, TYPE);
    item.map(drop).map_err(during("take a key"))
}

pub(super) fn remove(reach: &Reach, entry: &str, clock: &Clock) -> Result<(), KeychainError> {
    let service = connect(reach)?;
    match find(&service, reach, entry, clock)? {
        Some(item) => item.delete().map_err(during("remove a key")),
        None => Ok(()),
    }
}

fn connect(reach: &Reach) -> Result<SecretService<'static>, KeychainError> {
    let bus = |error: zbus::Error| KeychainError::Bus { reason: said(&error) };
    let connection = Builder::address(reach.address()?).and_then(Builder::build).map_err(bus)?;
    SecretService::connect_with_existing(EncryptionType::Dh, connection)
        .map_err(during("open a session"))
}

fn attributes(entry: &str) -> HashMap<&str, &str> {
    HashMap::from([("application", "unspoken"), ("key", entry)])
}

/// Finds an entry in any collection, and unlocks it.
fn find<'s>(
    service: &'s SecretService<'_>,
    reach: &Reach,
    entry: &str,
    clock: &Clock,
) -> Result<Option<Item<'s>>, KeychainError> {
    let found = search(service, entry)?;
    if let Some(item) = found {
        unlock(reach, &item, clock)?;
        return Ok(Some(item));
    }
    // Some services do not know what they have until they are unlocked.
    match default(service)? {
        Some(collection) if collection.is_locked().map_err(during("answer"))? => {
            unlock(reach, &collection, clock)?;
            search(service, entry)
        }
        _ => Ok(None),
    }
}

fn search<'s>(
    service: &'s SecretService<'_>,
    entry: &str,
) -> Result<Option<Item<'s>>, KeychainError> {
    let found = service.search_items(attributes(entry)).map_err(during("search"))?;
    let mut items: Vec<Item<'s>> = found.unlocked.into_iter().chain(found.locked).collect();
    let count = items.len();
    match items.pop() {
        Some(item) if count == 1 => Ok(Some(item)),
        None => Ok(None),
        Some(_) => Err(KeychainError::Ambiguous { entry: entry.to_owned(), count }),
    }
}

fn default<'s>(service: &'s SecretService<'_>) -> Result<Option<Collection<'s>>, KeychainError> {
    match service.get_default_collection() {
        Ok(collection) => Ok(Some(collection)),
        Err(Error::NoResult) => Ok(None),
        Err(error) => Err(during("answer")(error)),
    }
}

/// What has a lock.
trait Locked {
    fn is_locked(&self) -> Result<bool, Error>;
    fn unlock(&self) -> Result<(), Error>;
}

impl Locked for Item<'_> {
    fn is_locked(&self) -> Result<bool, Error> {
        Item::is_locked(self)
    }

    fn unlock(&self) -> Result<(), Error> {
        Item::unlock(self)
    }
}

impl Locked for Collection<'_> {
    fn is_locked(&self) -> Result<bool, Error> {
        Collection::is_locked(self)
    }

    fn unlock(&self) -> Result<(), Error> {
        Collection::unlock(self)
    }
}

/// Unlocks what is locked, if somebody can be asked.
fn unlock(reach: &Reach, locked: &impl Locked, clock: &Clock) -> Result<(), KeychainError> {
    if !locked.is_locked().map_err(during("answer"))? {
        return Ok(());
    }
    if !reach.has_screen {
        return Err(KeychainError::Locked);
    }
    clock.asking();
    locked.unlock().map_err(during("unlock"))?;
    match locked.is_locked() {
        Ok(false) => Ok(()),
        Ok(true) => Err(KeychainError::Dismissed),
        Err(error) => Err(during("answer")(error)),
    }
}

/// Words what went wrong in an operation.
fn during(operation: &'static str) -> impl Fn(Error) -> KeychainError {
    move |error| failed(operation, &error)
}

fn failed(operation: &'static str, error: &Error) -> KeychainError {
    let name = match error {
        Error::Locked => return KeychainError::Locked,
        Error::Prompt | Error::PromptDisconnected => return KeychainError::Dismissed,
        Error::Unavailable => return KeychainError::NoService,
        Error::Zbus(error) => said(error),
        Error::ZbusFdo(error) => error.name().to_string(),
        _ => "the answer is not understood".to_owned(),
    };
    let of_bus = |kind: &str| name == format!("org.freedesktop.DBus.Error.{kind}");
    if of_bus("ServiceUnknown")
        || of_bus("NameHasNoOwner")
        || name.starts_with("org.freedesktop.DBus.Error.Spawn.")
    {
        return KeychainError::NoService;
    }
    if name == "org.freedesktop.Secret.Error.IsLocked" {
        return KeychainError::Locked;
    }
    KeychainError::Call { operation, reason: shown(&name) }
}

/// A D-Bus error's name, or the system's words.
fn said(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, _, _) => name.to_string(),
        zbus::Error::FDO(error) => error.name().to_string(),
        zbus::Error::InputOutput(error) | zbus::Error::Connection(error, _) => error.to_string(),
        _ => "the answer is not understood".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(pairs: &[(&str, &str)]) -> Reach {
        Reach::of(&Variables::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn only_a_socket_of_this_machine_is_a_bus() {
        #[track_caller]
        fn case(address: &str, expected: Result<&str, KeychainError>) {
            let found = reach(&[("DBUS_SESSION_BUS_ADDRESS", address)]).address();
            let expected = expected.map(str::to_owned);
            assert_eq!(found.map(|address| address.to_string()), expected, "{address}");
        }

        let other = || Err(KeychainError::OtherBus);
        case("unix:path=/run/bus", Ok("unix:path=/run/bus"));
        case("tcp:host=a,port=1;unix:path=/run/bus", Ok("unix:path=/run/bus"));
        case("unix:path=bus", other());
        case("unix:tmpdir=/tmp", other());
        case("unixexec:path=/bin/touch,argv1=started", other());
        case("tcp:host=127.0.0.1,port=1", other());
        case("autolaunch:", other());
        case("disabled:", other());
        case("\u{1b}[2J", other());
    }

    #[test]
    fn without_an_address_the_usual_socket_counts_if_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().to_str().unwrap();
        let found = || reach(&[("XDG_RUNTIME_DIR", runtime)]).address();
        assert_eq!(found(), Err(KeychainError::NoBus));
        std::fs::write(folder.path().join("bus"), "").unwrap();
        assert_eq!(found().unwrap().to_string(), format!("unix:path={runtime}/bus"));
        assert_eq!(reach(&[]).address(), Err(KeychainError::NoBus));
        assert_eq!(reach(&[("XDG_RUNTIME_DIR", "relative")]).address(), Err(KeychainError::NoBus));
    }
}

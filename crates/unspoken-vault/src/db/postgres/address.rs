//! Where a PostgreSQL is, and whether somebody else could read along on the way there.
//!
//! Rules:
//! - Without TLS it is reached on this machine alone, or where `sslmode=disable` is written out.
//! - With TLS its certificate and its name are checked, always: `require` means what `verify-full` does.

use std::net::IpAddr;
use std::path::PathBuf;

use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::tls::{Tls, TlsRootError};

/// See the top.
pub(crate) struct PostgresAddress {
    pub(crate) config: Config,
    pub(crate) tls: Option<Tls>,
    /// Whether values and passwords go over a network as they are.
    pub(crate) is_bare: bool,
}

/// Why an address is none.
#[derive(Debug, Error)]
pub(crate) enum AddressError {
    #[error("the address of the database cannot be read: it is `postgres://user@host/name`")]
    Form,
    #[error("the `sslmode` of the database is one of `verify-full`, `require` and `disable`")]
    Mode,
    #[error("without TLS, which `sslmode=disable` says, there is no `sslrootcert`")]
    Idle,
    #[error(transparent)]
    Root(#[from] TlsRootError),
}

impl PostgresAddress {
    /// Reads an address, and the certificates that it names.
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        let (rest, wish) = Wish::take(url)?;
        let mut config: Config = rest.parse().map_err(|_| AddressError::Form)?;
        let is_near = is_near(&config);
        let wants_tls = match wish.mode.as_deref() {
            None => wish.roots.is_some() || !is_near,
            Some("require" | "verify-full") => true,
            Some("disable") if wish.roots.is_some() => return Err(AddressError::Idle),
            Some("disable") => false,
            Some(_) => return Err(AddressError::Mode),
        };
        // Never `prefer`, which whoever is in between can turn into none.
        config.ssl_mode(if wants_tls { SslMode::Require } else { SslMode::Disable });
        let tls = wants_tls.then(|| Tls::new(wish.roots.as_deref())).transpose()?;
        Ok(Self { config, is_bare: tls.is_none() && !is_near, tls })
    }
}

/// What is said of TLS.
#[derive(Debug, Default)]
struct Wish {
    mode: Option<String>,
    roots: Option<PathBuf>,
}

impl Wish {
    /// Takes it out of an address, whose reader does not know all of it.
    fn take(url: &str) -> Result<(String, Self), AddressError> {
        let schemes = ["postgres://", "postgresql://"];
        if !schemes.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(AddressError::Form);
        }
        // A question mark may stand in a password.
        let (user, place) = match url.split_once('@') {
            Some((user, place)) => (format!("{user}@"), place),
            None => (String::new(), url),
        };
        let Some((place, query)) = place.split_once('?') else {
            return Ok((url.to_owned(), Self::default()));
        };
        let mut wish = Self::default();
        let mut others = Vec::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').ok_or(AddressError::Form)?;
            let is_first = match name {
                "sslmode" => wish.mode.replace(decoded(value)?).is_none(),
                "sslrootcert" => wish.roots.replace(decoded(value)?.into()).is_none(),
                _ => {
                    others.push(pair);
                    true
                }
            };
            if !is_first {
                return Err(AddressError::Form);
            }
        }
        // That is how one says that the system's certificates are meant, which they are.
        wish.roots = wish.roots.filter(|path| path.as_os_str() != "system");
        let mark = if others.is_empty() { "" } else { "?" };
        Ok((format!("{user}{place}{mark}{}", others.join("&")), wish))
    }
}

/// Whether all that it leads to is on this machine.
fn is_near(config: &Config) -> bool {
    let hosts = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
    });
    hosts && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// Undoes `%41`.
fn decoded(text: &str) -> Result<String, AddressError> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or(AddressError::Form)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| AddressError::Form)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_reached_unless_it_is_written_out() {
        #[track_caller]
        fn case(url: &str, tls: bool, bare: bool) {
            let read = PostgresAddress::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!((read.tls.is_some(), read.is_bare), (tls, bare), "{url}");
            let expected = if tls { SslMode::Require } else { SslMode::Disable };
            assert_eq!(read.config.get_ssl_mode(), expected, "{url}");
        }
        case("postgres://vault@127.0.0.1/vault", false, false);
        case("postgres://vault@localhost:5432/vault", false, false);
        case("postgres://vault@[::1]/vault", false, false);
        case("postgres://vault@%2Frun%2Fpostgresql/vault", false, false);
        case("postgresql://vault@db.example/vault", true, false);
        case("postgres://vault@10.0.0.1/vault", true, false);
        case("postgres://vault@db.example/vault?sslmode=require", true, false);
        case(
            "postgres://vault@localhost/vault?sslmode=verify-full&sslrootcert=system",
            true,
            false,
        );
        case("postgres://vault@db.example/vault?sslmode=disable", false, true);
        case("postgres://vault@localhost/vault?sslmode=disable", false, false);
        case("postgres://v:a?b@db.example/vault?sslmode=%64isable&connect_timeout=3", false, true);
        // What is spelt so that we do not see it changes nothing.
        case("postgres://vault@db.example/vault?ssl%6Dode=disable", true, false);
        // One that is far among those that are near; and a name that leads elsewhere.
        case("postgres://vault@localhost,db.example/vault", true, false);
        case("postgres://vault@localhost/vault?hostaddr=10.0.0.1", true, false);
        case("postgres://vault@localhost/vault?host=db.example", true, false);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        #[track_caller]
        fn case(query: &str, expected: &str) {
            let url = format!("postgres://vault@db.example/vault?{query}");
            let error = PostgresAddress::parse(&url).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| error.contains(expected)), "{error:?}");
        }
        case("sslmode=prefer", "is one of");
        case("sslmode=verify-ca", "is one of");
        case("sslmode=", "is one of");
        case("sslmode=disable&sslmode=require", "cannot be read");
        case("sslmode=disable&sslrootcert=/ca.pem", "there is no `sslrootcert`");
        case("sslrootcert=/does/not/exist.pem", "/does/not/exist.pem");
        case("sslmode=%zz", "cannot be read");
        case("sslmode", "cannot be read");
        case("sslcert=/own.pem", "cannot be read");
        assert!(PostgresAddress::parse("host=db.example user=vault").is_err());
        assert!(PostgresAddress::parse("mysql://vault@localhost/vault").is_err());
    }
}

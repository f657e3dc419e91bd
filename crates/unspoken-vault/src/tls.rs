//! TLS: a certificate that is read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// A certificate and its key, in files.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Why there can be no TLS.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    #[error("`{}` cannot be read as PEM ({reason})", path.display())]
    File { path: PathBuf, reason: String },
    #[error("the certificate and the key do not fit ({0})")]
    Pair(rustls::Error),
}

/// The certificate that is shown to new connections.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
    shown: RwLock<Shown>,
}

#[derive(Clone, Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    /// When both files were changed last.
    times: [Option<SystemTime>; 2],
}

impl Certificate {
    pub(crate) fn read(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let shown = RwLock::new(files.read()?);
        Ok(Arc::new(Self { files, shown }))
    }

    /// Reads the files again if they were changed. A pair that does not fit, as while one of them is
    /// being written, changes nothing.
    pub(crate) fn refresh(&self) -> Result<bool, TlsError> {
        let known = self.shown.read().unwrap_or_else(PoisonError::into_inner).times;
        if self.files.times() == known {
            return Ok(false);
        }
        let newer = self.files.read()?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = newer;
        Ok(true)
    }

    /// What a connection is accepted with.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(TlsError::Pair)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown.key))
    }
}

impl TlsFiles {
    fn times(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key]
            .map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
    }

    fn read(&self) -> Result<Shown, TlsError> {
        let times = self.times();
        let failed = |path: &Path, reason: String| TlsError::File { path: path.to_owned(), reason };
        let certificates = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| failed(&self.certificate, error.to_string()))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| failed(&self.key, error.to_string()))?;
        let key = CertifiedKey::from_der(certificates, key, &aws_lc_rs::default_provider());
        Ok(Shown { key: Arc::new(key.map_err(TlsError::Pair)?), times })
    }
}

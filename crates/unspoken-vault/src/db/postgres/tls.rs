//! TLS to PostgreSQL, and what ties a sign-in by password to it.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore, version};
use rustls_platform_verifier::BuilderVerifierExt as _;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use crate::hazmat::{Hash, hash};

/// Makes connections to who shows a certificate for the name that was asked.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

/// Why there can be no TLS.
#[derive(Debug, Error)]
pub(crate) enum TlsRootError {
    #[error("`{}` cannot be read as certificates in PEM ({reason})", path.display())]
    File { path: PathBuf, reason: String },
    #[error("there is no certificate in `{}`", .0.display())]
    Empty(PathBuf),
    #[error("TLS cannot be set up ({0})")]
    Setup(#[from] rustls::Error),
}

impl Tls {
    /// Believes who these certificates have signed, or whom the system believes.
    pub(super) fn new(roots: Option<&Path>) -> Result<Self, TlsRootError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?;
        let builder = match roots {
            Some(path) => builder.with_root_certificates(read(path)?),
            None => builder.with_platform_verifier()?,
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

fn read(path: &Path) -> Result<RootCertStore, TlsRootError> {
    let failed = |reason: String| TlsRootError::File { path: path.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() { Err(TlsRootError::Empty(path.to_owned())) } else { Ok(roots) }
}

/// One connection that is to be made.
pub(crate) struct Connect {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// A connection that was made.
pub(crate) struct Encrypted<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Encrypted<S>;
    type TlsConnect = Connect;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Connect, InvalidDnsNameError> {
        let name = ServerName::try_from(domain)?.to_owned();
        Ok(Connect { config: Arc::clone(&self.0), name })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Connect {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let connecting = TlsConnector::from(self.config).connect(self.name, stream);
        Box::pin(async move { connecting.await.map(Encrypted) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        let (_, session) = self.0.get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        let end = shown.and_then(|certificate| end_point(certificate));
        end.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// What a sign-in is tied to (RFC 5929, `tls-server-end-point`): the certificate, by the hash that it was
/// signed with. `None` for one that has no such hash, as Ed25519.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    let algorithm = algorithm(certificate)?;
    let by = match (algorithm.strip_prefix(RSA), algorithm.strip_prefix(ECDSA)) {
        // MD5 and SHA-1 count as SHA-256.
        (Some([4 | 5 | 11]), _) | (_, Some([1] | [3, 2])) => Hash::Sha256,
        (Some([12]), _) | (_, Some([3, 3])) => Hash::Sha384,
        (Some([13]), _) | (_, Some([3, 4])) => Hash::Sha512,
        _ => return None,
    };
    Some(hash(by, certificate))
}

/// The object identifier of what a certificate was signed by.
fn algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT: u8 = 0x06;
    let (inside, _) = element(certificate, SEQUENCE)?;
    let (_, behind) = element(inside, SEQUENCE)?;
    let (algorithm, _) = element(behind, SEQUENCE)?;
    element(algorithm, OBJECT).map(|(identifier, _)| identifier)
}

/// One element of DER: what is in it, and what is behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        // As many bytes of length; no certificate needs more than three.
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(length))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A certificate as far as it is looked at.
    fn certificate(identifier: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, inside: &[u8]| {
            let length = u16::try_from(inside.len()).unwrap().to_be_bytes();
            [&[tag, 0x82], &length[..], inside].concat()
        };
        let algorithm = wrap(0x30, &wrap(0x06, identifier));
        wrap(0x30, &[wrap(0x30, &[7; 300]), algorithm, wrap(0x03, &[0; 64])].concat())
    }

    #[test]
    fn a_certificate_counts_by_the_hash_that_it_was_signed_with() {
        let rsa = |last: u8| [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last];
        let length = |identifier: &[u8]| end_point(&certificate(identifier)).map(|hash| hash.len());
        for (last, expected) in [(5, 32), (11, 32), (12, 48), (13, 64)] {
            assert_eq!(length(&rsa(last)), Some(expected), "{last}");
        }
        assert_eq!(length(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03]), Some(48));
        // Ed25519, and RSA-PSS, which says it elsewhere.
        assert_eq!(length(&[0x2b, 0x65, 0x70]), None);
        assert_eq!(length(&rsa(10)), None);
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_read_or_not(bytes in any::<Vec<u8>>(), cut in 0..400_usize) {
            let _ = end_point(&bytes);
            let whole = certificate(&bytes);
            let _ = end_point(whole.get(..cut).unwrap_or(&whole));
        }
    }
}

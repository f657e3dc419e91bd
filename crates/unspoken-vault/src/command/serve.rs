//! `unspoken-vault serve`: answers, until it is told to stop.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use super::{Ready, Where, failed};
use crate::config::Variables;
use crate::failure::Failure;
use crate::federation::Providers;
use crate::http::{Front, Proxies};
use crate::server::{Server, ServerError, Settings};
use crate::tls::TlsFiles;

/// Serve a store over HTTP
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    place: Where,

    /// The address and the port to listen at
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8750")]
    listen: SocketAddr,

    /// The certificate, with those that sign it, as PEM; it is read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The certificate's private key, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Tell what is counted, for Prometheus, at `/metrics` of this address
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,

    /// How many requests a token, and an address, may make in a second; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 500)]
    rate: u32,

    /// How people reach this vault with a browser, as `https://vault.example.com`
    ///
    /// Needed where something else stands in front of it. Otherwise it is the address to listen at.
    #[arg(long, value_name = "URL", value_parser = front)]
    url: Option<Front>,

    /// Who stands in front of this vault, such as 10.0.0.0/8: they are believed when they say who asks
    ///
    /// They say so in `X-Forwarded-For`, to which each of them has to add whom it was asked by. Give it
    /// more than once for more of them. Without it that header means nothing.
    #[arg(long = "trusted-proxy", value_name = "CIDR", value_parser = range)]
    trusted_proxies: Vec<IpNet>,

    /// A file that says by which OpenID Connect providers people can sign in, as JSON
    ///
    /// It holds no secret: a client's secret is in a file that it names, or in the systemd credential
    /// `unspoken-oidc-ID`.
    #[arg(long, value_name = "FILE")]
    oidc: Option<PathBuf>,

    /// Serve without TLS at an address that others can reach
    ///
    /// Whoever can read the network can then read values and tokens.
    #[arg(long)]
    insecure_http: bool,
}

impl Serve {
    pub(crate) fn run(self, variables: &Variables) -> Result<(), Failure> {
        let tls = self.tls_cert.zip(self.tls_key);
        let tls = tls.map(|(certificate, key)| TlsFiles { certificate, key });
        if tls.is_none() && !self.listen.ip().is_loopback() && !self.insecure_http {
            return Err(Failure::new(format!(
                "{} can be reached by others, and there is no TLS",
                self.listen
            ))
            .hint(
                "Give `--tls-cert FILE --tls-key FILE`, or listen at 127.0.0.1 behind a proxy.",
            ));
        }
        let credentials = variables.credentials.as_deref();
        let providers = self.oidc.as_ref().map(|file| Providers::read(file, credentials));
        let providers = providers.transpose().map_err(|error| {
            Failure::new(format!("people cannot sign in by providers: {error}"))
                .hint("What such a file looks like stands in docs/guide/vault-people.md.")
        })?;
        let Ready { store, runtime } = self.place.open(variables)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let is_bare = tls.is_none() && !self.listen.ip().is_loopback();
        let mut notice =
            if is_bare { " (without TLS: values and tokens can be read on the way)" } else { "" }
                .to_owned();
        if self.place.is_far_and_bare() {
            notice.push_str(" (the database without TLS: who is on the way to it can read and change what is asked)");
        }
        let settings = Settings {
            listen: self.listen,
            metrics: self.metrics,
            tls,
            rate: self.rate,
            front: self.url,
            is_traced: variables.is_traced,
            proxies: Proxies::new(self.trusted_proxies),
            providers: providers.unwrap_or_default(),
        };
        let served = runtime.block_on(async move {
            let server = Server::bind(store, settings).await?;
            // Where nobody reads this, it serves all the same.
            let _ =
                writeln!(std::io::stderr(), "listening at {scheme}://{}{notice}", server.address());
            server.run().await
        });
        served.map_err(|error: ServerError| failed(&error))
    }
}

fn front(text: &str) -> Result<Front, String> {
    Front::parse(text).ok_or_else(|| "this is no `https://host` or `http://host`".to_owned())
}

fn range(text: &str) -> Result<IpNet, &'static str> {
    let range = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let range = range.map_err(|_| "this is no address, and no range such as 10.0.0.0/8")?;
    // Who is believed whoever they are can give themselves any address.
    if range.prefix_len() == 0 { Err("this is everybody") } else { Ok(range.trunc()) }
}

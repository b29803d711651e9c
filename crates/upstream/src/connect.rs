//! Connecting: every connection is made here, and none to an address that the policy refuses.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use tokio::net::lookup_host;
use tower_service::Service;

use crate::{AddressPolicy, BoxError, SetupError, error::ConnectError};

type Inner = HttpsConnector<HttpConnector<Resolver>>;
type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Connects within a time limit: name, TCP and TLS together.
#[derive(Clone)]
pub(crate) struct Connector {
    inner: Inner,
    policy: AddressPolicy,
    limit: Duration,
}

impl Connector {
    pub(crate) fn new(
        policy: AddressPolicy,
        limit: Duration,
        ca_file: Option<&Path>,
    ) -> Result<Self, SetupError> {
        let mut http = HttpConnector::new_with_resolver(Resolver { policy: policy.clone() });
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(Duration::from_secs(60)));
        let inner = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls(ca_file)?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http);
        Ok(Self { inner, policy, limit })
    }

    /// A host that is written as an address never reaches the resolver.
    fn refuses(&self, uri: &Uri) -> bool {
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        host.parse::<IpAddr>().is_ok_and(|address| !self.policy.permits(address))
    }
}

/// TLS that trusts whom the system trusts, and the authorities of a file.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, SetupError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = match ca_file {
        Some(file) => {
            let roots = certificates(file)?;
            Verifier::new_with_extra_roots(roots, Arc::clone(&provider))
                .map_err(|error| SetupError::ca_file(file, error))?
        }
        None => Verifier::new(Arc::clone(&provider))?,
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let certificates: Vec<_> = read.map_err(|error| SetupError::ca_file(file, error))?;
    match certificates.is_empty() {
        true => Err(SetupError::ca_file(file, "there are none in it")),
        false => Ok(certificates),
    }
}

impl Service<Uri> for Connector {
    type Response = <Inner as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Boxed<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if self.refuses(&uri) {
            return Box::pin(async { Err(ConnectError::AddressRefused.into()) });
        }
        let connecting = self.inner.call(uri);
        let limit = self.limit;
        Box::pin(async move {
            tokio::time::timeout(limit, connecting)
                .await
                .unwrap_or_else(|_| Err(ConnectError::Timeout.into()))
        })
    }
}

/// Resolves names by the system, leaving out addresses that the policy refuses.
#[derive(Clone)]
pub(crate) struct Resolver {
    policy: AddressPolicy,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Boxed<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let policy = self.policy.clone();
        Box::pin(async move {
            let mut found = lookup_host((name.as_str(), 0)).await?.peekable();
            if found.peek().is_none() {
                return Err("the name has no address".into());
            }
            let permitted: Vec<SocketAddr> = found.filter(|address| policy.permits(address.ip())).collect();
            if permitted.is_empty() {
                return Err(ConnectError::AddressRefused.into());
            }
            Ok(permitted.into_iter())
        })
    }
}

//! A server with TLS, whose certificate nobody trusts but who is told to.

use std::sync::Arc;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;
use upstream::{Config, Upstream};

use crate::servers::{listen, upstream};

pub struct Secure {
    pub listener: TcpListener,
    acceptor: TlsAcceptor,
    folder: TempDir,
}

impl Secure {
    /// Listens, and offers these protocols by ALPN.
    pub async fn listen(protocols: &[&str]) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), made.cert.pem()).unwrap();
        let (listener, _) = listen().await;
        Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), folder }
    }

    pub fn url(&self) -> String {
        format!("https://{}/", self.listener.local_addr().unwrap())
    }

    /// A way out that trusts it.
    pub fn trusted(&self, change: impl FnOnce(&mut Config)) -> Upstream {
        let ca_file = self.folder.path().join("ca.pem");
        upstream(|config| {
            config.ca_file = Some(ca_file);
            change(config);
        })
    }

    /// Waits for a connection that gets through its handshake.
    pub async fn accept(&self) -> TlsStream<TcpStream> {
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return stream;
            }
        }
    }
}

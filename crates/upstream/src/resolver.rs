//! Name resolution that gives out permitted addresses only, so that what was checked is what is connected to.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::Policy;

/// Every address of a name is refused by the policy.
#[derive(Debug, thiserror::Error)]
#[error("no permitted address")]
pub(crate) struct Refused;

/// The name has no address, or the resolver cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("no address")]
pub(crate) struct Unresolved;

/// The system's resolver, with refused addresses left out.
pub(crate) struct PolicyResolver(pub(crate) Policy);

impl Resolve for PolicyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0.clone();
        Box::pin(async move {
            // The client puts the URL's port in place of this one.
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| Unresolved)?.collect();
            if found.is_empty() {
                return Err(Unresolved.into());
            }
            let permitted: Vec<SocketAddr> =
                found.into_iter().filter(|address| policy.permits(address.ip())).collect();
            if permitted.is_empty() {
                return Err(Refused.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

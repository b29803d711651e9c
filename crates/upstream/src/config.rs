//! What the way out allows: time limits, addresses, sizes.

use std::time::Duration;

use ipnet::IpNet;

/// Limits of [`crate::Upstream`].
#[derive(Debug, Clone)]
pub struct Config {
    /// How long name resolution, TCP and TLS may take together.
    pub connect_timeout: Duration,
    /// How long the answer's head may take, from the moment the request (or its body's latest chunk) was handed over.
    pub first_byte_timeout: Duration,
    /// How long each further chunk of the answer's body may take.
    pub idle_timeout: Duration,
    /// Networks that may be reached although they are not public.
    pub allow: Vec<IpNet>,
    /// The most bytes [`crate::Response::bytes`] keeps in memory.
    pub body_limit: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            allow: Vec::new(),
            body_limit: 64 << 20,
        }
    }
}

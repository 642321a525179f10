//! The origin of a request: the address of the caller, also behind proxies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

use super::CallerLimits;
use crate::address::{caller_network, find_caller};
use crate::connections::Connection;

/// Where a request comes from.
#[derive(Clone)]
pub(crate) struct Origin {
    /// The caller's; none where there is no network, as in tests of the router.
    pub(crate) address: Option<IpAddr>,
    pub(super) connection: Option<Arc<Connection>>,
}

impl Origin {
    pub(crate) fn from_request(
        headers: &HeaderMap,
        extensions: &Extensions,
        limits: &CallerLimits,
    ) -> Self {
        let peer = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(peer)| peer.ip().to_canonical());
        let address = peer.map(|peer| find_caller(peer, headers, &limits.trusted_proxies));
        Self { address, connection: extensions.get::<Arc<Connection>>().cloned() }
    }

    pub(super) fn network(&self) -> Option<IpAddr> {
        self.address.map(caller_network)
    }

    /// The caller has shown a key that is known.
    pub(crate) fn trust(&self) {
        self.connection.iter().for_each(|connection| connection.trust());
    }
}

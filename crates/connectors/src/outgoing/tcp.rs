//! Connections that are not HTTP.

use std::net::SocketAddr;

use activation::Failure;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::policy::Reach;
use super::{CONNECT_TIME_MAX, Outgoing};

impl Outgoing {
    /// Connects to a host by name or address: to the public internet and allowed networks where
    /// what is sent will be encrypted, else to allowed networks only.
    ///
    /// # Errors
    /// If no address of the host may be reached, or none answers in time.
    pub(crate) async fn connect_tcp(
        &self,
        host: &str,
        port: u16,
        is_encrypted: bool,
    ) -> Result<TcpStream, Failure> {
        let reach = if is_encrypted { Reach::PublicAndAllowed } else { Reach::AllowedOnly };
        let failed = |text: String| Failure::Retry {
            reason: "no_connection".to_owned(),
            text,
            after_ms: None,
            is_outage: true,
        };
        let host = host.trim_matches(['[', ']']);
        let found = timeout(CONNECT_TIME_MAX, tokio::net::lookup_host((host, port))).await;
        let found: Vec<SocketAddr> = match found {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(error)) => return Err(failed(format!("{host}: {error}"))),
            Err(_) => return Err(failed(format!("{host}: its address was not found in time"))),
        };
        let mut last = failed(format!("{host} has no address"));
        for address in found {
            if let Err(why) = self.policy.check(address.ip(), reach) {
                last = Failure::Permanent { reason: "refused_address".to_owned(), text: why };
                continue;
            }
            match timeout(CONNECT_TIME_MAX, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true).ok();
                    return Ok(stream);
                }
                Ok(Err(error)) => last = failed(format!("{address}: {error}")),
                Err(_) => last = failed(format!("{address} did not answer in time")),
            }
        }
        Err(last)
    }

    /// How connections are encrypted: as those of HTTP, with the same authorities.
    pub(crate) fn tls(&self) -> &rustls::ClientConfig {
        &self.tls
    }
}

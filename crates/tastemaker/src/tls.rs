//! The certificate of a server, if any.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use arc_swap::ArcSwap;
use fs_err as fs;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use web::Tls;

/// How often the files are looked at for a new certificate.
pub(crate) const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// The options for TLS.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct TlsArgs {
    /// Serve https with this certificate chain (PEM): on --listen-tls if it is given, else on
    /// --listen
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "tls_self_signed")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Serve https with a self-signed certificate, created in DIR/tls; for development only
    #[arg(long)]
    tls_self_signed: bool,
}

impl TlsArgs {
    /// Whether https is requested.
    pub(crate) fn has_certificate(&self) -> bool {
        self.tls_cert.is_some() || self.tls_self_signed
    }

    /// The certificate of https and its key, read once; none where http is served. `data` is the
    /// data folder.
    pub(crate) fn files(&self, data: &Path, listen: IpAddr) -> Result<Option<TlsFiles>> {
        let (certificate, key) = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
            _ if self.tls_self_signed => self_signed(&data.join("tls"), listen)?,
            _ => return Ok(None),
        };
        let files = TlsFiles { certificate, key };
        files.read()?;
        Ok(Some(files))
    }
}

/// Where the certificate and its key are.
#[derive(Clone)]
pub(crate) struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
}

impl TlsFiles {
    pub(crate) fn read(&self) -> Result<Arc<ServerConfig>> {
        let Self { certificate, key } = self;
        let chain = CertificateDer::pem_slice_iter(&fs::read(certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| format!("cannot read {} as PEM", certificate.display()))?;
        if chain.is_empty() {
            bail!("{} holds no certificate", certificate.display());
        }
        let private = PrivateKeyDer::from_pem_slice(&fs::read(key)?)
            .with_context(|| format!("{} holds no private key in PEM", key.display()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .with_context(|| {
                format!("{} and {} do not go together", certificate.display(), key.display())
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// When the files were last written; none where one of them is missing.
    fn written_at(&self) -> Option<[SystemTime; 2]> {
        let at = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        Some([at(&self.certificate)?, at(&self.key)?])
    }

    /// The configuration of https, made anew when the files change. New files that cannot be used
    /// change nothing.
    pub(crate) fn watch(self, interval: Duration) -> Result<Tls> {
        let mut seen = self.written_at();
        let tls = Arc::new(ArcSwap::new(self.read()?));
        let in_use = Arc::clone(&tls);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(interval);
            loop {
                ticks.tick().await;
                let now = self.written_at();
                // A moment in which one of them is missing, or in which they do not go together
                // yet, is no reason to stop.
                if now.is_none() || now == seen {
                    continue;
                }
                match self.read() {
                    Ok(config) => {
                        in_use.store(config);
                        seen = now;
                        tracing::info!(certificate = %self.certificate.display(), "the certificate was read anew");
                    }
                    Err(error) => {
                        tracing::warn!(
                            error = format!("{error:#}"),
                            "the new certificate cannot be used yet"
                        )
                    }
                }
            }
        });
        Ok(tls)
    }
}

/// The files of our own certificate, made where they are missing; clients may be told to trust it.
fn self_signed(folder: &Path, listen: IpAddr) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    if !certificate.exists() || !key.exists() {
        let names =
            ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), listen.to_string()];
        let made =
            rcgen::generate_simple_self_signed(names).context("cannot make a certificate")?;
        fs::create_dir_all(folder)?;
        fs::write(&key, made.signing_key.serialize_pem())?;
        fs::write(&certificate, made.cert.pem())?;
    }
    Ok((certificate, key))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_renewed_certificate_is_used_and_a_wrong_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let make = || self_signed(folder.path(), IpAddr::from([127, 0, 0, 1]));
        let (certificate, key) = make().expect("a certificate can be made");
        let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
        let tls = files.watch(Duration::from_millis(10)).expect("it has just been made");
        let first = tls.load_full();
        let of_first = fs::read(&certificate).expect("it is there");

        // Files are written one after the other: for a moment they do not go together.
        let other = tempfile::tempdir().expect("a folder can be made");
        let (new_certificate, new_key) = self_signed(other.path(), IpAddr::from([127, 0, 0, 1]))
            .expect("a certificate can be made");
        fs::copy(&new_certificate, &certificate).expect("it can be written");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(
            Arc::ptr_eq(&tls.load_full(), &first),
            "the old pair is shown until the new one is whole"
        );
        fs::copy(&new_key, &key).expect("it can be written");
        let begun = Instant::now();
        while Arc::ptr_eq(&tls.load_full(), &first) {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "the new certificate is never shown"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let second = tls.load_full();
        fs::write(&certificate, "nonsense").expect("it can be written");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(Arc::ptr_eq(&tls.load_full(), &second));
        fs::write(&certificate, of_first).expect("it can be written");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(Arc::ptr_eq(&tls.load_full(), &second), "it does not go with the key");
    }
}

//! The HTTP clients: two for the process, so that connections and TLS sessions are kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::guard::PublicOnly;
use super::roots::Roots;
use crate::platform::Env;
use upload_grant::model::problem::{Code, Problem};

/// The PEM file of further root certificates that `SSL_CERT_FILE` names; a fault if it cannot be read.
pub fn extra_roots(env: &mut Env) -> Option<String> {
    let file = env.get("SSL_CERT_FILE")?;
    if CertificateDer::pem_file_iter(&file).is_err() {
        env.fault("SSL_CERT_FILE", "is a file that cannot be read");
        return None;
    }
    Some(file)
}

/// A client as [`builder`] makes it: for vendors and stores, and for what the operator named.
///
/// # Errors
/// `internal` if the TLS configuration cannot be built.
pub fn client(extra_roots: Option<&str>) -> Result<reqwest::Client, Problem> {
    builder(extra_roots)?.build().map_err(|_| fault())
}

/// The same, but it resolves no private address: for what others name.
///
/// # Errors
/// `internal` if the TLS configuration cannot be built.
pub fn public_client(extra_roots: Option<&str>) -> Result<reqwest::Client, Problem> {
    builder(extra_roots)?.dns_resolver(Arc::new(PublicOnly)).build().map_err(|_| fault())
}

/// The same for a store of ours: a connection is made within `limit`, or not at all.
///
/// # Errors
/// `internal` if the TLS configuration cannot be built.
pub(crate) fn store_client(extra_roots: Option<&str>, limit: Duration) -> Result<reqwest::Client, Problem> {
    builder(extra_roots)?.connect_timeout(limit).build().map_err(|_| fault())
}

/// A client on rustls with ring and the web PKI's roots, plus those in the PEM file `extra_roots`
/// (`SSL_CERT_FILE`). It follows no redirect and reads no proxy setting.
///
/// # Errors
/// `internal` if the TLS configuration cannot be built.
fn builder(extra_roots: Option<&str>) -> Result<reqwest::ClientBuilder, Problem> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Roots::new(extra_roots, provider.clone());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| fault())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(roots))
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        // A proxy of the environment would stand between us and the addresses that were checked.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("upload-grant/", env!("CARGO_PKG_VERSION"))))
}

fn fault() -> Problem {
    Problem::new(Code::Internal, "the TLS client cannot be built")
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// `vendor_bad_response` if it is longer, `vendor_unavailable` if it breaks off.
pub async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
            Ok(Some(_)) => {
                return Err(Problem::new(Code::VendorBadResponse, "the vendor's answer is far too long"));
            }
            Ok(None) => return Ok(body.freeze()),
            Err(_) => return Err(Problem::new(Code::VendorUnavailable, "the vendor's answer broke off")),
        }
    }
}

//! Whom TLS trusts, read when the first certificate is to be checked: a bundle of a hundred costs as much as the rest of
//! a start, and a start makes no call.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// The web PKI's roots and those of a PEM file, behind rustls' own verifier, which does all of the checking.
#[derive(Debug)]
pub(super) struct Roots {
    extra: Option<PathBuf>,
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Arc<WebPkiServerVerifier>>,
}

impl Roots {
    /// The web PKI's, and those in the PEM file `extra`; of a file that cannot be read by then, none.
    pub(super) fn new(extra: Option<&str>, provider: Arc<CryptoProvider>) -> Self {
        Self { extra: extra.map(PathBuf::from), provider, verifier: OnceLock::new() }
    }

    fn verifier(&self) -> Result<&WebPkiServerVerifier, Error> {
        if let Some(verifier) = self.verifier.get() {
            return Ok(verifier);
        }
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let extra = self.extra.as_ref().and_then(|file| CertificateDer::pem_file_iter(file).ok());
        roots.add_parsable_certificates(extra.into_iter().flatten().filter_map(Result::ok));
        let built = WebPkiServerVerifier::builder_with_provider(roots.into(), self.provider.clone()).build();
        let built = built.map_err(|error| Error::General(error.to_string()))?;
        Ok(self.verifier.get_or_init(|| built))
    }
}

impl ServerCertVerifier for Roots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

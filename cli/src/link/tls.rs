//! Whom the tool trusts behind `wss://`: the system's authorities, or those of a file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::outcome::Failure;

pub(super) fn config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, Failure> {
    let roots = match ca {
        Some(file) => of_file(file)?,
        None => of_system()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::Io(format!("TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn of_file(file: &Path) -> Result<RootCertStore, Failure> {
    let failed = |why: &dyn std::fmt::Display| Failure::Io(format!("{}: {why}", file.display()));
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    if roots.is_empty() {
        return Err(failed(&"no certificate in PEM format"));
    }
    Ok(roots)
}

fn of_system() -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    // Systems have certificates that nobody can read any more; the rest is used.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let text = "the system has no trusted certificates; give a file of them with --ca";
        return Err(Failure::Io(text.to_owned()));
    }
    Ok(roots)
}

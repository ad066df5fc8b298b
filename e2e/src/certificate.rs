//! Certificates for servers and clients under test, signed by an authority made for them.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// The certificate of an authority, and the means to sign by it.
pub(crate) fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = parameters(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), Issuer::new(params, key))
}

/// A certificate for these hosts, and its key.
pub(crate) fn leaf(
    name: &str,
    hosts: &[&str],
    issuer: &Issuer<'static, KeyPair>,
) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let certificate = parameters(name, hosts).signed_by(&key, issuer);
    (
        certificate.expect("a certificate").pem(),
        key.serialize_pem(),
    )
}

fn parameters(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("names and addresses");
    // Java tells authority and broker apart by their names.
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

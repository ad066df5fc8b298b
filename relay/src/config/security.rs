//! How the relay proves itself to brokers and they to it: one configuration, read and checked once,
//! behind every Kafka client of the relay. Files are read at start, so that a wrong one stops it.

use std::{fmt, sync::Arc};

use clap::Args;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::{reader::Reader, value::Brokers};

/// The options, under the names of DashFlow's variables.
#[derive(Clone, Debug, Args)]
pub struct SecurityOptions {
    /// Protocol to the brokers: plaintext, ssl, sasl_plaintext or sasl_ssl.
    #[arg(long, env, global = true, default_value = "plaintext")]
    pub kafka_security_protocol: String,

    /// Login mechanism for sasl_plaintext and sasl_ssl: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
    #[arg(long, env, global = true, default_value = "")]
    pub kafka_sasl_mechanism: String,

    /// User name of the login.
    #[arg(long, env, global = true, default_value = "")]
    pub kafka_sasl_username: String,

    /// Password of the login. Prefer the variable: others on the machine can read the arguments of a process.
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub kafka_sasl_password: Secret,

    /// PEM file of the certificate authorities trusted for brokers. Unset: those of the system.
    #[arg(long, env, global = true, default_value = "")]
    pub kafka_ssl_ca_location: String,

    /// PEM file of the relay's own certificate and its intermediate certificates.
    #[arg(long, env, global = true, default_value = "")]
    pub kafka_ssl_certificate_location: String,

    /// PEM file of the private key of that certificate.
    #[arg(long, env, global = true, default_value = "")]
    pub kafka_ssl_key_location: String,

    /// Not supported: the key file must not be encrypted.
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub kafka_ssl_key_password: Secret,

    /// Whether a broker's certificate must contain its name: https, the only choice.
    #[arg(long, env, global = true, default_value = "https")]
    pub kafka_ssl_endpoint_algorithm: String,
}

/// Text that is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// For whoever needs it; never to be shown.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "unset" } else { "***" })
    }
}

/// What the bytes on the wire are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl Protocol {
    const ALL: [Self; 4] = [
        Self::Plaintext,
        Self::Ssl,
        Self::SaslPlaintext,
        Self::SaslSsl,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let name = text.trim().to_ascii_lowercase();
        let found = Self::ALL.into_iter().find(|known| known.name() == name);
        found.ok_or_else(|| {
            format!("\"{text}\" is none of plaintext, ssl, sasl_plaintext and sasl_ssl")
        })
    }

    const fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    const fn has_login(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// How the relay logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let name = text.trim().to_ascii_uppercase();
        if let Some(known) = Self::ALL.into_iter().find(|known| known.name() == name) {
            return Ok(known);
        }
        let supported = "PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are";
        Err(match name.as_str() {
            "" => format!(
                "is not set, and the security protocol requires a login; {supported} possible"
            ),
            "GSSAPI" | "OAUTHBEARER" => {
                format!("{name} is not supported by this relay; {supported}")
            }
            _ => format!("\"{text}\" is not a SASL mechanism; {supported} possible"),
        })
    }
}

/// What the relay logs in with.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub mechanism: Mechanism,
    pub user: String,
    password: Secret,
}

impl Login {
    /// For the client alone; never shown.
    pub fn password(&self) -> &str {
        &self.password.0
    }
}

#[derive(Clone)]
struct Tls {
    config: Arc<ClientConfig>,
    has_own_certificate: bool,
}

/// The checked configuration. What it shows of itself holds no secret, no user and no path.
#[derive(Clone)]
pub struct Security {
    protocol: Protocol,
    tls: Option<Tls>,
    login: Option<Login>,
}

impl Security {
    /// For the client, where it speaks TLS.
    pub fn tls(&self) -> Option<Arc<ClientConfig>> {
        self.tls.as_ref().map(|tls| Arc::clone(&tls.config))
    }

    /// For the client, where it logs in.
    pub fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// Whether a password crosses the network where anybody on the way can read it.
    pub fn shows_password(&self) -> bool {
        let plain = |login: &Login| login.mechanism == Mechanism::Plain;
        self.tls.is_none() && self.login.as_ref().is_some_and(plain)
    }
}

impl PartialEq for Security {
    fn eq(&self, other: &Self) -> bool {
        let same_tls = match (&self.tls, &other.tls) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(&one.config, &two.config),
            _ => false,
        };
        same_tls && self.protocol == other.protocol && self.login == other.login
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Security")
            .field("protocol", &self.protocol)
            .field(
                "mechanism",
                &self.login.as_ref().map(|login| login.mechanism),
            )
            .finish_non_exhaustive()
    }
}

impl Serialize for Security {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mechanism = self.login.as_ref().map(|login| login.mechanism.name());
        let own = self.tls.as_ref().is_some_and(|tls| tls.has_own_certificate);
        let mut fields = serializer.serialize_struct("Security", 3)?;
        fields.serialize_field("protocol", self.protocol.name())?;
        fields.serialize_field("saslMechanism", &mechanism)?;
        fields.serialize_field("clientCertificate", &own)?;
        fields.end()
    }
}

impl Reader {
    pub(super) fn security(
        &mut self,
        o: &SecurityOptions,
        brokers: Option<&Brokers>,
    ) -> Option<Security> {
        let before = self.mistakes.len();
        let protocol = self.read(
            "kafka_security_protocol",
            Protocol::parse(&o.kafka_security_protocol),
        );
        let mechanism = self.mechanism(o, protocol);
        self.login_is_whole(o, protocol);
        let tls = self.tls(o, protocol);
        if protocol.is_some_and(Protocol::has_tls) {
            self.refuse(
                "kafka_brokers",
                brokers.is_some_and(|b| b.as_slice().iter().any(|one| one.starts_with('['))),
                "a broker cannot be named by an IPv6 address with TLS; use its host name",
            );
        }
        let login = mechanism.map(|mechanism| Login {
            mechanism,
            user: o.kafka_sasl_username.clone(),
            password: o.kafka_sasl_password.clone(),
        });
        (self.mistakes.len() == before).then_some(Security {
            protocol: protocol?,
            tls,
            login,
        })
    }

    /// The mechanism where there is a login. It is told that it means nothing where there is none,
    /// so that nobody believes in a login that does not happen.
    fn mechanism(&mut self, o: &SecurityOptions, protocol: Option<Protocol>) -> Option<Mechanism> {
        let text = o.kafka_sasl_mechanism.as_str();
        if protocol.is_some_and(Protocol::has_login) || !text.trim().is_empty() {
            let parsed = self.read("kafka_sasl_mechanism", Mechanism::parse(text));
            let idle = parsed.is_some() && protocol.is_some_and(|p| !p.has_login());
            self.refuse("kafka_sasl_mechanism", idle, NO_LOGIN);
            return parsed.filter(|_| !idle);
        }
        None
    }

    fn login_is_whole(&mut self, o: &SecurityOptions, protocol: Option<Protocol>) {
        let (user, password) = (&o.kafka_sasl_username, &o.kafka_sasl_password);
        let asked = protocol.is_some_and(Protocol::has_login);
        let idle = protocol.is_some_and(|p| !p.has_login());
        let no_user = user.trim().is_empty();
        let half = "is not set, but user and password must be set together";
        let missing = "is not set, and the security protocol requires a login";
        let why = |other_given: bool| if other_given { half } else { missing };
        let user_missing = no_user && (asked || !password.is_empty());
        self.refuse(
            "kafka_sasl_username",
            user_missing,
            why(!password.is_empty()),
        );
        self.refuse("kafka_sasl_username", idle && !no_user, NO_LOGIN);
        let password_missing = password.is_empty() && (asked || !no_user);
        self.refuse("kafka_sasl_password", password_missing, why(!no_user));
        self.refuse(
            "kafka_sasl_password",
            idle && !password.is_empty(),
            NO_LOGIN,
        );
    }

    fn tls(&mut self, o: &SecurityOptions, protocol: Option<Protocol>) -> Option<Tls> {
        self.refuse(
            "kafka_ssl_key_password",
            !o.kafka_ssl_key_password.is_empty(),
            "encrypted key files are not supported; give a key file that is not encrypted",
        );
        let algorithm = o.kafka_ssl_endpoint_algorithm.trim();
        self.refuse(
            "kafka_ssl_endpoint_algorithm",
            !algorithm.eq_ignore_ascii_case("https"),
            "only https is supported: a broker's certificate must contain its name",
        );
        let files = [
            ("kafka_ssl_ca_location", &o.kafka_ssl_ca_location),
            (
                "kafka_ssl_certificate_location",
                &o.kafka_ssl_certificate_location,
            ),
            ("kafka_ssl_key_location", &o.kafka_ssl_key_location),
        ];
        if protocol.is_some_and(|p| !p.has_tls()) {
            for (id, file) in files {
                self.refuse(id, !file.trim().is_empty(), NO_TLS);
            }
        }
        let [ca, certificate, key] = files.map(|(_, file)| file.trim());
        let pair = "is not set, but certificate and key must be set together";
        self.refuse(files[1].0, certificate.is_empty() && !key.is_empty(), pair);
        self.refuse(files[2].0, key.is_empty() && !certificate.is_empty(), pair);
        if !protocol.is_some_and(Protocol::has_tls) {
            return None;
        }
        let roots = self.read(files[0].0, authorities(ca));
        let own = match (certificate.is_empty(), key.is_empty()) {
            (false, false) => {
                let certificate = self.read(files[1].0, certificates(certificate));
                let key = self.read(files[2].0, private_key(key));
                Some((certificate?, key?))
            }
            _ => None,
        };
        let has_own_certificate = own.is_some();
        let config = self.read(files[1].0, client_config(roots?, own))?;
        Some(Tls {
            config: Arc::new(config),
            has_own_certificate,
        })
    }

    fn refuse(&mut self, id: &'static str, wrong: bool, problem: &str) {
        if wrong {
            self.read::<()>(id, Err(problem.to_owned()));
        }
    }
}

const NO_LOGIN: &str =
    "has no effect: only the security protocols sasl_plaintext and sasl_ssl have a login";
const NO_TLS: &str = "has no effect: only the security protocols ssl and sasl_ssl use TLS";

fn authorities(file: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if file.is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let none = "is not set, and the system has no certificate authorities";
        return if roots.is_empty() {
            Err(none.to_owned())
        } else {
            Ok(roots)
        };
    }
    for certificate in certificates(file)? {
        let added = roots.add(certificate);
        added.map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(roots)
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let certificates: Vec<_> = read.map_err(|error| pem_problem(file, &error, "certificate"))?;
    if certificates.is_empty() {
        return Err(pem_problem(file, &pem::Error::NoItemsFound, "certificate"));
    }
    Ok(certificates)
}

fn private_key(file: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file)
        .map_err(|error| pem_problem(file, &error, "private key that is not encrypted"))
}

/// In words of our own: the library's errors quote the file, and that may be a key.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "another crate's, open to additions"
)]
fn pem_problem(file: &str, error: &pem::Error, what: &str) -> String {
    match error {
        pem::Error::Io(error) => format!("{file} cannot be read: {error}"),
        pem::Error::NoItemsFound => format!("{file} contains no PEM {what}"),
        _ => format!("{file} is not a PEM file"),
    }
}

type OwnCertificate = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn client_config(
    roots: RootCertStore,
    own: Option<OwnCertificate>,
) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    match own {
        None => Ok(builder.with_no_client_auth()),
        Some((certificates, key)) => builder
            .with_client_auth_cert(certificates, key)
            .map_err(|error| format!("certificate and key cannot be used together: {error}")),
    }
}

#[cfg(test)]
mod tests;

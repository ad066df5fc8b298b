//! One connection to one broker: TCP, TLS, login, versions, then one request and its answer at a time.
//! Whoever drops a call half way must drop the connection too; [`Connection::call`] sees to that by being
//! given it.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_wire::{Malformed, Reader};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    dial,
    error::Error,
    login::{Dialogue, Login},
    messages::{
        self, Call, api_versions,
        sasl::{Authenticate, Handshake},
    },
    settings::Settings,
    versions::{Api, Versions},
};

/// Largest answer to anything but a fetch: the metadata of a topic with 10,000 partitions takes 1 MB.
pub(crate) const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    name: String,
    client: Arc<str>,
    versions: Versions,
    correlation: i32,
    /// When the login has to be renewed.
    renew: Option<Instant>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// An answer as it came, perhaps cut short.
pub(crate) struct Raw {
    pub bytes: Bytes,
    pub is_cut: bool,
}

impl Connection {
    /// Opens one, ready for calls.
    pub(crate) async fn open(address: &str, settings: &Settings) -> Result<Self, Error> {
        let limit = settings.timeout;
        let opened = timeout(limit, Self::open_in_time(address, settings)).await;
        opened.map_err(|_| Error::Timeout(format!("{address}: no connection within {limit:?}")))?
    }

    async fn open_in_time(address: &str, settings: &Settings) -> Result<Self, Error> {
        let Some((host, port)) = dial::split(address) else {
            return Err(Error::Connect(format!(
                "{address} is not a host and a port"
            )));
        };
        let plain = dial::dial(host, port, settings.timeout).await?;
        // Small requests go out at once.
        plain
            .set_nodelay(true)
            .map_err(|error| broken(address, &error))?;
        let stream: Box<dyn Stream> = match &settings.tls {
            None => Box::new(plain),
            Some(config) => {
                let wrong = |error: &dyn fmt::Display| Error::Tls(format!("{address}: {error}"));
                let name = ServerName::try_from(host.to_owned()).map_err(|error| wrong(&error))?;
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
                let secured = connector.connect(name, plain).await;
                Box::new(secured.map_err(|error| wrong(&error))?)
            }
        };
        let mut connection = Self {
            stream,
            name: address.to_owned(),
            client: Arc::clone(&settings.client_id),
            versions: Versions::default(),
            correlation: 0,
            renew: None,
        };
        connection.versions = connection.learn_versions().await?;
        if let Some(login) = &settings.login {
            let lifetime = connection.log_in(login).await?;
            // A part early, so that the broker never has to close it.
            connection.renew = lifetime.map(|lifetime| Instant::now() + lifetime.mul_f32(0.8));
        }
        Ok(connection)
    }

    /// Whether it can be used for another call, as far as is known here.
    pub(crate) fn is_current(&self) -> bool {
        self.renew.is_none_or(|renew| Instant::now() < renew)
    }

    pub(crate) fn version(&self, api: Api, at_most: i16) -> Result<i16, Error> {
        let version = self.versions.choose(api, at_most);
        version.map_err(|text| Error::Version(format!("{}: {text}", self.name)))
    }

    /// Makes a call within `limit`.
    pub(crate) async fn call<C: Call>(
        &mut self,
        call: &C,
        limit: Duration,
    ) -> Result<C::Answer, Error> {
        let version = self.version(C::API, i16::MAX)?;
        let answered = timeout(limit, self.exchange(call, version)).await;
        answered.map_err(|_| self.silent(limit))?
    }

    /// Says that nothing came.
    pub(crate) fn silent(&self, limit: Duration) -> Error {
        Error::Timeout(format!("{}: no answer within {limit:?}", self.name))
    }

    async fn exchange<C: Call>(&mut self, call: &C, version: i16) -> Result<C::Answer, Error> {
        self.send(call, version).await?;
        let len = self.answer_len().await?;
        if len > ANSWER_BYTES_MAX {
            return Err(Malformed("an answer is too large").into());
        }
        let raw = self.receive(len, len).await?;
        Ok(self.read::<C>(version, raw.bytes)?)
    }

    /// Sends a request. Its answer is the next one.
    pub(crate) async fn send<C: Call>(&mut self, call: &C, version: i16) -> Result<(), Error> {
        self.correlation = self.correlation.wrapping_add(1);
        let request = messages::request(call, version, self.correlation, &self.client);
        let len = u32::try_from(request.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(request.len() + 4);
        bytes.extend(len.to_be_bytes());
        bytes.extend(request);
        let sent = self.stream.write_all(&bytes).await;
        sent.map_err(|error| broken(&self.name, &error))?;
        let flushed = self.stream.flush().await;
        flushed.map_err(|error| broken(&self.name, &error))
    }

    /// Waits for an answer and says how long it is.
    pub(crate) async fn answer_len(&mut self) -> Result<usize, Error> {
        let len = self.stream.read_i32().await;
        let len = len.map_err(|error| broken(&self.name, &error))?;
        if is_tls_alert(len) {
            let problem = "the broker expects TLS, and the connection is plain";
            return Err(Error::Tls(format!("{}: {problem}", self.name)));
        }
        usize::try_from(len).map_err(|_| Malformed("an answer has a negative length").into())
    }

    /// Receives an answer of `len` bytes. Keeps at most `keep` of them and passes over the rest.
    pub(crate) async fn receive(&mut self, len: usize, keep: usize) -> Result<Raw, Error> {
        let kept = len.min(keep);
        let mut bytes = Vec::new();
        let mut from = (&mut self.stream).take(kept as u64);
        // In steps, so that a length that is only claimed costs nothing.
        while bytes.len() < kept {
            let step = (kept - bytes.len()).min(STEP_BYTES.max(bytes.len()));
            bytes.reserve_exact(step);
            let read = from.read_buf(&mut bytes).await;
            if read.map_err(|error| broken(&self.name, &error))? == 0 {
                return Err(Error::Broken(format!(
                    "{}: closed by the broker",
                    self.name
                )));
            }
        }
        let mut rest = (len - kept) as u64;
        let mut sink = tokio::io::sink();
        while rest > 0 {
            let mut from = (&mut self.stream).take(rest);
            let passed = tokio::io::copy(&mut from, &mut sink).await;
            let passed = passed.map_err(|error| broken(&self.name, &error))?;
            if passed == 0 {
                return Err(Error::Broken(format!(
                    "{}: closed by the broker",
                    self.name
                )));
            }
            rest -= passed;
        }
        Ok(Raw {
            bytes: bytes.into(),
            is_cut: len > kept,
        })
    }

    pub(crate) fn read<C: Call>(&self, version: i16, bytes: Bytes) -> Result<C::Answer, Malformed> {
        messages::answer::<C>(version, self.correlation, &mut Reader::new(bytes))
    }

    /// Logs in; says for how long, where that has an end.
    async fn log_in(&mut self, login: &Login) -> Result<Option<Duration>, Error> {
        let address = self.name.clone();
        let refused = |why: &str| Error::Login(format!("{address}: login: {why}"));
        let mechanism = login.mechanism.name();
        let offered = self.call(&Handshake { mechanism }, Duration::MAX).await?;
        if !offered.mechanisms.iter().any(|one| one == mechanism) {
            let offered = offered.mechanisms.join(", ");
            let why = format!("the broker offers {offered}, not {mechanism}");
            return Err(refused(&why));
        }
        let mut dialogue = Dialogue::begin(login).map_err(|why| refused(&why))?;
        let (mut received, mut lifetime_ms) = (None::<Bytes>, 0);
        for _ in 0..LOGIN_ROUNDS_MAX {
            let step = dialogue
                .step(received.as_deref())
                .map_err(|why| refused(&why))?;
            if let Some(data) = step.data {
                let answer = self
                    .call(&Authenticate { data: &data }, Duration::MAX)
                    .await?;
                if answer.code != 0 {
                    let problem = answer.problem.unwrap_or_default();
                    return Err(refused(&format!("refused by the broker ({problem})")));
                }
                lifetime_ms = answer.lifetime_ms;
                received = Some(answer.data);
            }
            if step.is_finished {
                let lifetime = u64::try_from(lifetime_ms).ok().filter(|&ms| ms > 0);
                return Ok(lifetime.map(Duration::from_millis));
            }
        }
        Err(refused("it has no end"))
    }

    /// Asks what the broker speaks; an old one is asked again in the first version of the question.
    async fn learn_versions(&mut self) -> Result<Versions, Error> {
        let (low, high) = Api::Versions.spoken();
        let mut answer = self.exchange(&api_versions::ApiVersions, high).await?;
        if answer.code == api_versions::UNSUPPORTED_VERSION {
            answer = self.exchange(&api_versions::ApiVersions, low).await?;
        }
        match answer.code {
            0 => Ok(answer.versions),
            code => Err(Error::Broker(code)),
        }
    }
}

/// Rounds of a login; the longest mechanism has two.
const LOGIN_ROUNDS_MAX: usize = 8;
/// First memory for an answer.
const STEP_BYTES: usize = 64 * 1024;

/// Whether what stands in place of a length begins an alert of TLS: its type, and a version from 3.0 to 3.4. As a
/// length it would be more than 350 MB.
const fn is_tls_alert(len: i32) -> bool {
    let [kind, major, minor, _] = len.to_be_bytes();
    kind == 21 && major == 3 && minor <= 4
}

fn broken(name: &str, error: &std::io::Error) -> Error {
    // With TLS 1.3 a broker refuses a certificate, or that there is none, once the client takes all for done.
    let inner = error.get_ref();
    if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
        return Error::Tls(format!("{name}: {error}"));
    }
    let text = if error.kind() == std::io::ErrorKind::UnexpectedEof {
        "closed by the broker".to_owned()
    } else {
        error.to_string()
    };
    Error::Broken(format!("{name}: {text}"))
}

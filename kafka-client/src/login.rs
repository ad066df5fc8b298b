//! The login (SASL): Kafka carries the messages, the mechanisms are those of a library.

use std::{fmt, io::Cursor};

use rsasl::{config::SASLConfig, mechname::Mechname, prelude::SASLClient, prelude::Session};

/// How one proves who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The password as it is.
    Plain,
    /// A proof of the password, with SHA-256.
    ScramSha256,
    /// A proof of the password, with SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// Its registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// A user and the proof.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// How it is proven.
    pub mechanism: Mechanism,
    /// Name of the user.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

/// One side of a login under way.
pub(crate) struct Dialogue {
    session: Session,
}

/// What is said next, if anything, and whether that was all.
pub(crate) struct Step {
    pub data: Option<Vec<u8>>,
    pub is_finished: bool,
}

impl Dialogue {
    pub(crate) fn begin(login: &Login) -> Result<Self, String> {
        let (user, password) = (login.user.clone(), login.password.clone());
        let config = SASLConfig::with_credentials(None, user, password);
        let client = SASLClient::new(config.map_err(|error| error.to_string())?);
        let mechanism = Mechname::parse(login.mechanism.name().as_bytes());
        let mechanism = mechanism.map_err(|error| error.to_string())?;
        let session = client.start_suggested(&[mechanism]);
        let session = session.map_err(|error| error.to_string())?;
        Ok(Self { session })
    }

    /// Takes what the broker said, nothing at first.
    pub(crate) fn step(&mut self, received: Option<&[u8]>) -> Result<Step, String> {
        let mut data = Cursor::new(Vec::new());
        let state = self.session.step(received, &mut data);
        let state = state.map_err(|error| error.to_string())?;
        Ok(Step {
            data: state.has_sent_message().then(|| data.into_inner()),
            is_finished: state.is_finished(),
        })
    }
}

//! What is counted of sign-ins.

use dashstream_counters::{Family, labels};

labels! {
    /// What a sign-in came to.
    pub enum SignIn {
        /// The token was valid.
        Accepted = "accepted",
        /// It was not.
        Wrong = "wrong",
        /// Nobody looked at it: too many before were wrong.
        Limited = "limited",
        /// It came from a page of another origin, or in another form.
        Refused = "refused",
    }
}

/// By outcome.
#[derive(Debug, Default)]
pub struct Counts {
    pub sign_ins: Family<SignIn>,
}

//! File descriptors: each client has one, and shells often allow a process 1,024.

use crate::config::Config;

/// Descriptors besides those of whoever connects: connections to brokers (three each), files, the port and the
/// runtime's own.
const OWN: u64 = 128;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptors {
    /// How many sockets there may be for whoever connects, where the limit is known: the relay's own files and brokers
    /// must find one too.
    pub sockets_max: Option<usize>,
    /// What is wrong, where that is not enough.
    pub warning: Option<String>,
}

/// Raises the soft limit of the process as far as it may.
pub fn raise(config: &Config) -> Descriptors {
    match rlimit::increase_nofile_limit(rlimit::INFINITY) {
        Ok(limit) => of_limit(config.listen.connections_max, limit),
        Err(error) => Descriptors {
            sockets_max: None,
            warning: Some(format!("the limit of open files cannot be raised: {error}")),
        },
    }
}

fn of_limit(clients: usize, limit: u64) -> Descriptors {
    let own = OWN.min(limit / 2);
    let sockets_max = usize::try_from(limit - own).unwrap_or(usize::MAX);
    let needed = u64::try_from(dashstream_serve::limits::sockets(clients))
        .unwrap_or(u64::MAX)
        .saturating_add(OWN);
    let warning = (limit < needed).then(|| {
        format!(
            "this process may open {limit} files, and {needed} are needed with all clients connected, so fewer are let \
             in: raise the hard limit (ulimit -Hn, LimitNOFILE) or lower WEBSOCKET_MAX_CONNECTIONS"
        )
    });
    Descriptors {
        sockets_max: Some(sockets_max),
        warning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X12: what is not enough is said with both numbers.
    #[test]
    fn a_limit_that_is_too_low_is_named() {
        let enough = of_limit(1_000, 1_384);
        assert_eq!((enough.sockets_max, enough.warning), (Some(1_256), None));
        let short = of_limit(1_000, 1_024);
        let said = short.warning.expect("too low");
        assert!(said.contains("1024") && said.contains("1384"), "{said}");
        assert_eq!(short.sockets_max, Some(896));
        assert_eq!(of_limit(1_000, 100).sockets_max, Some(50));
    }

    /// X12: whatever the shell allows at first, the process may use all that the system lets it.
    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let (_, hard) = rlimit::Resource::NOFILE.get().expect("a limit");
        let limit = rlimit::increase_nofile_limit(rlimit::INFINITY).expect("it can be raised");
        let (soft, _) = rlimit::Resource::NOFILE.get().expect("a limit");
        assert_eq!((limit, soft), (hard, hard));
    }
}

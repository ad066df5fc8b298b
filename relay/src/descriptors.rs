//! File descriptors: each client has one, and shells often allow a process 1,024.

use crate::config::Config;

/// Descriptors besides those of clients: connections to brokers (three each), files, the port and the runtime's own.
const OWN: u64 = 128;

/// How many the relay may need, all of its clients connected.
fn needed(config: &Config) -> u64 {
    let clients = u64::try_from(config.listen.connections_max).unwrap_or(u64::MAX);
    clients.saturating_add(OWN)
}

/// Raises the soft limit of the process as far as it may, and says what is wrong where that is not enough.
pub fn raise(config: &Config) -> Option<String> {
    let needed = needed(config);
    match rlimit::increase_nofile_limit(rlimit::INFINITY) {
        Ok(limit) => shortage(needed, limit),
        Err(error) => Some(format!("the limit of open files cannot be raised: {error}")),
    }
}

fn shortage(needed: u64, limit: u64) -> Option<String> {
    (limit < needed).then(|| {
        format!(
            "this process may open {limit} files, and {needed} are needed with all clients connected: raise the \
             hard limit (ulimit -Hn, LimitNOFILE) or lower WEBSOCKET_MAX_CONNECTIONS"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X12: what is not enough is said with both numbers.
    #[test]
    fn a_limit_that_is_too_low_is_named() {
        assert_eq!(shortage(1_128, 1_128), None);
        let said = shortage(1_128, 1_024).expect("too low");
        assert!(said.contains("1024") && said.contains("1128"), "{said}");
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

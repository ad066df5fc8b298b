//! How many wrong tokens an address may show: a bound on guessing, and on what guessing costs. Reads no clock.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Wrong tokens of one address within a minute; then none of its tokens is looked at until the minute is over.
pub const WRONG_PER_MINUTE_MAX: u32 = 20;
const SPAN: Duration = Duration::from_secs(60);
/// Addresses remembered. Beyond that those with the fewest wrong tokens are forgotten: a limit per address does not
/// stop somebody with that many, and must not lock out everybody else.
const ADDRESSES_MAX: usize = 4096;

/// Wrong tokens by address, of the last minute.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<IpAddr, Wrong>>);

#[derive(Clone, Copy, Debug)]
struct Wrong {
    since: Instant,
    count: u32,
}

impl Wrong {
    fn is_over(self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= SPAN
    }
}

impl Attempts {
    /// Whether a token from there is looked at.
    pub(super) fn may_try(&self, address: IpAddr, now: Instant) -> bool {
        let all = self.0.lock();
        let wrong = all.get(&network(address));
        wrong.is_none_or(|wrong| wrong.is_over(now) || wrong.count < WRONG_PER_MINUTE_MAX)
    }

    /// Counts a wrong one.
    pub(super) fn failed(&self, address: IpAddr, now: Instant) {
        let mut all = self.0.lock();
        if all.len() >= ADDRESSES_MAX && !all.contains_key(&network(address)) {
            make_room(&mut all, now);
        }
        let first = Wrong {
            since: now,
            count: 0,
        };
        let wrong = all.entry(network(address)).or_insert(first);
        if wrong.is_over(now) {
            *wrong = first;
        }
        wrong.count += 1;
    }
}

/// Forgets what is over, or else all that have the fewest: one at a time would cost a look at all for each.
fn make_room(all: &mut HashMap<IpAddr, Wrong>, now: Instant) {
    all.retain(|_, wrong| !wrong.is_over(now));
    if all.len() >= ADDRESSES_MAX {
        let fewest = all.values().map(|wrong| wrong.count).min();
        all.retain(|_, wrong| Some(wrong.count) > fewest);
    }
}

/// One customer of a provider has a whole network of 64 bits in IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(begin: Instant, secs: u64) -> Instant {
        begin + Duration::from_secs(secs)
    }

    /// SEC-12: whoever guesses waits, others do not, and not for longer than a minute.
    #[test]
    fn guessing_is_bounded_per_address() {
        let (attempts, begin) = (Attempts::default(), Instant::now());
        let guesser: IpAddr = "2001:db8::1".parse().expect("an address");
        let neighbour: IpAddr = "2001:db8::2".parse().expect("an address");
        let other: IpAddr = "2001:db8:0:1::1".parse().expect("an address");
        for _ in 0..WRONG_PER_MINUTE_MAX {
            assert!(attempts.may_try(guesser, begin));
            attempts.failed(guesser, begin);
        }
        assert!(!attempts.may_try(guesser, after(begin, 59)));
        assert!(!attempts.may_try(neighbour, begin), "the same network");
        assert!(attempts.may_try(other, begin));
        assert!(attempts.may_try(guesser, after(begin, 60)));
        attempts.failed(guesser, after(begin, 60));
        assert!(attempts.may_try(guesser, after(begin, 61)), "counted anew");
    }

    /// SEC-12: memory is bounded; many addresses lock nobody out, and free no guesser.
    #[test]
    fn many_addresses_lock_nobody_out() {
        let (attempts, begin) = (Attempts::default(), Instant::now());
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        for _ in 0..WRONG_PER_MINUTE_MAX {
            attempts.failed(address(0), begin);
        }
        for n in 1..10_000 {
            attempts.failed(address(n), begin);
            assert!(attempts.0.lock().len() <= ADDRESSES_MAX);
        }
        assert!(attempts.may_try(address(20_000), begin));
        assert!(!attempts.may_try(address(0), begin), "a guesser waits");
        assert!(attempts.may_try(address(0), after(begin, 60)));
    }
}

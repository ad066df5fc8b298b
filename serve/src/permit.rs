//! How many connections there may be, in all and from one address: of TCP before an upgrade, and of
//! WebSockets. A permit is given back when it is dropped, on whichever path that happens.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

use crate::gate::Refused;

/// The limits and who holds permits. At most as many addresses are remembered as there are permits.
#[derive(Debug)]
pub(crate) struct Permits {
    total_max: usize,
    per_address_max: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The right to one connection.
#[derive(Debug)]
pub(crate) struct Permit {
    permits: Arc<Permits>,
    address: IpAddr,
}

impl Permits {
    pub(crate) fn new(total_max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self {
            total_max,
            per_address_max,
            held: Mutex::default(),
        })
    }

    /// Whether there is one to take.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let held = self.held.lock();
        held.check(self.total_max, self.per_address_max, address.to_canonical())
    }

    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refused> {
        self.take_up_to(self.per_address_max, address)
    }

    /// The same for an address that stands for many clients: only the limit of all counts.
    pub(crate) fn take_for_many(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refused> {
        self.take_up_to(self.total_max, address)
    }

    fn take_up_to(self: &Arc<Self>, most: usize, address: IpAddr) -> Result<Permit, Refused> {
        // A dual-stack listener shows the same client in two forms.
        let address = address.to_canonical();
        let mut held = self.held.lock();
        held.check(self.total_max, most, address)?;
        *held.by_address.entry(address).or_insert(0) += 1;
        held.total += 1;
        Ok(Permit {
            permits: Arc::clone(self),
            address,
        })
    }
}

impl Held {
    fn check(&self, total_max: usize, most: usize, address: IpAddr) -> Result<(), Refused> {
        let count = self.by_address.get(&address).copied().unwrap_or(0);
        if self.total >= total_max {
            Err(Refused::Total)
        } else if count >= most {
            Err(Refused::PerAddress)
        } else {
            Ok(())
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.permits.held.lock();
        held.total = held.total.saturating_sub(1);
        if let Some(count) = held.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // holds SEC-06 for its limits per address.
    #[test]
    fn permits_are_counted_per_address_and_in_all() {
        let permits = Permits::new(3, 2);
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = permits.take(a).expect("free");
        let mapped = IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0x0a00, 1]);
        let second = permits.take(mapped).expect("free");
        assert_eq!(permits.take(a).err(), Some(Refused::PerAddress));
        let _third = permits.take(b).expect("free");
        assert_eq!(permits.take(b).err(), Some(Refused::Total));
        assert_eq!(permits.take_for_many(a).err(), Some(Refused::Total));
        drop(first);
        let again = permits.take(a).expect("given back");
        drop((again, second));
        let held = permits.held.lock();
        assert_eq!(
            (held.total, held.by_address.len()),
            (1, 1),
            "addresses are forgotten"
        );
    }
}

//! Limits failed logins by address, by name, and by both.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::Mutex,
};

/// Failures are remembered for so long.
const WINDOW_US: i64 = 5 * 60 * 1_000_000;
/// Failures for one name from one address.
const OF_BOTH: usize = 5;
/// Failures from one address.
const OF_ADDRESS: usize = 20;
/// Failures for one name, from anywhere: high, so that nobody can lock others out in passing.
const OF_NAME: usize = 100;
/// Addresses, names and pairs share so many counters, which bounds the memory. Two that share one are limited together, so
/// that a flood of addresses cannot make room for guesses.
const SLOTS: u64 = 1 << 16;

/// Counts failures.
#[derive(Debug, Default)]
pub struct Limiter {
    /// Keyed by chance, so that nobody knows whose counter they share.
    hasher: RandomState,
    failures: Mutex<HashMap<u64, VecDeque<i64>>>,
}

impl Limiter {
    /// Whether another try is allowed; if not, in how many seconds one will be.
    pub fn allowed(&self, name: &str, address: &str, now_us: i64) -> Result<(), i64> {
        let mut failures = self.failures.lock().expect("no holder of this lock panics");
        let mut wait: i64 = 0;
        for (slot, most) in self.slots(name, address) {
            let Some(times) = failures.get_mut(&slot) else { continue };
            while times.front().is_some_and(|at| *at <= now_us - WINDOW_US) {
                times.pop_front();
            }
            if times.len() >= most {
                wait = wait.max(times[times.len() - most] + WINDOW_US - now_us);
            }
        }
        if wait == 0 { Ok(()) } else { Err(wait / 1_000_000 + 1) }
    }

    /// A try failed.
    pub fn failed(&self, name: &str, address: &str, now_us: i64) {
        let mut failures = self.failures.lock().expect("no holder of this lock panics");
        for (slot, most) in self.slots(name, address) {
            let times = failures.entry(slot).or_default();
            times.push_back(now_us);
            while times.len() > most {
                times.pop_front();
            }
        }
    }

    /// A try succeeded: what failed before for this name from this address is forgiven.
    pub fn succeeded(&self, name: &str, address: &str) {
        let [(both, _), ..] = self.slots(name, address);
        self.failures.lock().expect("no holder of this lock panics").remove(&both);
    }

    /// The counters of a try and their limits. Each kind has its own.
    fn slots(&self, name: &str, address: &str) -> [(u64, usize); 3] {
        let name: String = name.chars().take(64).flat_map(char::to_lowercase).collect();
        let network = network(address);
        let address = network.as_str();
        let keys = [
            (Some(name.as_str()), Some(address), OF_BOTH),
            (None, Some(address), OF_ADDRESS),
            (Some(&name), None, OF_NAME),
        ];
        let mut kind = 0;
        keys.map(|(name, address, most)| {
            kind += 1;
            (kind * SLOTS + self.hasher.hash_one((name, address)) % SLOTS, most)
        })
    }
}

/// Whoever has an IPv6 address has the 2⁶⁴ beside it as well.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => format!("{:x?}", &address.segments()[..4]),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Limiter, OF_ADDRESS, OF_BOTH, SLOTS, WINDOW_US};

    #[test]
    fn guessing_is_slowed_down_and_others_are_not() {
        let limiter = Limiter::default();
        for i in 0..5 {
            assert!(limiter.allowed("anna", "1", i).is_ok());
            limiter.failed("anna", "1", i);
        }
        assert_eq!(OF_BOTH, 5);
        assert!(limiter.allowed("Anna", "1", 9).is_err());
        assert!(limiter.allowed("anna", "2", 9).is_ok() && limiter.allowed("bert", "1", 9).is_ok());
        assert!(limiter.allowed("anna", "1", WINDOW_US + 1).is_ok(), "after a while");
        for i in 0..i64::try_from(OF_ADDRESS).unwrap() {
            limiter.failed(&format!("n{i}"), "3", i);
        }
        assert!(limiter.allowed("new", "3", 99).is_err(), "many names from one address");
        limiter.failed("carl", "4", 0);
        limiter.succeeded("carl", "4");
        assert!(limiter.allowed("carl", "4", 1).is_ok());
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let limiter = Limiter::default();
        for i in 0..i64::try_from(OF_ADDRESS).unwrap() {
            limiter.failed(&format!("n{i}"), &format!("2001:db8:0:1::{i:x}"), i);
        }
        assert!(limiter.allowed("new", "2001:db8:0:1:ffff::1", 99).is_err());
        assert!(limiter.allowed("new", "2001:db8:0:2::1", 99).is_ok());
    }

    #[test]
    fn a_flood_of_addresses_makes_no_room_for_guesses() {
        let limiter = Limiter::default();
        for i in 0..30_000 {
            limiter.failed(&format!("n{i}"), &format!("a{i}"), 0);
        }
        for _ in 0..5 {
            limiter.failed("anna", "1", 1);
        }
        assert!(limiter.allowed("anna", "1", 2).is_err(), "it is counted although there are many");
        for i in 0..400_000 {
            limiter.failed(&format!("m{i}"), &format!("b{i}"), 3);
        }
        assert!(limiter.allowed("anna", "1", 4).is_err(), "and is not pushed out");
        assert!(limiter.failures.lock().unwrap().len() as u64 <= 3 * SLOTS, "memory is bounded");
    }
}

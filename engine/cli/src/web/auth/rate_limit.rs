//! Limits failed logins by address, by name, and by both.

use std::{
    collections::{BTreeMap, VecDeque},
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
/// More addresses and names than this are not told apart.
const MOST_KEYS: usize = 20_000;

/// Counts failures.
#[derive(Debug, Default)]
pub struct Limiter(Mutex<BTreeMap<String, VecDeque<i64>>>);

impl Limiter {
    /// Whether another try is allowed; if not, in how many seconds one will be.
    pub fn allowed(&self, name: &str, address: &str, now_us: i64) -> Result<(), i64> {
        let mut failures = self.0.lock().expect("no holder of this lock panics");
        let mut wait: i64 = 0;
        for (key, most) in keys(name, address) {
            let Some(times) = failures.get_mut(&key) else { continue };
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
        let mut failures = self.0.lock().expect("no holder of this lock panics");
        if failures.len() > MOST_KEYS {
            failures.retain(|_, times| times.back().is_some_and(|at| *at > now_us - WINDOW_US));
        }
        for (key, most) in keys(name, address) {
            let full = failures.len() > MOST_KEYS;
            let times = failures.entry(if full { "everybody else".to_owned() } else { key }).or_default();
            times.push_back(now_us);
            while times.len() > most {
                times.pop_front();
            }
        }
    }

    /// A try succeeded: what failed before for this name from this address is forgiven.
    pub fn succeeded(&self, name: &str, address: &str) {
        let [(both, _), ..] = keys(name, address);
        self.0.lock().expect("no holder of this lock panics").remove(&both);
    }
}

fn keys(name: &str, address: &str) -> [(String, usize); 3] {
    let name: String = name.chars().take(64).flat_map(char::to_lowercase).collect();
    [
        (format!("both {name} {address}"), OF_BOTH),
        (format!("address {address}"), OF_ADDRESS),
        (format!("name {name}"), OF_NAME),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Limiter, OF_ADDRESS, OF_BOTH, WINDOW_US};

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
}

//! How many bad messages a stream puts up with.

use crate::error::{Error, Result};
use engine_connect::hub::{rejected::RejectedRow, source::TableRequest};
use engine_language::{code, config::source::SourceTable, diagnostic::Diagnostic};
use std::collections::BTreeMap;

/// Fewer bad messages than this never exhaust the budget, whatever their share.
const FEW: u64 = 50;
/// Only about so many of the newest messages count.
const NEWEST: u64 = 20_000;
/// Reasons that are shown.
const REASONS: usize = 3;

/// Counts messages, of the newest ones, and those of them that were bad: that could not be read, and that were refused later.
#[derive(Clone, Debug)]
pub struct ErrorBudget {
    topic: String,
    most: f64,
    read: Count,
    judged: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    events: u64,
    bad: u64,
}

impl ErrorBudget {
    /// As the topic's declaration says.
    pub fn new(request: &TableRequest) -> Self {
        let most = request.declared.as_ref().map_or(SourceTable::MAX_BAD_SHARE, |declared| declared.max_bad_share);
        Self { topic: request.table.to_string(), most, read: Count::default(), judged: Count::default() }
    }

    /// Counts messages that were read, and those of them that could not be; refuses more than the budget.
    pub fn read(&mut self, events: u64, bad: &[RejectedRow]) -> Result<()> {
        self.read.add(events, bad.len() as u64);
        self.check(self.read, bad)
    }

    /// Counts messages whose rows the target took.
    pub fn taken(&mut self, events: u64) {
        self.judged.add(events, 0);
    }

    /// Counts a message whose rows the model or the target refused; refuses more than the budget.
    pub fn refused(&mut self, letter: &RejectedRow) -> Result<()> {
        self.judged.add(1, 1);
        self.check(self.judged, std::slice::from_ref(letter))
    }

    fn check(&self, Count { events, bad: count }: Count, bad: &[RejectedRow]) -> Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "a share is rough")]
        let share = count as f64 / events.max(1) as f64;
        if count < FEW || share <= self.most || bad.is_empty() {
            return Ok(());
        }
        let message = format!("{count} of the last {events} messages of `{}` are bad", self.topic);
        let problem = Diagnostic::error(&code::E0521, None, message);
        let reasons = reasons(bad)
            .into_iter()
            .fold(problem, |problem, (reason, count)| problem.hint(format!("{count} of them: {reason}")));
        Err(Error::Project(Box::new(
            reasons
                .hint("correct the declaration, the model or the producer; `max_bad_share` says how many may be bad"),
        )))
    }
}

impl Count {
    fn add(&mut self, events: u64, bad: u64) {
        if self.events > NEWEST {
            *self = Self { events: self.events / 2, bad: self.bad / 2 };
        }
        *self = Self { events: self.events + events, bad: self.bad + bad };
    }
}

/// The most frequent reasons.
fn reasons(bad: &[RejectedRow]) -> Vec<(&str, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in bad {
        *counts.entry(row.reason.as_str()).or_default() += 1;
    }
    let mut all: Vec<(&str, usize)> = counts.into_iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all.truncate(REASONS);
    all
}

#[cfg(test)]
mod tests {
    use super::ErrorBudget;
    use engine_connect::hub::{rejected::RejectedRow, source::TableRequest};

    fn bad(count: usize) -> Vec<RejectedRow> {
        let row = |offset| RejectedRow {
            source: "t".into(),
            partition: 0,
            offset,
            payload: vec![],
            reason: "no JSON".into(),
        };
        (0..).take(count).map(row).collect()
    }

    #[test]
    fn many_bad_messages_are_a_flood_and_few_are_not() {
        let error_budget = || ErrorBudget::new(&TableRequest::all("t"));
        assert!(error_budget().read(49, &bad(49)).is_ok(), "few, though all are bad");
        assert!(error_budget().read(400, &bad(200)).is_ok(), "half");
        let error = error_budget().read(300, &bad(200)).unwrap_err();
        assert_eq!(error.to_string(), "200 of the last 300 messages of `t` are bad");
    }

    #[test]
    fn what_is_refused_is_held_against_what_was_tried_and_not_what_was_read() {
        let mut error_budget = ErrorBudget::new(&TableRequest::all("t"));
        error_budget.read(10_000, &[]).unwrap();
        error_budget.taken(20);
        let refused = bad(200).iter().position(|letter| error_budget.refused(letter).is_err());
        assert_eq!(refused, Some(49));
    }

    #[test]
    fn what_was_good_long_ago_does_not_hide_a_flood() {
        let mut error_budget = ErrorBudget::new(&TableRequest::all("t"));
        for _ in 0..1000 {
            error_budget.read(10_000, &[]).unwrap();
        }
        let batches = (0..100).position(|_| error_budget.read(10_000, &bad(10_000)).is_err());
        assert!(batches.is_some_and(|batches| batches < 5), "{batches:?}");
    }
}

//! A cron expression in its time zone, with days of 23 and 25 hours done right.

use chrono::{DateTime, SubsecRound as _, TimeZone as _};
use chrono_tz::Tz;
use croner::Cron as Pattern;
use std::str::FromStr as _;

/// Lists of hours and minutes are taken apart up to so many times of a day.
const MOST_TIMES: usize = 96;

/// The times of a cron expression.
///
/// A time of day that the clock jumps over is kept at the first instant after the jump; one that comes twice is kept
/// once, the first time. Expressions that go by `*` or `/` follow the clock instead: each matching minute that there is.
#[derive(Clone, Debug)]
pub struct Cron {
    patterns: Vec<Pattern>,
    zone: Tz,
}

impl Cron {
    /// Reads an expression; `None` if it is none, which loading a project has complained of.
    pub fn new(expression: &str, zone: Tz) -> Option<Self> {
        let times = times_of_day(expression).unwrap_or_else(|| vec![expression.to_owned()]);
        let patterns = times.iter().map(|text| Pattern::from_str(text)).collect::<Result<_, _>>().ok()?;
        Some(Self { patterns, zone })
    }

    /// The first time after that one.
    pub fn next(&self, after_us: i64) -> Option<i64> {
        let after = self.second(after_us)?;
        let found = self.patterns.iter().filter_map(|pattern| pattern.find_next_occurrence(&after, false).ok());
        found.map(|time| time.timestamp_micros()).filter(|time| *time > after_us).min()
    }

    /// The last time up to and with that one.
    pub fn last(&self, until_us: i64) -> Option<i64> {
        let until = self.second(until_us)?;
        let found = self.patterns.iter().filter_map(|pattern| pattern.find_previous_occurrence(&until, true).ok());
        found.map(|time| time.timestamp_micros()).filter(|time| *time <= until_us).max()
    }

    fn second(&self, at_us: i64) -> Option<DateTime<Tz>> {
        Some(self.zone.timestamp_micros(at_us).single()?.trunc_subsecs(0))
    }
}

/// `30 2,14 * * *` as `30 2 * * *` and `30 14 * * *`: times of day, each of which is kept on days when the clock is
/// changed. `None` if the expression does not list times of day.
fn times_of_day(expression: &str) -> Option<Vec<String>> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let minute = usize::from(fields.len() > 5);
    let (minutes, hours) = (numbers(fields.get(minute)?)?, numbers(fields.get(minute + 1)?)?);
    let second = if minute == 0 { Some(vec![0]) } else { numbers(fields[0]) };
    if second?.len() != 1 || minutes.len() * hours.len() > MOST_TIMES {
        return None;
    }
    let at = |hour: &u32, of_hour: &u32| {
        let mut fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        (fields[minute], fields[minute + 1]) = (of_hour.to_string(), hour.to_string());
        fields.join(" ")
    };
    Some(hours.iter().flat_map(|hour| minutes.iter().map(move |minute| at(hour, minute))).collect())
}

/// `1,3-5` as its numbers; `None` of anything with `*`, `/` or names.
fn numbers(field: &str) -> Option<Vec<u32>> {
    let mut all = vec![];
    for part in field.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last > 59 {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::Cron;
    use chrono::{DateTime, TimeZone as _};
    use chrono_tz::Tz;

    /// The times of an expression on a day, as local times with their offset.
    fn times(expression: &str, zone: Tz, day: &str) -> Vec<String> {
        let day = day.parse::<chrono::NaiveDate>().unwrap();
        let noon = zone.from_local_datetime(&day.and_hms_opt(12, 0, 0).unwrap()).unwrap();
        let cron = Cron::new(expression, zone).unwrap();
        let mut found = vec![];
        let mut at = (noon - chrono::TimeDelta::hours(20)).timestamp_micros();
        let end = (noon + chrono::TimeDelta::hours(20)).timestamp_micros();
        while let Some(next) = cron.next(at).filter(|next| *next < end) {
            assert_eq!(cron.last(next), Some(next), "{expression}");
            assert_eq!(cron.next(cron.last(next - 1).unwrap()), Some(next), "{expression}");
            let time: DateTime<Tz> = zone.timestamp_micros(next).unwrap();
            if time.date_naive() == day {
                found.push(time.format("%H:%M%z").to_string());
            }
            at = next;
        }
        found
    }

    #[test]
    fn a_time_that_the_clock_jumps_over_is_kept_after_the_jump() {
        let berlin = Tz::Europe__Berlin;
        assert_eq!(times("30 2 * * *", berlin, "2026-03-29"), ["03:00+0200"]);
        assert_eq!(times("30 2,14 * * *", berlin, "2026-03-29"), ["03:00+0200", "14:30+0200"]);
        assert_eq!(times("0 1-3 * * *", berlin, "2026-03-29"), ["01:00+0100", "03:00+0200"]);
        assert_eq!(times("0 0 * * *", Tz::America__Sao_Paulo, "2018-11-04"), ["01:00-0200"]);
        assert_eq!(times("15 0 * * *", Tz::Asia__Beirut, "2026-03-29"), ["01:00+0300"]);
    }

    #[test]
    fn a_time_that_comes_twice_is_kept_once() {
        let berlin = Tz::Europe__Berlin;
        assert_eq!(times("30 2 * * *", berlin, "2026-10-25"), ["02:30+0200"]);
        assert_eq!(times("30 1,2,3 * * *", berlin, "2026-10-25"), ["01:30+0200", "02:30+0200", "03:30+0100"]);
        assert_eq!(times("45 1 * * *", Tz::Australia__Lord_Howe, "2026-04-05"), ["01:45+1100"]);
    }

    #[test]
    fn what_goes_by_the_clock_follows_it() {
        let berlin = Tz::Europe__Berlin;
        assert_eq!(times("*/30 1-3 * * *", berlin, "2026-03-29").len(), 4, "an hour is missing");
        assert_eq!(times("*/30 1-3 * * *", berlin, "2026-10-25").len(), 8, "an hour comes twice");
        assert_eq!(times("*/10 * * * *", berlin, "2026-03-29").len(), 23 * 6);
        assert_eq!(times("*/10 * * * *", berlin, "2026-10-25").len(), 25 * 6);
        assert_eq!(times("30 0 0 * * *", berlin, "2026-10-25").len(), 1, "a field for seconds");
    }

    #[test]
    fn what_never_comes_is_never_due() {
        let cron = Cron::new("0 0 30 2 *", Tz::UTC).unwrap();
        assert_eq!((cron.next(0), cron.last(1_800_000_000_000_000)), (None, None));
        assert!(Cron::new("60 0 * * *", Tz::UTC).is_none());
    }
}

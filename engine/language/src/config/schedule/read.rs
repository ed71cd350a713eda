//! Reads `schedules.toml`.

use super::{Missed, Retries, Schedule, Trigger};
use crate::{
    code,
    config::{
        reader::Reader,
        toml::{Spanned, amount::DurationText},
    },
    diagnostic::Diagnostic,
    files::Span,
    name::Name,
    secret::Secret,
};
use serde::Deserialize;
use std::{collections::BTreeMap, str::FromStr, time::Duration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    every: Option<Spanned<DurationText>>,
    cron: Option<Spanned<String>>,
    timezone: Option<Spanned<String>>,
    continuous: Option<Spanned<bool>>,
    after: Option<Spanned<Name>>,
    #[serde(default)]
    select: Vec<Spanned<String>>,
    retries: Option<RawRetries>,
    timeout: Option<DurationText>,
    #[serde(default)]
    missed: RawMissed,
    on_failure: Option<RawOnFailure>,
    late: Option<DurationText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRetries {
    times: u32,
    wait: Option<DurationText>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawMissed {
    None,
    #[default]
    Last,
    All,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOnFailure {
    webhook: Option<String>,
}

pub fn read(reader: &mut Reader<'_>) -> BTreeMap<Name, Schedule> {
    let Some(mut file) = reader.toml("project/schedules.toml") else { return BTreeMap::new() };
    reader.interpolate(&mut file);
    let mut schedules = BTreeMap::new();
    for (name, span, value) in file.entries() {
        let name = Spanned::new(reader.name(name, *span), *span);
        let Some(raw) = value.read::<Raw>(reader.problems) else { continue };
        if let Some(schedule) = schedule(reader, name, raw) {
            schedules.insert(schedule.name.value.clone(), schedule);
        }
    }
    let known: Vec<String> = file.entries().iter().map(|(name, _, _)| name.clone()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for schedule in schedules.values() {
        if let Trigger::After(after) = &schedule.trigger
            && !known.contains(&after.as_str())
        {
            reader.unknown("schedule", after.as_str(), after.span, &known);
        }
    }
    schedules
}

fn schedule(reader: &mut Reader<'_>, name: Spanned<Name>, raw: Raw) -> Option<Schedule> {
    let trigger = trigger(reader, &name, &raw)?;
    Some(Schedule {
        name,
        trigger,
        select: raw.select,
        retries: raw.retries.map_or_else(Retries::default, |retries| Retries {
            times: retries.times,
            wait: retries.wait.map_or(Duration::from_secs(30), |wait| wait.0),
        }),
        timeout: raw.timeout.map(|timeout| timeout.0),
        missed: match raw.missed {
            RawMissed::None => Missed::None,
            RawMissed::Last => Missed::Last,
            RawMissed::All => Missed::All,
        },
        late: raw.late.map(|late| late.0),
        webhook: raw.on_failure.and_then(|f| f.webhook).filter(|url| !url.is_empty()).map(Secret::new),
    })
}

fn trigger(reader: &mut Reader<'_>, name: &Spanned<Name>, raw: &Raw) -> Option<Trigger> {
    let continuous = raw.continuous.as_ref().filter(|given| given.value);
    let given: Vec<(&str, Span)> = [
        raw.every.as_ref().map(|x| ("every", x.span)),
        raw.cron.as_ref().map(|x| ("cron", x.span)),
        continuous.map(|x| ("continuous", x.span)),
        raw.after.as_ref().map(|x| ("after", x.span)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if given.len() != 1 {
        let message = match given.as_slice() {
            [] => format!("the schedule `{}` does not say when it runs", name.value),
            several => {
                format!("the schedule `{}` says {} times when it runs", name.value, several.len())
            }
        };
        let span = given.get(1).map_or(name.span, |(_, span)| *span);
        let problem = Diagnostic::error(&code::E0010, span, message);
        reader.problems.push(problem.hint("give one of `every`, `cron`, `continuous = true` and `after`"));
        return None;
    }
    if let Some(zone) = raw.timezone.as_ref().filter(|_| raw.cron.is_none()) {
        let problem = Diagnostic::error(&code::E0010, zone.span, "`timezone` goes with `cron`");
        reader.problems.push(problem.hint("leave it out, or write `cron = …`"));
    }
    if let Some(every) = &raw.every {
        if every.value.0.is_zero() {
            reader.problems.push(Diagnostic::error(&code::E0010, every.span, "`every` must be longer than nothing"));
        }
        return Some(Trigger::Every(Spanned::new(every.value.0, every.span)));
    }
    if let Some(cron) = &raw.cron {
        return cron_trigger(reader, cron, raw.timezone.as_ref());
    }
    raw.after.clone().map(Trigger::After).or(Some(Trigger::Continuous))
}

fn cron_trigger(reader: &mut Reader<'_>, cron: &Spanned<String>, zone: Option<&Spanned<String>>) -> Option<Trigger> {
    match croner::Cron::from_str(cron) {
        Err(error) => {
            let message = format!("`{}` is no cron expression: {error}", cron.value);
            let problem = Diagnostic::error(&code::E0010, cron.span, message);
            let hint = "five fields: minute, hour, day of month, month, day of week: `*/10 * * * *`";
            reader.problems.push(problem.hint(hint));
        }
        // Whether there is such a day does not depend on the present.
        Ok(times) if times.find_next_occurrence(&chrono::DateTime::UNIX_EPOCH, false).is_err() => {
            let message = format!("`{}` names a day that no year has", cron.value);
            let problem = Diagnostic::error(&code::E0010, cron.span, message);
            reader.problems.push(problem.hint("such as `0 0 28 2 *`, the 28th of February"));
        }
        Ok(_) => {}
    }
    let timezone = match zone {
        None => chrono_tz::UTC,
        Some(zone) => {
            let found = chrono_tz::Tz::from_str(zone);
            if found.is_err() {
                let known = chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name());
                let near = crate::name::nearest(zone, known).unwrap_or("Europe/Berlin").to_owned();
                let message = format!("there is no time zone `{}`", zone.value);
                let problem = Diagnostic::error(&code::E0010, zone.span, message);
                reader.problems.push(problem.hint(format!("such as `{near}`")));
            }
            found.ok()?
        }
    };
    Some(Trigger::Cron { expression: cron.clone(), timezone })
}

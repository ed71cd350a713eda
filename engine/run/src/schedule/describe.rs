//! A schedule in words.

use engine_language::config::schedule::Trigger;
use std::time::Duration;

/// `every 10 minutes`, `on weekdays at 06:30, Europe/Berlin`, `all the time`, or after which other schedule.
pub fn trigger(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Every(every) => format!("every {}", duration(every.value)),
        Trigger::Continuous => "all the time".to_owned(),
        Trigger::After(name) => format!("after `{}`", name.value),
        Trigger::Cron { expression, timezone } => {
            let said = cron(expression).unwrap_or_else(|| format!("at `{}`", expression.value));
            format!("{said}, {}", timezone.name())
        }
    }
}

/// `10 minutes`, `1 hour 30 minutes`, `second`: what stands behind "every".
pub fn duration(duration: Duration) -> String {
    let (mut left, mut parts) = (duration.as_secs(), vec![]);
    for (word, size) in [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)] {
        let number = left / size;
        left %= size;
        match number {
            0 => {}
            1 => parts.push(format!("1 {word}")),
            _ => parts.push(format!("{number} {word}s")),
        }
    }
    match (parts.as_slice(), duration.subsec_millis()) {
        ([one], 0) if one.starts_with("1 ") => one[2..].to_owned(),
        ([], ms) => format!("{ms} milliseconds"),
        _ => parts.join(" "),
    }
}

/// The expressions that people write most; `None` of others.
fn cron(expression: &str) -> Option<String> {
    let fields: Vec<&str> = match expression {
        "@hourly" => vec!["0", "*", "*", "*", "*"],
        "@daily" | "@midnight" => vec!["0", "0", "*", "*", "*"],
        "@weekly" => vec!["0", "0", "*", "*", "0"],
        "@monthly" => vec!["0", "0", "1", "*", "*"],
        _ => expression.split_whitespace().collect(),
    };
    let [minute, hour, day, "*", weekday] = fields.as_slice() else { return None };
    let step = |field: &str| field.strip_prefix("*/")?.parse::<u32>().ok();
    match (*minute, *hour, *day, *weekday) {
        ("*", "*", "*", "*") => Some("every minute".to_owned()),
        (minutes, "*", "*", "*") if step(minutes).is_some() => Some(format!("every {} minutes", step(minutes)?)),
        (minute, "*", "*", "*") => Some(format!("every hour at :{:02}", minute.parse::<u32>().ok()?)),
        (minute, hours, "*", "*") if step(hours).is_some() => {
            Some(format!("every {} hours at :{:02}", step(hours)?, minute.parse::<u32>().ok()?))
        }
        (minute, hour, day, weekday) => {
            let at = at(minute, hour)?;
            let days = match (day, weekday) {
                ("*", "*") => "every day".to_owned(),
                ("*", "1-5" | "MON-FRI") => "on weekdays".to_owned(),
                ("*", weekday) => format!("every {}", self::weekday(weekday)?),
                ("L", "*") => "on the last day of the month".to_owned(),
                (day, "*") => format!("on day {} of the month", day.parse::<u32>().ok()?),
                _ => return None,
            };
            Some(format!("{days} at {at}"))
        }
    }
}

/// `06:30`, `06:30 and 18:30`.
fn at(minute: &str, hour: &str) -> Option<String> {
    let minute: u32 = minute.parse().ok()?;
    let hours: Vec<u32> = hour.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
    let times: Vec<String> = hours.iter().map(|hour| format!("{hour:02}:{minute:02}")).collect();
    let (last, first) = times.split_last()?;
    Some(if first.is_empty() { last.clone() } else { format!("{} and {last}", first.join(", ")) })
}

fn weekday(field: &str) -> Option<&'static str> {
    Some(match field.to_ascii_uppercase().as_str() {
        "0" | "7" | "SUN" => "Sunday",
        "1" | "MON" => "Monday",
        "2" | "TUE" => "Tuesday",
        "3" | "WED" => "Wednesday",
        "4" | "THU" => "Thursday",
        "5" | "FRI" => "Friday",
        "6" | "SAT" => "Saturday",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{cron, duration};
    use std::time::Duration;

    #[test]
    fn schedules_read_well() {
        let said = [1, 10, 60, 600, 5400, 86_400, 604_800].map(|seconds| duration(Duration::from_secs(seconds)));
        let expected = ["second", "10 seconds", "minute", "10 minutes", "1 hour 30 minutes", "day", "7 days"];
        assert_eq!(said, expected);
        assert_eq!(duration(Duration::from_millis(500)), "500 milliseconds");
        for (expression, expected) in [
            ("*/10 * * * *", Some("every 10 minutes")),
            ("5 * * * *", Some("every hour at :05")),
            ("0 */6 * * *", Some("every 6 hours at :00")),
            ("30 6 * * *", Some("every day at 06:30")),
            ("30 6,18 * * 1-5", Some("on weekdays at 06:30 and 18:30")),
            ("0 9 * * mon", Some("every Monday at 09:00")),
            ("0 0 1 * *", Some("on day 1 of the month at 00:00")),
            ("0 0 L * *", Some("on the last day of the month at 00:00")),
            ("@daily", Some("every day at 00:00")),
            ("0 0 1 1 *", None),
            ("0 0 13 * 5", None),
            ("0 0 12 * * *", None),
        ] {
            assert_eq!(cron(expression).as_deref(), expected, "{expression}");
        }
    }
}

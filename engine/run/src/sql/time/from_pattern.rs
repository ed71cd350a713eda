//! `to_date` and `to_timestamp` by a pattern.

use super::pattern::{DAYS, Keyword, MONTHS, Piece, ROMAN, parse};
use crate::sql::{
    calendar::{days, days_of_month},
    failed::failed,
    session_zone::{Zone, offset},
    units::{HOUR, MINUTE, SECOND},
};
use datafusion::error::{DataFusionError, Result};

/// What a text was read as.
#[derive(Debug, Default)]
struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    of_year: Option<i64>,
    julian: Option<i64>,
    hour: Option<i64>,
    half: Option<bool>,
    twelve: bool,
    minute: i64,
    second: i64,
    micros: i64,
    before: bool,
    offset: Option<i64>,
}

/// A date by its pattern.
pub fn date(text: &str, pattern: &str) -> Result<i64> {
    day_of(&read(text, pattern)?, text)
}

/// An instant by its pattern, in the session's zone unless the text says otherwise.
pub fn timestamptz(text: &str, pattern: &str, zone: &Zone) -> Result<i64> {
    let found = read(text, pattern)?;
    let day = day_of(&found, text)?;
    let mut hour = found.hour.unwrap_or(0);
    if found.twelve || found.half.is_some() {
        if !(1..=12).contains(&hour) && found.hour.is_some() {
            return Err(failed(format!("hour \"{hour}\" is invalid for the 12-hour clock")));
        }
        hour = hour % 12 + if found.half == Some(true) { 12 } else { 0 };
    }
    if hour > 23 || found.minute > 59 || found.second > 59 {
        return Err(beyond(text));
    }
    let time = hour * HOUR + found.minute * MINUTE + found.second * SECOND + found.micros;
    let local = crate::sql::calendar::timestamp(day, time)?;
    match found.offset {
        Some(offset) => crate::sql::calendar::checked(local - offset),
        None => crate::sql::calendar::checked(zone.utc_of(local)?),
    }
}

fn beyond(text: &str) -> DataFusionError {
    failed(format!("date/time field value out of range: \"{text}\""))
}

fn day_of(found: &Found, text: &str) -> Result<i64> {
    if let Some(julian) = found.julian {
        return Ok(julian - 2_440_588);
    }
    let mut year = found.year.unwrap_or(0);
    if found.before && year > 0 {
        year = 1 - year;
    } else if found.year == Some(0) || found.year.is_none() {
        // PostgreSQL's year zero is the one before the first.
        year = 0;
    }
    if let Some(of_year) = found.of_year {
        let length = 365 + i64::from(days_of_month(year, 2) == 29);
        return if (1..=length).contains(&of_year) { Ok(days(year, 1, 1) + of_year - 1) } else { Err(beyond(text)) };
    }
    let (month, day) = (found.month.unwrap_or(1), found.day.unwrap_or(1));
    if (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day) {
        return Ok(days(year, month, day));
    }
    Err(beyond(text))
}

/// Reads the fields of a pattern one after another. Between them anything that is no letter and no digit may stand for
/// anything else.
fn read(text: &str, pattern: &str) -> Result<Found> {
    let mut found = Found::default();
    let mut rest = text;
    let pieces = parse(pattern)?;
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(literal) => {
                for c in literal.chars() {
                    if c.is_alphanumeric() {
                        rest = rest.trim_start();
                        rest = rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or("");
                    } else {
                        rest = rest.trim_start();
                        rest = rest
                            .strip_prefix(|c: char| c == 'T' || c.is_ascii_punctuation() && c != '+')
                            .unwrap_or(rest);
                    }
                }
            }
            Piece::Field(keyword, options) => {
                rest = rest.trim_start();
                // Digits of the next field are its own if it follows at once.
                let next = matches!(pieces.get(at + 1), Some(Piece::Field(..)));
                rest = field(&mut found, keyword, rest, next && !options.fill)
                    .ok_or_else(|| failed(format!("invalid value \"{rest}\" for \"{keyword}\"")))?;
                if options.ordinal.is_some() {
                    rest = rest.get(2..).unwrap_or("");
                }
            }
        }
    }
    Ok(found)
}

/// As many digits as there are, but no more than `most`.
fn digits(text: &str, most: usize) -> Option<(i64, usize)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    Some((text.get(..length)?.parse().ok()?, length))
}

fn named(text: &str, names: &[&str], least: usize) -> Option<(i64, usize)> {
    let fits = |name: &&str| text.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    let whole = names.iter().position(&fits).map(|at| (at, names[at].len()));
    let short = || {
        let at = names.iter().position(|name| name.get(..least).is_some_and(|short| fits(&short)))?;
        Some((at, least))
    };
    let (at, length) = whole.or_else(short)?;
    Some((i64::try_from(at).ok()?, length))
}

/// What is behind a field.
fn field<'a>(found: &mut Found, keyword: Keyword, text: &'a str, packed: bool) -> Option<&'a str> {
    let number = |width: usize| digits(text, if packed { width } else { 18 });
    let length = match keyword {
        "YYYY" | "IYYY" => keep(&mut found.year, number(4)?),
        "YYY" | "YY" | "Y" => {
            let (year, length) = number(keyword.len())?;
            found.year = Some(if length < 4 { windowed(year, length) } else { year });
            length
        }
        "MM" => keep(&mut found.month, number(2)?),
        "MONTH" | "Month" | "month" => keep_next(&mut found.month, named(text, &MONTHS, 9)?),
        "MON" | "Mon" | "mon" => {
            let short: Vec<&str> = MONTHS.iter().map(|name| &name[..3]).collect();
            keep_next(&mut found.month, named(text, &short, 3)?)
        }
        "RM" | "rm" => {
            let (month, length) = roman(text)?;
            found.month = Some(month);
            length
        }
        "DD" => keep(&mut found.day, number(2)?),
        "DDD" => keep(&mut found.of_year, number(3)?),
        "DAY" | "Day" | "day" => named(text, &DAYS, 9)?.1,
        "DY" | "Dy" | "dy" => {
            let short: Vec<&str> = DAYS.iter().map(|name| &name[..3]).collect();
            named(text, &short, 3)?.1
        }
        "D" | "ID" | "W" | "Q" => number(1)?.1,
        "J" => keep(&mut found.julian, number(18)?),
        _ => time_field(found, keyword, text, packed)?,
    };
    text.get(length..)
}

/// The length of a field of the time of day or of its zone.
fn time_field(found: &mut Found, keyword: Keyword, text: &str, packed: bool) -> Option<usize> {
    let number = || digits(text, if packed { 2 } else { 18 });
    Some(match keyword {
        "HH24" => keep(&mut found.hour, number()?),
        "HH12" | "HH" => {
            found.twelve = true;
            keep(&mut found.hour, number()?)
        }
        "MI" => put(&mut found.minute, number()?),
        "SS" => put(&mut found.second, number()?),
        "MS" | "US" | "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => fraction(found, keyword, text)?,
        "AM" | "PM" | "am" | "pm" => half(&mut found.half, text, ["am", "pm"])?,
        "A.M." | "P.M." | "a.m." | "p.m." => half(&mut found.half, text, ["a.m.", "p.m."])?,
        "BC" | "AD" | "bc" | "ad" => {
            let mut before = None;
            let length = half(&mut before, text, ["ad", "bc"])?;
            found.before = before == Some(true);
            length
        }
        "TZH" => {
            let length = text.len().min(3);
            found.offset = Some(offset(text.get(..length)?)?);
            length
        }
        "TZM" => {
            let (minutes, length) = number()?;
            let before = found.offset.unwrap_or(0);
            found.offset = Some(before + if before < 0 { -minutes } else { minutes } * MINUTE);
            length
        }
        "OF" => {
            let length =
                text.find(|c: char| c != '+' && c != '-' && c != ':' && !c.is_ascii_digit()).unwrap_or(text.len());
            found.offset = Some(offset(&text[..length])?);
            length
        }
        _ => return None,
    })
}

/// A month in Roman numerals: the longest that the text begins with.
fn roman(text: &str) -> Option<(i64, usize)> {
    let fits = |name: &str| text.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    let (at, name) = ROMAN.iter().enumerate().filter(|(_, name)| fits(name)).max_by_key(|(_, name)| name.len())?;
    Some((i64::try_from(at + 1).ok()?, name.len()))
}

fn keep(to: &mut Option<i64>, (number, length): (i64, usize)) -> usize {
    *to = Some(number);
    length
}

fn keep_next(to: &mut Option<i64>, (number, length): (i64, usize)) -> usize {
    *to = Some(number + 1);
    length
}

fn put(to: &mut i64, (number, length): (i64, usize)) -> usize {
    *to = number;
    length
}

/// A year of fewer than four digits is the one that is nearest to 2020.
fn windowed(year: i64, length: usize) -> i64 {
    match (length, year) {
        (3, 0..=519) => year + 2000,
        (3, _) => year + 1000,
        (_, 0..=69) => year + 2000,
        (_, 70..=99) => year + 1900,
        _ => year,
    }
}

fn fraction(found: &mut Found, keyword: Keyword, text: &str) -> Option<usize> {
    let most = match keyword {
        "MS" => 3,
        "US" => 6,
        other => other[2..].parse().ok()?,
    };
    let (number, length) = digits(text, most)?;
    found.micros = number * 10i64.pow(u32::try_from(6 - length).ok()?);
    Some(length)
}

fn half(to: &mut Option<bool>, text: &str, words: [&str; 2]) -> Option<usize> {
    let length = words[0].len();
    let begin = text.get(..length)?.to_lowercase();
    *to = Some(words.iter().position(|word| *word == begin)? == 1);
    Some(length)
}

//! `to_char` of moments.

use super::pattern::{DAYS, Keyword, MONTHS, Options, Piece, ROMAN, parse};
use crate::sql::{
    calendar::{days, iso_week, parts},
    failed::failed,
    session_zone::Zone,
    units::{DAY, HOUR, MINUTE, SECOND},
};
use datafusion::error::Result;

/// A moment by its pattern; `zone` if it has one.
pub fn timestamp(us: i64, pattern: &str, zone: Option<&Zone>) -> Result<String> {
    let offset = zone.map_or(Ok(0), |zone| zone.offset(us))?;
    let at = Moment { us: us + offset, zone: zone.map(|zone| (*zone, offset)) };
    let mut text = String::new();
    for piece in parse(pattern)? {
        match piece {
            Piece::Text(literal) => text += &literal,
            Piece::Field(keyword, options) => text += &at.field(keyword, options)?,
        }
    }
    Ok(text)
}

struct Moment {
    us: i64,
    zone: Option<(Zone, i64)>,
}

impl Moment {
    fn field(&self, keyword: Keyword, options: Options) -> Result<String> {
        match self.number(keyword) {
            Some((number, width)) => Ok(numbered(number, width, options)),
            None => self.word(keyword, options),
        }
    }

    /// Fields that are numbers, with the digits that they have at least.
    fn number(&self, keyword: Keyword) -> Option<(i64, usize)> {
        let at = parts(self.us);
        let day = self.us.div_euclid(DAY);
        let (iso_year, iso_week_number, iso_day) = iso_week(day);
        let year = if at.year > 0 { at.year } else { 1 - at.year };
        let of_year = day - days(at.year, 1, 1) + 1;
        let hour = at.time / HOUR;
        let micros = at.time % SECOND;
        Some(match keyword {
            "HH24" => (hour, 2),
            "HH12" | "HH" => ((hour + 11) % 12 + 1, 2),
            "MI" => (at.time % HOUR / MINUTE, 2),
            "SS" => (at.time % MINUTE / SECOND, 2),
            "MS" | "FF3" => (micros / 1000, 3),
            "US" | "FF6" => (micros, 6),
            "FF1" => (micros / 100_000, 1),
            "FF2" => (micros / 10_000, 2),
            "FF4" => (micros / 100, 4),
            "FF5" => (micros / 10, 5),
            "SSSS" | "SSSSS" => (at.time / SECOND, 0),
            "YYYY" => (year, 4),
            "YYY" => (year % 1000, 3),
            "YY" => (year % 100, 2),
            "Y" => (year % 10, 1),
            "IYYY" => (iso_year, 4),
            "IYY" => (iso_year % 1000, 3),
            "IY" => (iso_year % 100, 2),
            "I" => (iso_year % 10, 1),
            "MM" => (at.month, 2),
            "DDD" => (of_year, 3),
            "IDDD" => ((iso_week_number - 1) * 7 + iso_day, 3),
            "DD" => (at.day, 2),
            "D" => ((day + 4).rem_euclid(7) + 1, 0),
            "ID" => (iso_day, 0),
            "W" => ((at.day - 1) / 7 + 1, 0),
            "WW" => ((of_year - 1) / 7 + 1, 2),
            "IW" => (iso_week_number, 2),
            "CC" => ((at.year + 99) / 100, 2),
            "J" => (day + 2_440_588, 0),
            "Q" => ((at.month - 1) / 3 + 1, 0),
            _ => return None,
        })
    }

    fn word(&self, keyword: Keyword, options: Options) -> Result<String> {
        let at = parts(self.us);
        let month = usize::try_from(at.month - 1).unwrap_or(0);
        let weekday = usize::try_from((self.us.div_euclid(DAY) + 4).rem_euclid(7)).unwrap_or(0);
        let padded = |name: &str, width: usize| if options.fill { name.to_owned() } else { format!("{name:<width$}") };
        let afternoon = at.time >= 12 * HOUR;
        let before = at.year <= 0;
        let either = |second: bool, one: &str, other: &str| if second { other } else { one }.to_owned();
        Ok(match keyword {
            "MONTH" => padded(&MONTHS[month].to_uppercase(), 9),
            "Month" => padded(MONTHS[month], 9),
            "month" => padded(&MONTHS[month].to_lowercase(), 9),
            "MON" => MONTHS[month][..3].to_uppercase(),
            "Mon" => MONTHS[month][..3].to_owned(),
            "mon" => MONTHS[month][..3].to_lowercase(),
            "DAY" => padded(&DAYS[weekday].to_uppercase(), 9),
            "Day" => padded(DAYS[weekday], 9),
            "day" => padded(&DAYS[weekday].to_lowercase(), 9),
            "DY" => DAYS[weekday][..3].to_uppercase(),
            "Dy" => DAYS[weekday][..3].to_owned(),
            "dy" => DAYS[weekday][..3].to_lowercase(),
            "RM" => padded(ROMAN[month], 4),
            "rm" => padded(&ROMAN[month].to_lowercase(), 4),
            "AM" | "PM" => either(afternoon, "AM", "PM"),
            "am" | "pm" => either(afternoon, "am", "pm"),
            "A.M." | "P.M." => either(afternoon, "A.M.", "P.M."),
            "a.m." | "p.m." => either(afternoon, "a.m.", "p.m."),
            "BC" | "AD" => either(before, "AD", "BC"),
            "bc" | "ad" => either(before, "ad", "bc"),
            "B.C." | "A.D." => either(before, "A.D.", "B.C."),
            "b.c." | "a.d." => either(before, "a.d.", "b.c."),
            "Y,YYY" => {
                let year = at.year.max(1 - at.year);
                format!("{},{:03}", year / 1000, year % 1000)
            }
            other => self.zoned(other)?,
        })
    }

    fn zoned(&self, keyword: Keyword) -> Result<String> {
        let (zone, offset) = match &self.zone {
            Some((zone, offset)) => (Some(zone), *offset),
            None => (None, 0),
        };
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset.abs() / HOUR, offset.abs() % HOUR / MINUTE);
        Ok(match keyword {
            "TZH" => format!("{sign}{hours:02}"),
            "TZM" => format!("{minutes:02}"),
            "OF" if minutes == 0 => format!("{sign}{hours:02}"),
            "OF" => format!("{sign}{hours:02}:{minutes:02}"),
            _ => match zone {
                None => String::new(),
                Some(Zone::Named(zone)) if zone.name() == "UTC" => {
                    if keyword == "tz" {
                        "utc".into()
                    } else {
                        "UTC".into()
                    }
                }
                Some(_) => return Err(failed(format!("the pattern `{keyword}` is not supported but for UTC"))),
            },
        })
    }
}

fn numbered(number: i64, width: usize, options: Options) -> String {
    let width = if options.fill { 0 } else { width };
    let text = format!("{number:0width$}");
    match options.ordinal {
        None => text,
        Some(capitals) => {
            let ending = ordinal(number);
            let ending = if capitals { ending.to_uppercase() } else { ending.to_owned() };
            format!("{text}{ending}")
        }
    }
}

fn ordinal(number: i64) -> &'static str {
    match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

//! `regexp_replace`, `regexp_substr` and their like, `similar to`, and `substring(x from pattern)`.

use super::{
    super::texts::{Given, Gives, Kind, TextFunction},
    pattern::{Pattern, compiled, plain},
    translate::similar,
};
use datafusion::{
    common::{Result, plan_err},
    logical_expr::ScalarUDF,
};

/// The functions.
pub fn functions() -> Vec<ScalarUDF> {
    vec![
        TextFunction::udf("regexp_like", 2..=3, Kind::Bool, like),
        TextFunction::udf("regexp_replace", 3..=6, Kind::Text, replace),
        TextFunction::udf("regexp_substr", 2..=6, Kind::Text, substr),
        TextFunction::udf("regexp_count", 2..=4, Kind::Whole, count),
        TextFunction::udf("regexp_instr", 2..=7, Kind::Whole, instr),
        TextFunction::udf("regexp_match", 2..=3, Kind::List, groups),
        TextFunction::udf("regexp_split_to_array", 2..=3, Kind::List, split),
        TextFunction::udf("similar_to", 2..=3, Kind::Bool, similar_to),
        TextFunction::udf("substring_matching", 2..=2, Kind::Text, substring),
    ]
}

fn flags<'a>(given: &[Given<'a>], at: usize) -> &'a str {
    given.get(at).map_or("", |given| given.text())
}

fn number(given: &[Given<'_>], at: usize, otherwise: i64, name: &str) -> Result<i64> {
    match given.get(at) {
        None => Ok(otherwise),
        Some(Given::Whole(number)) if *number > 0 || otherwise == 0 && *number >= 0 => Ok(*number),
        Some(_) => plan_err!("the {name} of a regular expression's function is a positive number"),
    }
}

fn pattern(given: &[Given<'_>], at: usize) -> Result<std::rc::Rc<Pattern>> {
    compiled(given[1].text(), flags(given, at))
}

/// The offset of a character that is counted from 1.
fn offset(text: &str, start: i64) -> Option<usize> {
    let skip = usize::try_from(start - 1).ok()?;
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(skip)
}

fn like(given: &[Given<'_>]) -> Result<Gives> {
    Ok(Gives::Bool(pattern(given, 2)?.is_match(given[0].text())))
}

/// All matches from an offset on.
fn matches(pattern: &Pattern, text: &str, from: usize) -> Result<Vec<(usize, usize)>> {
    let mut found = vec![];
    let mut at = from;
    while at <= text.len() {
        let Some((start, end)) = pattern.find_at(text, at)? else { break };
        found.push((start, end));
        at = if end > start { end } else { next(text, end) };
    }
    Ok(found)
}

fn next(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(at + 1, |c| at + c.len_utf8())
}

fn replace(given: &[Given<'_>]) -> Result<Gives> {
    let (text, with) = (given[0].text(), given[2].text());
    let (start, nth, letters) = if let Some(Given::Whole(_)) = given.get(3) {
        let nth = number(given, 4, 0, "occurrence")?;
        // A start without an occurrence replaces the first.
        let nth = if given.len() == 4 { 1 } else { nth };
        (number(given, 3, 1, "start")?, nth, flags(given, 5).to_owned())
    } else {
        let letters = flags(given, 3);
        (1, i64::from(!letters.contains('g')), letters.replace('g', ""))
    };
    let pattern = compiled(given[1].text(), &letters)?;
    let Some(from) = offset(text, start) else { return Ok(Gives::Text(text.to_owned())) };
    let mut replaced = String::with_capacity(text.len());
    let (mut done, mut at, mut met) = (0, from, 0);
    while at <= text.len() {
        let Some((start, end)) = pattern.find_at(text, at)? else { break };
        met += 1;
        if nth == 0 || met == nth {
            replaced.push_str(&text[done..start]);
            put(&mut replaced, with, &pattern, text, (start, end))?;
            done = end;
            if met == nth {
                break;
            }
        }
        at = if end > start { end } else { next(text, end) };
    }
    replaced.push_str(&text[done..]);
    Ok(Gives::Text(replaced))
}

/// `\1` to `\9` are groups, `\&` is the match, `\\` a backslash.
fn put(to: &mut String, with: &str, pattern: &Pattern, text: &str, span: (usize, usize)) -> Result<()> {
    if !with.contains('\\') {
        to.push_str(with);
        return Ok(());
    }
    let mut chars = with.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            to.push(c);
            continue;
        }
        match chars.next() {
            Some('&') => to.push_str(&text[span.0..span.1]),
            Some(digit @ '1'..='9') => {
                let group = usize::from(digit as u8 - b'0');
                let captures = pattern.captures_at(text, span.0)?;
                let group = captures.as_ref().and_then(|captures| captures.get(group));
                to.push_str(group.map_or("", |group| group.as_str()));
            }
            Some('\\') | None => to.push('\\'),
            Some(other) => {
                to.push('\\');
                to.push(other);
            }
        }
    }
    Ok(())
}

/// The `n`th match from a start on.
fn nth(pattern: &Pattern, text: &str, start: i64, nth: i64) -> Result<Option<(usize, usize)>> {
    let Some(from) = offset(text, start) else { return Ok(None) };
    let found = matches(pattern, text, from)?;
    Ok(usize::try_from(nth - 1).ok().and_then(|at| found.get(at)).copied())
}

fn group(pattern: &Pattern, text: &str, span: (usize, usize), group: i64) -> Result<Option<(usize, usize)>> {
    if group == 0 {
        return Ok(Some(span));
    }
    let captures = pattern.captures_at(text, span.0)?;
    let group = usize::try_from(group).unwrap_or(usize::MAX);
    Ok(captures.and_then(|captures| captures.get(group).map(|group| (group.start(), group.end()))))
}

fn substr(given: &[Given<'_>]) -> Result<Gives> {
    let text = given[0].text();
    let pattern = pattern(given, 4)?;
    let Some(span) = nth(&pattern, text, number(given, 2, 1, "start")?, number(given, 3, 1, "occurrence")?)? else {
        return Ok(Gives::Null);
    };
    let span = group(&pattern, text, span, number(given, 5, 0, "group")?)?;
    Ok(span.map_or(Gives::Null, |(start, end)| Gives::Text(text[start..end].to_owned())))
}

fn count(given: &[Given<'_>]) -> Result<Gives> {
    let text = given[0].text();
    let Some(from) = offset(text, number(given, 2, 1, "start")?) else { return Ok(Gives::Whole(0)) };
    let count = matches(&*pattern(given, 3)?, text, from)?.len();
    Ok(Gives::Whole(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn instr(given: &[Given<'_>]) -> Result<Gives> {
    let text = given[0].text();
    let pattern = pattern(given, 5)?;
    let start = number(given, 2, 1, "start")?;
    let Some(span) = nth(&pattern, text, start, number(given, 3, 1, "occurrence")?)? else {
        return Ok(Gives::Whole(0));
    };
    let Some((start, end)) = group(&pattern, text, span, number(given, 6, 0, "group")?)? else {
        return Ok(Gives::Whole(0));
    };
    let at = if number(given, 4, 0, "end option")? == 0 { start } else { end };
    Ok(Gives::Whole(i64::try_from(text[..at].chars().count() + 1).unwrap_or(i64::MAX)))
}

fn groups(given: &[Given<'_>]) -> Result<Gives> {
    let text = given[0].text();
    let pattern = pattern(given, 2)?;
    if pattern.groups() == 0 {
        let found = pattern.find_at(text, 0)?;
        return Ok(found.map_or(Gives::Null, |(start, end)| Gives::List(vec![Some(text[start..end].to_owned())])));
    }
    let Some(captures) = pattern.captures_at(text, 0)? else { return Ok(Gives::Null) };
    let groups = captures.iter().skip(1).map(|group| group.map(|group| group.as_str().to_owned()));
    Ok(Gives::List(groups.collect()))
}

fn split(given: &[Given<'_>]) -> Result<Gives> {
    let text = given[0].text();
    let mut parts = vec![];
    let mut done = 0;
    for (start, end) in matches(&*pattern(given, 2)?, text, 0)? {
        // No empty match at the beginning, at the end, or right behind another one.
        if start == end && (start == 0 || start == text.len() || start == done) {
            continue;
        }
        parts.push(Some(text[done..start].to_owned()));
        done = end;
    }
    parts.push(Some(text[done..].to_owned()));
    Ok(Gives::List(parts))
}

fn similar_to(given: &[Given<'_>]) -> Result<Gives> {
    let mut escape = given.get(2).map_or("\\", |given| given.text()).chars();
    let (first, more) = (escape.next(), escape.next());
    if more.is_some() {
        return plan_err!("the escape of `similar to` is one character");
    }
    Ok(Gives::Bool(plain(&similar(given[1].text(), first)?)?.is_match(given[0].text())))
}

/// The first group if there is one, else the match.
fn substring(given: &[Given<'_>]) -> Result<Gives> {
    let text = given[0].text();
    let pattern = pattern(given, 2)?;
    let span = match pattern.groups() {
        0 => pattern.find_at(text, 0)?,
        _ => pattern.captures_at(text, 0)?.and_then(|found| found.get(1).map(|group| (group.start(), group.end()))),
    };
    Ok(span.map_or(Gives::Null, |(start, end)| Gives::Text(text[start..end].to_owned())))
}

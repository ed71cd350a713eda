//! A compiled pattern, and what it matches: where PostgreSQL takes the longest match, the longest.

use super::translate::{Translated, translate};
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use regex::{Regex, RegexBuilder};
use std::{cell::RefCell, collections::HashMap, rc::Rc};

/// Patterns that a thread keeps.
const KEPT: usize = 64;

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    first: Regex,
    /// Tells whether all of a text is a match, where that may be longer than the first one.
    whole: Option<Regex>,
    translated: Translated,
}

thread_local! {
    static PATTERNS: RefCell<HashMap<(String, String), Rc<Pattern>>> = RefCell::default();
}

/// The pattern, compiled with these letters.
pub fn compiled(source: &str, flags: &str) -> Result<Rc<Pattern>> {
    PATTERNS.with_borrow_mut(|patterns| {
        let key = (source.to_owned(), flags.to_owned());
        if let Some(pattern) = patterns.get(&key) {
            return Ok(pattern.clone());
        }
        if patterns.len() >= KEPT {
            patterns.clear();
        }
        let pattern = Rc::new(Pattern::new(source, flags)?);
        patterns.insert(key, pattern.clone());
        Ok(pattern)
    })
}

/// A plain pattern of the `regex` crate.
pub fn plain(source: &str) -> Result<Regex> {
    build(source, "")
}

fn build(pattern: &str, flags: &str) -> Result<Regex> {
    let mut builder = RegexBuilder::new(pattern);
    // A dot is any character, unless somebody asks for lines.
    builder.dot_matches_new_line(true);
    for letter in flags.chars() {
        match letter {
            'i' => builder.case_insensitive(true),
            'c' => builder.case_insensitive(false),
            'n' | 'm' => builder.dot_matches_new_line(false).multi_line(true),
            'p' => builder.dot_matches_new_line(false),
            'w' => builder.multi_line(true),
            's' => builder.dot_matches_new_line(true).multi_line(false),
            'x' => builder.ignore_whitespace(true),
            't' | 'e' | 'q' => &mut builder,
            other => return plan_err!("a regular expression does not know the flag `{other}`"),
        };
    }
    builder.build().map_err(|error| exec_datafusion_err!("the regular expression cannot be read: {error}"))
}

impl Pattern {
    fn new(source: &str, flags: &str) -> Result<Self> {
        let literal = flags.contains('q');
        let translated = translate(&if literal { regex::escape(source) } else { source.to_owned() })?;
        let translated = if translated.flags.contains('q') {
            Translated { pattern: regex::escape(source.trim_start_matches("***=")), ..translated }
        } else {
            translated
        };
        let all = format!("{flags}{}", translated.flags);
        let first = build(&translated.pattern, &all)?;
        let longer = translated.branches && translated.greedy_or_plain() && !translated.looks_around;
        let whole = if longer { Some(build(&format!("\\A(?:{})\\z", translated.pattern), &all)?) } else { None };
        Ok(Self { first, whole, translated })
    }

    /// Whether there is a match.
    pub fn is_match(&self, text: &str) -> bool {
        self.first.is_match(text)
    }

    /// The groups of the pattern.
    pub fn groups(&self) -> usize {
        self.first.captures_len() - 1
    }

    /// The next match at or behind an offset.
    pub fn find_at(&self, text: &str, from: usize) -> Result<Option<(usize, usize)>> {
        self.decided()?;
        let Some(found) = self.first.find_at(text, from) else { return Ok(None) };
        Ok(Some((found.start(), self.longest(text, found.start(), found.end()))))
    }

    /// The next match with its groups.
    pub fn captures_at<'t>(&self, text: &'t str, from: usize) -> Result<Option<regex::Captures<'t>>> {
        self.decided()?;
        let Some(found) = self.first.captures_at(text, from) else { return Ok(None) };
        if let Some(all) = found.get(0)
            && self.longest(text, all.start(), all.end()) != all.end()
        {
            return exec_err!(
                "the groups of this regular expression could match in more than one way: put the longer alternative first"
            );
        }
        Ok(Some(found))
    }

    /// The end of the longest match that begins there.
    fn longest(&self, text: &str, start: usize, end: usize) -> usize {
        let Some(whole) = &self.whole else { return end };
        let ends = text[end..].char_indices().map(|(at, c)| end + at + c.len_utf8());
        let ends: Vec<usize> = ends.collect();
        ends.into_iter().rev().find(|longer| whole.is_match(&text[start..*longer])).unwrap_or(end)
    }

    /// In PostgreSQL the first repetition decides for all of them whether the match is the longest or the shortest.
    fn decided(&self) -> Result<()> {
        let Translated { lazy, greedy, branches, .. } = self.translated;
        if lazy && (greedy || branches && self.translated.pattern.contains('|')) {
            return plan_err!("a regular expression that mixes `*` and `*?` is not supported: it means something else");
        }
        Ok(())
    }
}

impl Translated {
    fn greedy_or_plain(&self) -> bool {
        !self.lazy
    }
}

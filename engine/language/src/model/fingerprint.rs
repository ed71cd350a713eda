//! What a model says, spaces and comments aside; and whether it says something else each time.

use super::{Check, ModelConfig};
use crate::{dialect::SqlDialect, rendered::Rendered};
use sqlparser::tokenizer::{Token, Tokenizer};

/// Two models of the same fingerprint make the same rows of the same inputs, unless they are volatile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// A digest of the SQL's tokens and of the settings that matter, in hexadecimal.
    pub hash: String,
    /// Whether the same inputs may give other rows in another run: it asks for `run`, the time, or chance.
    pub volatile: bool,
}

/// Functions that answer something else each time.
const VOLATILE: &[&str] = &[
    "clock_timestamp",
    "current_date",
    "current_time",
    "current_timestamp",
    "gen_random_uuid",
    "getdate",
    "localtime",
    "localtimestamp",
    "now",
    "rand",
    "random",
    "statement_timestamp",
    "sysdate",
    "today",
    "transaction_timestamp",
    "uuid",
    "uuidv4",
    "uuidv7",
];

/// Of these, the ones that are called without parentheses.
const BARE: &[&str] = &["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"];

impl Fingerprint {
    /// The fingerprint of a model: of all that it renders to, and of its settings.
    pub fn of(said: &[&Rendered], config: &ModelConfig) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut volatile = false;
        for rendered in said {
            volatile |= rendered.uses_run | sql(&rendered.sql, &mut hasher);
            part(&mut hasher, "end of the SQL");
        }
        settings(config, &mut hasher);
        Self { hash: hasher.finalize().to_hex().to_string(), volatile }
    }
}

/// Adds text so that no two lists of parts look the same.
fn part(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

/// Adds the tokens, and answers whether a volatile function is among them.
fn sql(sql: &str, hasher: &mut blake3::Hasher) -> bool {
    let Ok(tokens) = Tokenizer::new(&SqlDialect, sql).tokenize() else {
        part(hasher, sql);
        return true;
    };
    let tokens: Vec<Token> = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let last = tokens.iter().rposition(|token| *token != Token::SemiColon).map_or(0, |last| last + 1);
    for token in &tokens[..last] {
        match token {
            Token::Word(word) if word.quote_style.is_none() => part(hasher, &word.value.to_lowercase()),
            other => part(hasher, &other.to_string()),
        }
    }
    (0..last).any(|i| is_volatile(&tokens, i))
}

fn is_volatile(tokens: &[Token], i: usize) -> bool {
    let Token::Word(word) = &tokens[i] else { return false };
    let name = word.value.to_lowercase();
    let after_dot = i > 0 && tokens[i - 1] == Token::Period;
    let called = tokens.get(i + 1) == Some(&Token::LParen);
    !after_dot
        && VOLATILE.contains(&name.as_str())
        && (called || word.quote_style.is_none() && BARE.contains(&name.as_str()))
}

/// Adds what of `config()` changes the table or what is checked of it. It is taken apart without `..`, so that a new key
/// cannot be forgotten here.
fn settings(config: &ModelConfig, hasher: &mut blake3::Hasher) {
    let ModelConfig {
        span: _,
        materialized,
        sink,
        table,
        key,
        strategy,
        cursor,
        description: _,
        tags: _,
        checks,
        meta: _,
        severity,
        enabled: _,
        // Whether a full refresh is allowed changes no row by itself.
        full_refresh: _,
    } = config;
    part(hasher, materialized.word());
    part(hasher, sink.as_ref().map_or("", |sink| sink.as_str()));
    part(hasher, table.as_str());
    part(hasher, &format!("{strategy:?} {severity:?}"));
    part(hasher, cursor.as_ref().map_or("", |cursor| cursor.as_str()));
    part(hasher, &format!("{} columns of the key", key.len()));
    for column in key {
        part(hasher, column);
    }
    for Check { rule, severity, span: _ } in checks {
        part(hasher, &rule.say());
        part(hasher, &format!("{severity:?}"));
    }
}

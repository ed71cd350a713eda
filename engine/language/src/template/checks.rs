//! The rules of checks as functions: `not_null("id")`, `between("rating", 1, 5, severity = "warn")`.

use super::{
    arguments::{kind_name, to_value},
    complaint::Complaint,
    recorder::Recorder,
};
use crate::{
    code,
    config::toml::Value as PlainValue,
    files::Span,
    model::{Check, CheckSeverity, Rule},
    name::Name,
};
use minijinja::{
    Environment, Error, State,
    value::{Kwargs, Object, Rest, Value},
};
use std::{fmt, sync::Arc};

/// What a rule's function answers, for `config(checks = […])`. The rule's values get their place there.
pub(super) struct CheckValue {
    rule: Box<dyn Fn(Span) -> Option<Rule> + Send + Sync>,
    severity: CheckSeverity,
}

impl CheckValue {
    /// The check, at the place where `config()` lists it; `None` if it compares with what is no plain value.
    pub fn at(&self, span: Span) -> Option<Check> {
        Some(Check { rule: (self.rule)(span)?, severity: self.severity, span })
    }
}

impl fmt::Debug for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckValue")
    }
}

impl Object for CheckValue {
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a check")
    }
}

pub(super) fn add_all(env: &mut Environment<'_>) {
    env.add_function("not_null", |column: String, kwargs: Kwargs| known(Rule::NotNull(column), &kwargs));
    env.add_function("unique", unique);
    env.add_function("accepted_values", accepted_values);
    env.add_function("relationships", relationships);
    env.add_function("between", |column: String, low: Value, high: Value, kwargs: Kwargs| {
        let rule = move |span| Some(Rule::Between(column.clone(), to_value(&low, span)?, to_value(&high, span)?));
        check(rule, &kwargs)
    });
    env.add_function("row_count", |kwargs: Kwargs| {
        let rule = Rule::RowCount { min: kwargs.get("min")?, max: kwargs.get("max")? };
        known(rule, &kwargs)
    });
    env.add_function("expression", |sql: String, kwargs: Kwargs| known(Rule::Expression(sql), &kwargs));
}

fn known(rule: Rule, kwargs: &Kwargs) -> Result<Value, Error> {
    check(move |_| Some(rule.clone()), kwargs)
}

fn check(rule: impl Fn(Span) -> Option<Rule> + Send + Sync + 'static, kwargs: &Kwargs) -> Result<Value, Error> {
    let severity = severity(kwargs)?;
    kwargs.assert_all_used()?;
    Ok(Value::from_object(CheckValue { rule: Box::new(rule), severity }))
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja calls functions with owned arguments")]
fn unique(columns: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let mut names = vec![];
    for column in columns.iter() {
        match column.as_str() {
            Some(name) => names.push(name.to_owned()),
            None => names.extend(column.try_iter()?.map(|name| name.to_string())),
        }
    }
    if names.is_empty() {
        return Err(Complaint::new(&code::E0104, "`unique` takes the columns that must not repeat").into());
    }
    known(Rule::Unique(names), &kwargs)
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja calls functions with owned arguments")]
fn accepted_values(column: String, values: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let values = match values {
        Some(values) => values,
        None => kwargs.get("values")?,
    };
    let values: Vec<Value> = values.try_iter()?.collect();
    let rule = move |span| {
        let values: Option<Vec<PlainValue>> = values.iter().map(|value| to_value(value, span)).collect();
        Some(Rule::AcceptedValues(column.clone(), values?))
    };
    check(rule, &kwargs)
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja calls functions with owned arguments")]
fn relationships(state: &State, column: String, kwargs: Kwargs) -> Result<Value, Error> {
    let to: String = kwargs.get("to")?;
    // `to = ref("users")` gives the SQL of the table.
    let recorder = Recorder::of(state);
    let named = recorder.asked().reads.iter().find(|read| read.sql == to).map(|read| read.id.name().into_owned());
    let to = named.unwrap_or(to);
    let field: Option<String> = kwargs.get("field")?;
    known(Rule::Relationships { field: field.unwrap_or_else(|| column.clone()), column, to: Name::new(to) }, &kwargs)
}

/// The severity that a check's `severity = "warn"` means.
fn severity(kwargs: &Kwargs) -> Result<CheckSeverity, Error> {
    let given: Option<Value> = kwargs.get("severity")?;
    match given.as_ref().map(|value| (value.as_str(), value)) {
        None | Some((Some("error"), _)) => Ok(CheckSeverity::Error),
        Some((Some("warn"), _)) => Ok(CheckSeverity::Warn),
        Some((_, value)) => {
            let message = format!("severity is `error` or `warn`, not {}", value.as_str().unwrap_or(kind_name(value)));
            Err(Complaint::new(&code::E0104, message).into())
        }
    }
}

//! The functions that templates call: `ref`, `source`, `config`, `var` and the rules of checks.

use super::{
    arguments::from_value,
    complaint::Complaint,
    marks,
    quote::identifier,
    recorder::{Read, Recorder},
};
use crate::{
    code,
    id::{self, NodeId},
    name::Name,
};
use minijinja::{
    Environment, Error, State,
    value::{Kwargs, Object, Rest, Value},
};
use std::{collections::BTreeSet, fmt, sync::Arc};

/// The names that `ref` tells apart.
#[derive(Clone, Debug, Default)]
pub struct Referable {
    /// Replications, whose tables are `ref('replica.orders')`.
    pub replications: BTreeSet<Name>,
    /// Seeds, which stand beside models in `ref('countries')`.
    pub seeds: BTreeSet<Name>,
}

impl Referable {
    /// The seed or model of a name.
    fn one(&self, name: &str) -> NodeId {
        if self.seeds.contains(name) { NodeId::Seed(name.into()) } else { NodeId::Model(name.into()) }
    }
}

/// Adds every function and filter of ours.
pub(super) fn add_all(env: &mut Environment<'_>, referable: Arc<Referable>) {
    env.add_function("ref", move |state: &State, arguments: Rest<Value>| reference(state, &referable, &arguments));
    env.add_function("source", |state: &State, arguments: Rest<Value>| source(state, &arguments));
    env.add_global("config", Value::from_object(Config));
    env.add_function("var", var);
    env.add_function("env_var", env_var);
    env.add_function("is_incremental", is_incremental);
    env.add_function("log", |_: Rest<Value>, _: Kwargs| String::new());
    env.add_function("print", |_: Rest<Value>| String::new());
    env.add_global("exceptions", Value::from_object(Exceptions));
    super::checks::add_all(env);
}

fn strings(arguments: &[Value]) -> Option<Vec<String>> {
    arguments.iter().map(|value| value.as_str().map(marks::unmark)).collect()
}

fn reference(state: &State, referable: &Referable, arguments: &[Value]) -> Result<Value, Error> {
    let wrong = || Complaint::new(&code::E0104, "`ref` takes the name of a model, as in `ref('orders')`");
    let given = strings(arguments).ok_or_else(wrong)?;
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let id = match given[..] {
        [package, table] if referable.replications.contains(package) => NodeId::copy(package, table),
        [_, name] => referable.one(name),
        [name] => match id::pairs(name).find(|(first, _)| referable.replications.contains(first)) {
            Some((replication, table)) => NodeId::Copy { replication, table },
            None => referable.one(name),
        },
        _ => return Err(wrong().into()),
    };
    Ok(record(state, "ref", &given, id))
}

fn source(state: &State, arguments: &[Value]) -> Result<Value, Error> {
    let Some([source, table]) = strings(arguments).and_then(|given| <[String; 2]>::try_from(given).ok()) else {
        let message = "`source` takes a source and a table, as in `source('shop', 'orders')`";
        return Err(Complaint::new(&code::E0104, message).into());
    };
    Ok(record(state, "source", &[&source, &table], NodeId::source(source.as_str(), table.as_str())))
}

fn record(state: &State, function: &'static str, given: &[&str], id: NodeId) -> Value {
    let (schema, table) = id.in_sql();
    let sql = format!("{}.{}", identifier(schema), identifier(table));
    let arguments = given.iter().map(|text| (*text).to_owned()).collect();
    let read = Read { function, arguments, id, sql: sql.clone() };
    let recorder = Recorder::of(state);
    let mut asked = recorder.asked();
    if !asked.reads.iter().any(|known| known.id == read.id) {
        asked.reads.push(read);
    }
    Value::from(sql)
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja calls functions with owned arguments")]
fn var(state: &State, name: &str, default: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let recorder = Recorder::of(state);
    let vars = &recorder.context.vars;
    match (vars.get(name), given_default(default, &kwargs)?) {
        (Some(value), _) => unmarked(name, from_value(value)),
        (None, Some(value)) => Ok(value),
        (None, None) => Err(Complaint::new(&code::E0109, format!("there is no variable `{name}`"))
            .hint(format!(
                "give it in `[vars]` of sources.toml, by `--var {name}=…`, or write a default: `var('{name}', …)`"
            ))
            .near(name, vars.keys().map(String::as_str))
            .into()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja calls functions with owned arguments")]
fn env_var(state: &State, name: &str, default: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let recorder = Recorder::of(state);
    match (recorder.context.env.0.get(name), given_default(default, &kwargs)?) {
        (Some(value), _) => unmarked(name, Value::from(value.clone())),
        (None, Some(value)) => Ok(value),
        (None, None) => Err(Complaint::new(&code::E0110, format!("the environment has no variable `{name}`"))
            .hint(format!("set it, put it into `.env`, or write a default: `env_var('{name}', …)`"))
            .into()),
    }
}

/// The default as second argument, or by its name.
fn given_default(positional: Option<Value>, kwargs: &Kwargs) -> Result<Option<Value>, Error> {
    let named = kwargs.get("default")?;
    kwargs.assert_all_used()?;
    Ok(positional.or(named))
}

/// Refuses the characters by which values from outside are told apart.
fn unmarked(name: &str, value: Value) -> Result<Value, Error> {
    if marks::contains(&value.to_string()) {
        let message = format!("`{name}` holds U+FDD0 or U+FDD1, which are no characters");
        return Err(Complaint::new(&code::E0114, message).into());
    }
    Ok(value)
}

fn is_incremental(state: &State) -> bool {
    let recorder = Recorder::of(state);
    recorder.asked().uses_incremental = true;
    recorder.context.incremental
}

/// `config(…)`, and `config.get('key')` of what was said so far.
#[derive(Debug)]
struct Config;

impl Object for Config {
    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, arguments: &[Value]) -> Result<Value, Error> {
        let (positional, kwargs): (Rest<Value>, Kwargs) = minijinja::value::from_args(arguments)?;
        if !positional.is_empty() {
            let message = "`config` takes arguments by name, as in `config(materialized = \"view\")`";
            return Err(Complaint::new(&code::E0104, message).into());
        }
        let recorder = Recorder::of(state);
        for name in kwargs.args() {
            recorder.asked().config.insert(name.to_owned(), marks::unmark_value(&kwargs.peek(name)?));
        }
        Ok(Value::from(""))
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        if !matches!(method, "get" | "require") {
            return Err(Error::from(minijinja::ErrorKind::UnknownMethod));
        }
        let (name, default): (&str, Option<Value>) = minijinja::value::from_args(arguments)?;
        let value = Recorder::of(state).asked().config.get(name).cloned();
        Ok(value.or(default).unwrap_or(Value::from(())))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("config")
    }
}

/// `exceptions.raise_compiler_error('…')` and `exceptions.warn('…')`.
#[derive(Debug)]
struct Exceptions;

impl Object for Exceptions {
    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, arguments: &[Value]) -> Result<Value, Error> {
        let message = marks::unmark(&arguments.first().map(ToString::to_string).unwrap_or_default());
        match method {
            "raise_compiler_error" => Err(Complaint::new(&code::E0108, message).into()),
            "warn" => Ok(Value::from("")),
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }
}

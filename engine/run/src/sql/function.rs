//! A function with overloads, of which PostgreSQL's rules choose one by the types of its arguments.
//!
//! <https://www.postgresql.org/docs/current/typeconv-func.html>

use super::{
    kind::Kind,
    session_zone::Zone,
    value::{Column, Value, column},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, new_null_array},
        datatypes::{DataType, Field, FieldRef},
    },
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
    },
};
use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

/// The type of a result, given those of the arguments.
pub type Typed = fn(&[DataType]) -> Result<DataType>;
/// A row's result. No argument is NULL.
pub type Run = fn(&[Value], &Zone) -> Result<Value>;
/// A faster way for a whole column where there is one; `None` if rows have to be taken one by one.
pub type Fast = fn(&[ColumnarValue], &DataType) -> Result<Option<ColumnarValue>>;

/// One of several functions of the same name.
pub struct Overload {
    /// What it takes.
    pub takes: &'static [Kind],
    /// What it gives.
    pub gives: Gives,
    /// How a row is computed.
    pub run: Run,
}

/// What an overload gives.
#[derive(Clone, Copy)]
pub enum Gives {
    /// Always the same.
    Kind(Kind),
    /// A `numeric` whose digits depend on the arguments.
    Typed(Typed),
}

/// All functions of one name.
pub struct Function {
    /// The name.
    pub name: &'static str,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// The overloads.
    pub overloads: &'static [Overload],
    /// Columns at once.
    pub fast: Option<Fast>,
    signature: Signature,
}

impl Function {
    /// A function of what its arguments are, and of nothing else.
    pub fn new(name: &'static str, overloads: &'static [Overload]) -> Self {
        let any = vec![TypeSignature::VariadicAny, TypeSignature::Nullary];
        let signature = Signature::one_of(any, Volatility::Immutable);
        Self { name, aliases: vec![], overloads, fast: None, signature }
    }

    /// The same under more names.
    #[must_use]
    pub fn also(self, aliases: &[&str]) -> Self {
        Self { aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(), ..self }
    }

    /// The same with a faster way.
    #[must_use]
    pub fn fast(self, fast: Fast) -> Self {
        Self { fast: Some(fast), ..self }
    }

    /// The overload that is meant. A whole number that stands there is an `integer` where no `bigint` is taken; DataFusion
    /// gives all of them 64 bits.
    fn choose(&self, kinds: &[Kind], constant: impl Fn(usize) -> bool) -> Result<&Overload> {
        let narrow = || {
            let each = kinds.iter().enumerate();
            let kinds: Vec<Kind> =
                each.map(|(at, kind)| if *kind == Kind::Int8 && constant(at) { Kind::Int4 } else { *kind }).collect();
            choose(self.overloads, &kinds)
        };
        choose(self.overloads, kinds).or_else(narrow).ok_or_else(|| self.unknown(kinds))
    }

    fn unknown(&self, kinds: &[Kind]) -> DataFusionError {
        let kinds: Vec<String> = kinds.iter().map(Kind::to_string).collect();
        let known = |c: char| c.is_ascii_alphabetic();
        match kinds.as_slice() {
            [left, right] if !self.name.contains(known) => {
                DataFusionError::Plan(format!("operator does not exist: {left} {} {right}", self.name))
            }
            [] => DataFusionError::Plan(format!("`{}` takes arguments, of some type", self.name)),
            [kind] => DataFusionError::Plan(format!("`{}` does not take an argument of type {kind}", self.name)),
            kinds => {
                DataFusionError::Plan(format!("`{}` does not take arguments of type {}", self.name, kinds.join(", ")))
            }
        }
    }
}

/// The overload that is meant: the one whose types are those given, else the one with most of them, else the one that takes
/// what is preferred.
fn choose<'a>(overloads: &'a [Overload], given: &[Kind]) -> Option<&'a Overload> {
    let mut fitting: Vec<&Overload> = overloads
        .iter()
        .filter(|overload| overload.takes.len() == given.len())
        .filter(|overload| given.iter().zip(overload.takes).all(|(given, takes)| given.becomes(*takes)))
        .collect();
    // A literal in quotes is of the type of the other side if that is possible.
    if let ([Kind::Unknown, other] | [other, Kind::Unknown], true) = (given, given.len() == 2)
        && let Some(same) = fitting.iter().find(|overload| overload.takes == [*other, *other])
    {
        return Some(same);
    }
    keep_best(&mut fitting, |overload| {
        given.iter().zip(overload.takes).filter(|(given, takes)| given == takes).count()
    });
    keep_best(&mut fitting, |overload| {
        given
            .iter()
            .zip(overload.takes)
            .filter(|(given, takes)| given == takes || takes.preferred() && **given != Kind::Unknown)
            .count()
    });
    if fitting.len() > 1 {
        // What is not known is a text if that is taken, else what is preferred.
        keep_best(&mut fitting, |overload| {
            let unknown = given.iter().zip(overload.takes).filter(|(given, _)| **given == Kind::Unknown);
            unknown.map(|(_, takes)| if *takes == Kind::Text { 2 } else { usize::from(takes.preferred()) }).sum()
        });
    }
    fitting.first().copied()
}

fn keep_best(fitting: &mut Vec<&Overload>, score: impl Fn(&Overload) -> usize) {
    let best = fitting.iter().map(|overload| score(overload)).max().unwrap_or(0);
    fitting.retain(|overload| score(overload) == best);
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The kind of an argument: a text that stands there in quotes has none yet.
fn kind(data_type: &DataType, literal: bool) -> Kind {
    match Kind::of(data_type) {
        Kind::Text if literal => Kind::Unknown,
        kind => kind,
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the type depends on the arguments' fields".into()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let literal = |at: usize| args.scalar_arguments.get(at).is_some_and(Option::is_some);
        let fields = args.arg_fields.iter().enumerate();
        let kinds: Vec<Kind> = fields.map(|(at, field)| kind(field.data_type(), literal(at))).collect();
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let overload = self.choose(&kinds, literal)?;
        let gives = match overload.gives {
            Gives::Kind(kind) => kind.data_type(),
            Gives::Typed(typed) => typed(&types)?,
        };
        Ok(Arc::new(Field::new(self.name, gives, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let to = args.return_field.data_type();
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let null = |arg: &ColumnarValue| matches!(arg, ColumnarValue::Scalar(value) if value.is_null());
        if args.args.iter().any(null) {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_new_null(to)?));
        }
        if let Some(fast) = self.fast
            && let Some(done) = fast(&args.args, to)?
        {
            return Ok(done);
        }
        let rows = if scalar { 1 } else { args.number_rows };
        let kinds: Vec<Kind> =
            args.args.iter().map(|arg| kind(&arg.data_type(), matches!(arg, ColumnarValue::Scalar(_)))).collect();
        let constant = |at: usize| matches!(args.args[at], ColumnarValue::Scalar(_));
        let overload = self.choose(&kinds, constant)?;
        let zone = Zone::of(&args.config_options)?;
        let array = run(overload, &args.args, rows, to, &zone)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

fn run(overload: &Overload, args: &[ColumnarValue], rows: usize, to: &DataType, zone: &Zone) -> Result<ArrayRef> {
    let columns: Vec<Column> = args
        .iter()
        .map(|arg| match arg {
            ColumnarValue::Array(array) => Column::new(array, false),
            ColumnarValue::Scalar(value) => Column::new(&value.to_array()?, true),
        })
        .collect::<Result<_>>()?;
    if rows == 0 {
        return Ok(new_null_array(to, 0));
    }
    let mut values = Vec::with_capacity(columns.len());
    let each = (0..rows).map(|row| {
        values.clear();
        for (column, takes) in columns.iter().zip(overload.takes) {
            match super::cast::implicit(column.value(row)?, *takes, zone)? {
                Value::Null => return Ok(Value::Null),
                value => values.push(value),
            }
        }
        (overload.run)(&values, zone)
    });
    let array = column(each, to)?;
    debug_assert_eq!(array.len(), rows);
    Ok(array)
}

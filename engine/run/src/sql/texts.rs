//! Functions whose arguments are texts and whole numbers, computed row by row.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListBuilder, StringBuilder},
        datatypes::{DataType, Field, Int64Type},
    },
    common::{Result, ScalarValue},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};
use std::{
    hash::{Hash, Hasher},
    ops::RangeInclusive,
    sync::Arc,
};

/// An argument of a row. None of them is NULL, unless the function takes NULLs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given<'a> {
    /// NULL.
    Null,
    /// A text.
    Text(&'a str),
    /// A whole number.
    Whole(i64),
}

impl<'a> Given<'a> {
    /// The text.
    pub fn text(self) -> &'a str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }
}

/// The result of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Gives {
    /// NULL.
    Null,
    /// A text.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// Texts.
    List(Vec<Option<String>>),
}

/// What a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `text`
    Text,
    /// `boolean`
    Bool,
    /// `bigint`
    Whole,
    /// `text[]`
    List,
}

/// How a row is computed.
pub type Run = fn(&[Given<'_>]) -> Result<Gives>;

/// A function.
#[derive(Debug)]
pub struct TextFunction {
    name: &'static str,
    takes: RangeInclusive<usize>,
    gives: Kind,
    run: Run,
    signature: Signature,
}

impl TextFunction {
    /// A function that is NULL where an argument is.
    pub fn udf(name: &'static str, takes: RangeInclusive<usize>, gives: Kind, run: Run) -> ScalarUDF {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::from(Self { name, takes, gives, run, signature })
    }
}

impl PartialEq for TextFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TextFunction {}

impl Hash for TextFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

fn list() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        if !self.takes.contains(&kinds.len()) {
            let (least, most) = (self.takes.start(), self.takes.end());
            let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return datafusion::common::plan_err!(
                "function {} takes {wanted} arguments, not {}",
                self.name,
                kinds.len()
            );
        }
        Ok(kinds.iter().map(|kind| if kind.is_integer() { DataType::Int64 } else { DataType::Utf8 }).collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.gives {
            Kind::Text => DataType::Utf8,
            Kind::Bool => DataType::Boolean,
            Kind::Whole => DataType::Int64,
            Kind::List => list(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns: Vec<ArrayRef> = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<_>>()?;
        let mut results = Vec::with_capacity(rows);
        let mut given = Vec::with_capacity(columns.len());
        for row in 0..rows {
            given.clear();
            given.extend(columns.iter().map(|column| cell(column, row)));
            let null = given.contains(&Given::Null);
            results.push(if null { Gives::Null } else { (self.run)(&given)? });
        }
        let array = self.array(results);
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

fn cell(column: &ArrayRef, row: usize) -> Given<'_> {
    if column.is_null(row) {
        return Given::Null;
    }
    match column.data_type() {
        DataType::Utf8 => Given::Text(column.as_string::<i32>().value(row)),
        DataType::Int64 => Given::Whole(column.as_primitive::<Int64Type>().value(row)),
        _ => Given::Null,
    }
}

impl TextFunction {
    fn array(&self, results: Vec<Gives>) -> ArrayRef {
        match self.gives {
            Kind::Text => {
                let mut texts = StringBuilder::new();
                for result in results {
                    texts.append_option(if let Gives::Text(text) = result { Some(text) } else { None });
                }
                Arc::new(texts.finish())
            }
            Kind::Bool => {
                let bools =
                    results.into_iter().map(|result| if let Gives::Bool(is) = result { Some(is) } else { None });
                Arc::new(bools.collect::<BooleanArray>())
            }
            Kind::Whole => {
                let numbers =
                    results.into_iter().map(|result| if let Gives::Whole(n) = result { Some(n) } else { None });
                Arc::new(numbers.collect::<Int64Array>())
            }
            Kind::List => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for result in results {
                    if let Gives::List(texts) = result {
                        for text in texts {
                            lists.values().append_option(text);
                        }
                        lists.append(true);
                    } else {
                        lists.append(false);
                    }
                }
                Arc::new(lists.finish())
            }
        }
    }
}

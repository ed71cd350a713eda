//! The types of what is compared, chosen from or joined together: PostgreSQL does not take a text for a number or a date.
//!
//! <https://www.postgresql.org/docs/current/typeconv-oper.html>, <https://www.postgresql.org/docs/current/typeconv-union-case.html>

#![expect(clippy::unnecessary_wraps, reason = "functions of one table have one signature")]

use super::{
    cast::function::planned,
    function::{Function, Gives, Overload},
    kind::{Kind, decimal},
    numeric::Numeric,
    value::Value,
};
use datafusion::{
    arrow::{
        array::AsArray,
        datatypes::{DataType, Field, Float64Type},
    },
    common::DFSchema,
    error::{DataFusionError, Result},
    logical_expr::{BinaryExpr, Case, ColumnarValue, Expr, ExprSchemable, Operator, ScalarUDF, expr::ScalarFunction},
};
use std::sync::{Arc, LazyLock};

/// Functions of texts, which are of nothing else.
const TEXT_FUNCTIONS: &[&str] = &[
    "ascii",
    "btrim",
    "character_length",
    "initcap",
    "left",
    "lower",
    "lpad",
    "ltrim",
    "replace",
    "repeat",
    "reverse",
    "right",
    "rpad",
    "rtrim",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "translate",
    "upper",
];

/// An expression whose operands have types that go together; literals in quotes get the type of the others.
pub fn unified(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
            let (left, right) = (spelled(*left, schema)?, spelled(*right, schema)?);
            Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), Operator::StringConcat, Box::new(right))))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
            let mut pair = together(vec![*left, *right], schema, &|left, right| {
                format!("operator does not exist: {left} {op} {right}")
            })?;
            let (right, left) = (pair.pop(), pair.pop());
            let (Some(left), Some(right)) = (left, right) else {
                return Err(DataFusionError::Internal("two sides were given".into()));
            };
            let (left, right) = (ordered(left, schema)?, ordered(right, schema)?);
            Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
        }
        Expr::InList(mut list) => {
            let mut all = vec![*list.expr];
            all.extend(list.list);
            let mut all = together(all, schema, &|left, right| format!("operator does not exist: {left} = {right}"))?;
            all = all.into_iter().map(|expr| ordered(expr, schema)).collect::<Result<_>>()?;
            list.list = all.split_off(1);
            list.expr = Box::new(all.remove(0));
            Ok(Expr::InList(list))
        }
        Expr::Between(mut between) => {
            let all = vec![*between.expr, *between.low, *between.high];
            let all = together(all, schema, &|left, right| format!("operator does not exist: {left} >= {right}"))?;
            let all: Vec<Expr> = all.into_iter().map(|expr| ordered(expr, schema)).collect::<Result<_>>()?;
            let [expr, low, high]: [Expr; 3] =
                all.try_into().map_err(|_| DataFusionError::Internal("three were given".into()))?;
            (between.expr, between.low, between.high) = (Box::new(expr), Box::new(low), Box::new(high));
            Ok(Expr::Between(between))
        }
        Expr::Case(case) => chosen(case, schema),
        Expr::ScalarFunction(call) => called(call, schema),
        expr => Ok(expr),
    }
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// What is compared of a value, where Arrow's order is not PostgreSQL's: an interval's length, in which a month has 30 days,
/// and a float of which there is one zero and one NaN.
fn ordered(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let kind = Kind::of(&expr.get_type(schema)?);
    if matches!(expr, Expr::Literal(..)) && kind != Kind::Interval || is_ordered(&expr) {
        return Ok(expr);
    }
    let function = match kind {
        Kind::Interval => &LENGTH,
        Kind::Float4 | Kind::Float8 => &PLAIN,
        _ => return Ok(expr),
    };
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), vec![expr])))
}

fn is_ordered(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.func.name() == PLAIN.name() || call.func.name() == LENGTH.name())
}

static LENGTH: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    static TABLE: &[Overload] = &[Overload {
        takes: &[Kind::Interval],
        gives: Gives::Typed(|_| decimal(30, 0)),
        run: |values, _| match values {
            [Value::Interval(value)] => Ok(Value::Numeric(Numeric::new(value.length(), 0))),
            _ => Err(DataFusionError::Internal("an interval was given".into())),
        },
    }];
    Arc::new(ScalarUDF::new_from_impl(Function::new("engine_length", TABLE)))
});

static PLAIN: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    fn plain(values: &[Value]) -> Result<Value> {
        match values {
            [Value::Float(value)] if value.is_nan() => Ok(Value::Float(f64::NAN)),
            // Minus zero and zero are zero.
            [Value::Float(value)] => Ok(Value::Float(value + 0.0)),
            _ => Err(DataFusionError::Internal("a float was given".into())),
        }
    }
    static TABLE: &[Overload] = &[
        Overload { takes: &[Kind::Float4], gives: Gives::Kind(Kind::Float4), run: |values, _| plain(values) },
        Overload { takes: &[Kind::Float8], gives: Gives::Kind(Kind::Float8), run: |values, _| plain(values) },
    ];
    Arc::new(ScalarUDF::new_from_impl(Function::new("engine_plain", TABLE).fast(plain_doubles)))
});

/// The same of a column of doubles.
fn plain_doubles(args: &[ColumnarValue], _: &DataType) -> Result<Option<ColumnarValue>> {
    let [ColumnarValue::Array(array)] = args else { return Ok(None) };
    let Some(doubles) = array.as_primitive_opt::<Float64Type>() else { return Ok(None) };
    let plain = doubles.unary::<_, Float64Type>(|value| if value.is_nan() { f64::NAN } else { value + 0.0 });
    Ok(Some(ColumnarValue::Array(Arc::new(plain))))
}

fn chosen(mut case: Case, schema: &DFSchema) -> Result<Expr> {
    let wrong = |left: Kind, right: Kind| format!("CASE types {left} and {right} cannot be matched");
    let (conditions, results): (Vec<Expr>, Vec<Expr>) =
        case.when_then_expr.into_iter().map(|(when, then)| (*when, *then)).unzip();
    let count = results.len();
    let mut results: Vec<Expr> = results.into_iter().chain(case.else_expr.map(|expr| *expr)).collect();
    results = together(results, schema, &wrong)?;
    case.else_expr = (results.len() > count).then(|| results.pop().map(Box::new)).flatten();
    let conditions = match case.expr {
        Some(expr) => {
            let mut all = vec![*expr];
            all.extend(conditions);
            let mut all = together(all, schema, &|left, right| format!("operator does not exist: {left} = {right}"))?;
            let conditions = all.split_off(1);
            case.expr = all.pop().map(Box::new);
            conditions
        }
        None => conditions,
    };
    case.when_then_expr = conditions.into_iter().map(Box::new).zip(results.into_iter().map(Box::new)).collect();
    Ok(Expr::Case(case))
}

fn called(mut call: ScalarFunction, schema: &DFSchema) -> Result<Expr> {
    let name = call.func.name().to_owned();
    match name.as_str() {
        "coalesce" | "nullif" | "greatest" | "least" | "nvl" | "ifnull" => {
            call.args = together(call.args, schema, &|left, right| {
                format!("{} types {left} and {right} cannot be matched", name.to_uppercase())
            })?;
        }
        "concat" | "concat_ws" => {
            call.args = call.args.into_iter().map(|arg| spelled(arg, schema)).collect::<Result<_>>()?;
        }
        name if TEXT_FUNCTIONS.contains(&name) => {
            if let Some(first) = call.args.first() {
                let kind = Kind::of(&first.get_type(schema)?);
                if !matches!(kind, Kind::Text | Kind::Unknown | Kind::Other) {
                    return Err(DataFusionError::Plan(format!(
                        "`{name}` does not take an argument of type {kind}: cast it, `cast(x as text)`"
                    )));
                }
            }
        }
        _ => {}
    }
    Ok(Expr::ScalarFunction(call))
}

fn is_quoted(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => matches!(value.try_as_str(), Some(Some(_))),
        Expr::Alias(alias) => is_quoted(&alias.expr),
        _ => false,
    }
}

/// Expressions of one category; literals in quotes in the type of the first that has one.
fn together(all: Vec<Expr>, schema: &DFSchema, wrong: &dyn Fn(Kind, Kind) -> String) -> Result<Vec<Expr>> {
    let types: Vec<DataType> = all.iter().map(|expr| expr.get_type(schema)).collect::<Result<_>>()?;
    let typed = all.iter().zip(&types).filter(|(expr, _)| !is_quoted(expr)).map(|(_, data_type)| data_type);
    let typed: Vec<&DataType> = typed.filter(|data_type| !data_type.is_null()).collect();
    let known: Vec<&&DataType> = typed.iter().filter(|data_type| Kind::of(data_type) != Kind::Other).collect();
    if let Some(first) = known.first() {
        let kind = Kind::of(first);
        if let Some(other) = known.iter().map(|other| Kind::of(other)).find(|other| category(*other) != category(kind))
        {
            return Err(DataFusionError::Plan(format!("{}: cast one of them to the other's type", wrong(kind, other))));
        }
    }
    let Some(to) = typed.first().filter(|to| !matches!(Kind::of(to), Kind::Text | Kind::Other)) else {
        return Ok(all);
    };
    all.into_iter().map(|expr| if is_quoted(&expr) { quoted(expr, to) } else { Ok(expr) }).collect()
}

/// Types that are converted into each other without being asked.
fn category(kind: Kind) -> u8 {
    match kind {
        Kind::Bool => 0,
        kind if kind.is_number() => 1,
        Kind::Text => 2,
        Kind::Date | Kind::Timestamp | Kind::TimestampTz => 3,
        Kind::Time => 4,
        Kind::Interval => 5,
        _ => 6,
    }
}

/// A literal in quotes, read as a type.
fn quoted(expr: Expr, to: &DataType) -> Result<Expr> {
    let to = match Kind::of(to) {
        Kind::Numeric => DataType::Decimal128(38, 0),
        kind => kind.data_type(),
    };
    let mut field = Field::new("", to, true);
    if Kind::of(field.data_type()) == Kind::Numeric {
        field = super::cast::target::unconstrained_field();
    }
    let field = Arc::new(field);
    Ok(planned(expr.clone(), &DataType::Utf8, &field)?.unwrap_or(expr))
}

/// A value as text, as PostgreSQL writes it.
fn spelled(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let from = expr.get_type(schema)?;
    if matches!(Kind::of(&from), Kind::Text | Kind::Unknown | Kind::Other) {
        return Ok(expr);
    }
    let field = Arc::new(Field::new("", DataType::Utf8, true));
    match planned(expr.clone(), &from, &field)? {
        Some(cast) => Ok(cast),
        None => Ok(Expr::Cast(datafusion::logical_expr::Cast::new(Box::new(expr), DataType::Utf8))),
    }
}

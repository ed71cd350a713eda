//! Syntax of times that DataFusion would plan with another meaning: `at time zone` and interval literals become calls.

use datafusion::sql::{
    parser::Statement as Parsed,
    sqlparser::ast::{
        CastKind, DataType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
        FunctionArguments, Ident, Interval, ObjectName, Query, SetExpr, Value, VisitMut, VisitorMut,
    },
};
use std::ops::ControlFlow;

/// Rewrites a statement.
pub fn rewrite(statement: &mut Parsed) {
    if let Parsed::Statement(statement) = statement {
        let _: ControlFlow<()> = statement.visit(&mut Times);
    }
}

struct Times;

impl VisitorMut for Times {
    type Break = ();

    /// Whole numbers of `values` are integers before their columns get types.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Values(values) = query.body.as_mut() {
            values.rows.iter_mut().flat_map(|row| row.content.iter_mut()).for_each(integer);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(call) = rewritten(expr) {
            *expr = call;
        }
        ControlFlow::Continue(())
    }
}

fn rewritten(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::AtTimeZone { timestamp, time_zone } => {
            Some(call("timezone", vec![(**time_zone).clone(), (**timestamp).clone()]))
        }
        Expr::Interval(interval) => literal(interval),
        Expr::Value(value) => match &value.value {
            // A number with an exponent is a numeric, whatever its digits.
            Value::Number(number, _) if number.contains(['e', 'E']) => {
                Some(numeric(Expr::Value(Value::SingleQuotedString(number.clone()).with_span(value.span))))
            }
            _ => None,
        },
        Expr::Cast { expr, data_type, kind, array, format } => {
            let inner = exponent(expr)?;
            Some(Expr::Cast {
                expr: Box::new(inner.clone()),
                data_type: data_type.clone(),
                kind: kind.clone(),
                array: *array,
                format: format.clone(),
            })
        }
        _ => None,
    }
}

fn integer(expr: &mut Expr) {
    let Expr::Value(value) = &*expr else { return };
    let Value::Number(number, _) = &value.value else { return };
    if number.parse::<i32>().is_ok() {
        *expr = Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(expr.clone()),
            data_type: DataType::Int(None),
            array: false,
            format: None,
        };
    }
}

fn numeric(text: Expr) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(text),
        data_type: DataType::Numeric(ExactNumberInfo::None),
        array: false,
        format: None,
    }
}

/// The text of a number that has become a cast to `numeric`, for a cast to something else.
fn exponent(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Cast { expr: inner, data_type: DataType::Numeric(ExactNumberInfo::None), .. } => match &**inner {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) => (text.contains(['e', 'E'])
                    && text.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
                .then_some(&**inner),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// `interval '1 day'`, or `interval '90' day`, whose unit holds for a number alone.
fn literal(interval: &Interval) -> Option<Expr> {
    let Expr::Value(value) = &*interval.value else { return None };
    let text = match &value.value {
        Value::SingleQuotedString(text) => text.clone(),
        Value::Number(number, _) => number.clone(),
        _ => return None,
    };
    if interval.leading_precision.is_some() || interval.fractional_seconds_precision.is_some() {
        return None;
    }
    let field = interval.last_field.as_ref().or(interval.leading_field.as_ref());
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | ' ' | ':');
    if field.is_some() && !text.chars().all(number) {
        return None;
    }
    let unit = field.map_or("second".to_owned(), |field| field.to_string().to_lowercase());
    let quoted = |text: String| Expr::Value(Value::SingleQuotedString(text).with_span(value.span));
    Some(call("engine_interval", vec![quoted(text), quoted(unit)]))
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: vec![] }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

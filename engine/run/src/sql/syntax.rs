//! Syntax of times that DataFusion would plan with another meaning: `at time zone` and interval literals become calls.

use super::statement::build::call;
use datafusion::sql::{
    parser::Statement as Parsed,
    sqlparser::{
        ast::{
            CastKind, DataType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
            Interval, NamedWindowDefinition, NamedWindowExpr, Query, Select, SetExpr, UnaryOperator, Value, VisitMut,
            VisitorMut, WindowFrameBound, WindowSpec, WindowType,
        },
        tokenizer::Span,
    },
};
use std::ops::ControlFlow;

/// The function that reads an interval.
const INTERVAL: &str = "engine_interval";

/// Rewrites a statement.
pub fn rewrite(statement: &mut Parsed) {
    if let Parsed::Statement(statement) = statement {
        let _: ControlFlow<()> = statement.visit(&mut Times);
    }
}

struct Times;

impl VisitorMut for Times {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Values(values) = query.body.as_mut() {
            let width = values.rows.iter().map(|row| row.content.len()).min().unwrap_or(0);
            for at in 0..width {
                column(values.rows.iter_mut().filter_map(|row| row.content.get_mut(at)).collect());
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for NamedWindowDefinition(_, window) in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(window) = window {
                frame(window);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(Function { over: Some(WindowType::WindowSpec(window)), .. }) = expr {
            frame(window);
        }
        if let Some(call) = rewritten(expr) {
            *expr = call;
        }
        ControlFlow::Continue(())
    }
}

fn rewritten(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::AtTimeZone { timestamp, time_zone } => {
            Some(call("timezone", vec![(**time_zone).clone(), (**timestamp).clone()], Span::empty()))
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

/// A column of `values`, whose type DataFusion chooses before any rule sees it: whole numbers are integers, a number beside
/// a float is one, and what else a type says of itself, such as its length, is no difference.
fn column(mut cells: Vec<&mut Expr>) {
    let float = cells.iter().filter_map(|cell| float_of(cell)).max_by_key(|float| *float != DataType::Real);
    let several = cells.len() > 1;
    for cell in &mut cells {
        match (number_of(cell), &float) {
            (Some(_), Some(float)) => **cell = cast((**cell).clone(), float.clone()),
            (Some(number), None) if number.parse::<i32>().is_ok() => {
                **cell = cast((**cell).clone(), DataType::Int(None));
            }
            (None, _) if several && !matches!(cell, Expr::Value(_)) => {
                **cell = call("coalesce", vec![(**cell).clone()], Span::empty());
            }
            _ => {}
        }
    }
}

/// The float that a cell is cast to.
fn float_of(cell: &Expr) -> Option<DataType> {
    match cell {
        Expr::Cast { data_type: DataType::Real, .. } => Some(DataType::Real),
        Expr::Cast { data_type: DataType::DoublePrecision | DataType::Double(_) | DataType::Float8, .. } => {
            Some(DataType::DoublePrecision)
        }
        _ => None,
    }
}

/// A number that is written out, with its sign.
fn number_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match &**expr {
            Expr::Value(_) => Some(format!("-{}", number_of(expr)?)),
            _ => None,
        },
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => Some(number.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

fn numeric(text: Expr) -> Expr {
    cast(text, DataType::Numeric(ExactNumberInfo::None))
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
    Some(call(INTERVAL, vec![quoted(text), quoted(unit)], value.span))
}

/// A frame takes an interval as it is written, and no call.
fn frame(window: &mut WindowSpec) {
    let Some(frame) = &mut window.window_frame else { return };
    for bound in std::iter::once(&mut frame.start_bound).chain(&mut frame.end_bound) {
        if let WindowFrameBound::Preceding(Some(offset)) | WindowFrameBound::Following(Some(offset)) = bound
            && let Some(interval) = written(offset)
        {
            **offset = interval;
        }
    }
}

/// The literal that a call stands for.
fn written(expr: &Expr) -> Option<Expr> {
    let Expr::Function(Function { name, args: FunctionArguments::List(list), .. }) = expr else { return None };
    let quoted = |at: usize| match list.args.get(at) {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    };
    let (text, unit) = (quoted(0)?, quoted(1)?);
    if name.to_string() != INTERVAL {
        return None;
    }
    let text = if text.trim().parse::<f64>().is_ok() { format!("{text} {unit}") } else { text };
    Some(Expr::Interval(Interval {
        value: Box::new(Expr::Value(Value::SingleQuotedString(text).into())),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }))
}

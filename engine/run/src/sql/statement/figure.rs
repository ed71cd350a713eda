//! The name of a column whose expression has no alias: what PostgreSQL's `FigureColname` (`parse_target.c`) calls it.

use super::scope::fold;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, DataType, Expr, ExprWithAlias, Function, Query, SelectItem, SetExpr, TimezoneInfo, TrimWhereField,
    UnaryOperator, Value,
};

/// What a column is called that has no name.
pub const UNNAMED: &str = "?column?";

/// The name of an expression's column.
pub fn name(expr: &Expr) -> String {
    figure(expr).map_or_else(|| UNNAMED.to_owned(), |(name, _)| name)
}

/// How much a name says: a cast or a `case` takes a better one from inside.
#[derive(Clone, Copy, PartialEq)]
enum Strength {
    Weak,
    Strong,
}

type Figured = Option<(String, Strength)>;

#[expect(clippy::unnecessary_wraps, reason = "it stands where there may be no name")]
fn strong(name: &str) -> Figured {
    Some((name.to_owned(), Strength::Strong))
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where there may be no name")]
fn weak(name: &str) -> Figured {
    Some((name.to_owned(), Strength::Weak))
}

/// The name from inside if it is a good one, else this.
fn better(inside: &Expr, otherwise: &str) -> Figured {
    match figure(inside) {
        Some((name, Strength::Strong)) => Some((name, Strength::Strong)),
        _ => weak(otherwise),
    }
}

fn figure(expr: &Expr) -> Figured {
    match expr {
        Expr::Identifier(ident) => strong(&fold(ident)),
        Expr::CompoundIdentifier(idents) => idents.last().and_then(|ident| strong(&fold(ident))),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => figure(inner),
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last() {
            Some(AccessExpr::Dot(field)) => figure(field),
            _ => figure(root),
        },
        Expr::Cast { expr, data_type, .. } => better(expr, &type_name(data_type)),
        Expr::TypedString(typed) => weak(&type_name(&typed.data_type)),
        Expr::Interval(_) => weak("interval"),
        Expr::Case { else_result: Some(otherwise), .. } => better(otherwise, "case"),
        Expr::Case { .. } => weak("case"),
        Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => weak("bool"),
        Expr::Function(function) => function_name(function),
        Expr::Exists { negated: false, .. } => strong("exists"),
        Expr::Subquery(query) => of_query(query),
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } if matches!(**expr, Expr::Value(_)) => None,
        other => syntax_name(other).and_then(strong),
    }
}

/// What has syntax of its own, and is a function all the same.
fn syntax_name(expr: &Expr) -> Option<&'static str> {
    Some(match expr {
        Expr::Extract { .. } => "extract",
        Expr::Ceil { .. } => "ceil",
        Expr::Floor { .. } => "floor",
        Expr::Position { .. } => "position",
        Expr::Substring { .. } => "substring",
        Expr::Overlay { .. } => "overlay",
        Expr::AtTimeZone { .. } => "timezone",
        Expr::Trim { trim_where, .. } => match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        },
        Expr::Array(_) => "array",
        Expr::Tuple(_) | Expr::Struct { .. } => "row",
        Expr::Convert { .. } => "convert",
        _ => return None,
    })
}

fn function_name(function: &Function) -> Figured {
    let name = function.name.0.last()?.as_ident().map(fold)?;
    strong(&name)
}

/// The name of a query's first column.
fn of_query(query: &Query) -> Figured {
    let mut body = query.body.as_ref();
    loop {
        body = match body {
            SetExpr::Query(inner) => inner.body.as_ref(),
            SetExpr::SetOperation { left, .. } => left,
            SetExpr::Values(_) => return strong("column1"),
            SetExpr::Select(select) => {
                return match select.projection.first()? {
                    SelectItem::UnnamedExpr(expr) => strong(&name(expr)),
                    SelectItem::ExprWithAlias { alias, .. } => strong(&fold(alias)),
                    _ => None,
                };
            }
            _ => return None,
        };
    }
}

/// The name of an expression that may have an alias.
pub fn aliased(item: &ExprWithAlias) -> String {
    item.alias.as_ref().map_or_else(|| name(&item.expr), fold)
}

/// PostgreSQL's own name of a type.
fn type_name(kind: &DataType) -> String {
    let name = match kind {
        DataType::SmallInt(_) | DataType::Int2(_) => "int2",
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4",
        DataType::BigInt(_) | DataType::Int8(_) => "int8",
        DataType::Real | DataType::Float4 => "float4",
        DataType::Float(_) | DataType::Double(_) | DataType::DoublePrecision | DataType::Float8 => "float8",
        DataType::Decimal(_) | DataType::Numeric(_) | DataType::Dec(_) => "numeric",
        DataType::Varchar(_) | DataType::CharVarying(_) | DataType::CharacterVarying(_) => "varchar",
        DataType::Char(_) | DataType::Character(_) => "bpchar",
        DataType::Boolean | DataType::Bool => "bool",
        DataType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => "timestamptz",
        DataType::Timestamp(..) => "timestamp",
        DataType::Time(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => "timetz",
        DataType::Time(..) => "time",
        DataType::Interval { .. } => "interval",
        DataType::Bytea => "bytea",
        DataType::Array(_) => "array",
        other => return other.to_string().split(['(', ' ']).next().unwrap_or_default().to_lowercase(),
    };
    name.to_owned()
}

//! Small pieces of syntax that rewriting puts together.

use datafusion::sql::sqlparser::{
    ast::{
        BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
        FunctionArguments, Ident, ObjectName, UnaryOperator, Value, helpers::attached_token::AttachedToken,
    },
    tokenizer::Span,
};

/// A call of a function, at a place of the SQL.
pub fn call(name: &str, arguments: Vec<Expr>, span: Span) -> Expr {
    let mut ident = Ident::new(name);
    ident.span = span;
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![ident]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: vec![] }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// `left op right`.
pub fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// `not (expr)` where asked for.
pub fn negated(expr: Expr, not: bool) -> Expr {
    let nested = Expr::Nested(Box::new(expr));
    if not { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(nested) } } else { nested }
}

/// The expressions with an operator between them.
pub fn chain(op: &BinaryOperator, exprs: impl IntoIterator<Item = Expr>) -> Option<Expr> {
    exprs.into_iter().reduce(|left, right| binary(left, op.clone(), right))
}

/// A text.
pub fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).into())
}

/// `case when condition then result else otherwise end`.
pub fn when(condition: Expr, result: Expr, otherwise: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: otherwise.map(Box::new),
    }
}

/// The arguments of a call if they are plain expressions.
pub fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    list.args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// A list of any length as an array of one, if it has it.
pub fn exactly<const N: usize>(arguments: &[&Expr]) -> Option<[Expr; N]> {
    let owned: Vec<Expr> = arguments.iter().map(|expr| (*expr).clone()).collect();
    owned.try_into().ok()
}

/// The same expression, said at one place of the SQL.
pub fn at(mut expr: Expr, span: Span) -> Expr {
    match &mut expr {
        Expr::Identifier(ident) => ident.span = span,
        Expr::CompoundIdentifier(parts) => parts.iter_mut().for_each(|part| part.span = span),
        Expr::Function(function) => {
            if let FunctionArguments::List(list) = &mut function.args {
                for arg in &mut list.args {
                    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) = arg {
                        *inner = at(inner.clone(), span);
                    }
                }
            }
        }
        _ => {}
    }
    expr
}

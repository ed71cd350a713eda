//! Where a template calls `ref`, `source`, `config` and the like, read from its syntax tree.

use minijinja::{
    Error,
    machinery::{self, Span as JinjaSpan, ast},
    syntax::SyntaxConfig,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// The calls of functions by name that one template contains.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    /// `ref`, `source`, `var`, `env_var` and all others, in the order written.
    pub functions: Vec<Call>,
    /// The arguments of `config()` by name; of the last call, if there are more.
    pub config: BTreeMap<String, Argument>,
    /// The place of the first `config(…)`.
    pub config_range: Option<Range<usize>>,
    /// The macros defined, each with its place.
    pub macros: Vec<(String, Range<usize>)>,
    /// Files that `include`, `import` and `extends` name as plain strings.
    pub files: Vec<String>,
    /// Whether one of these names a file by anything else.
    pub dynamic_files: bool,
    /// Names that the template itself gives to values.
    pub assigned: BTreeSet<String>,
    /// Every name that is used.
    pub names: BTreeSet<String>,
}

/// A call of a function.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub function: String,
    /// Positional arguments; `None` for what is not a plain string.
    pub arguments: Vec<Option<String>>,
    pub range: Range<usize>,
}

/// An argument of `config()`.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub range: Range<usize>,
    /// The items, if it is a list.
    pub items: Vec<Range<usize>>,
}

/// Reads a template's syntax tree.
pub(super) fn read(text: &str, name: &str) -> Result<Calls, Error> {
    let tree = machinery::parse(text, name, SyntaxConfig::default())?;
    let mut calls = Calls::default();
    statement(&tree, &mut calls);
    Ok(calls)
}

pub(super) fn bytes(span: JinjaSpan) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

fn statements(list: &[ast::Stmt<'_>], calls: &mut Calls) {
    for item in list {
        statement(item, calls);
    }
}

fn statement(item: &ast::Stmt<'_>, calls: &mut Calls) {
    use ast::Stmt;
    match item {
        Stmt::Template(node) => statements(&node.children, calls),
        Stmt::EmitExpr(node) => expression(&node.expr, calls),
        Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
        Stmt::ForLoop(node) => {
            assign(&node.target, calls);
            expression(&node.iter, calls);
            optional(node.filter_expr.as_ref(), calls);
            statements(&node.body, calls);
            statements(&node.else_body, calls);
        }
        Stmt::IfCond(node) => {
            expression(&node.expr, calls);
            statements(&node.true_body, calls);
            statements(&node.false_body, calls);
        }
        Stmt::WithBlock(node) => {
            for (target, value) in &node.assignments {
                assign(target, calls);
                expression(value, calls);
            }
            statements(&node.body, calls);
        }
        Stmt::Set(node) => {
            assign(&node.target, calls);
            expression(&node.expr, calls);
        }
        Stmt::SetBlock(node) => {
            assign(&node.target, calls);
            optional(node.filter.as_ref(), calls);
            statements(&node.body, calls);
        }
        Stmt::AutoEscape(node) => statements(&node.body, calls),
        Stmt::FilterBlock(node) => {
            expression(&node.filter, calls);
            statements(&node.body, calls);
        }
        Stmt::Block(node) => statements(&node.body, calls),
        Stmt::Import(node) => file(&node.expr, calls),
        Stmt::FromImport(node) => file(&node.expr, calls),
        Stmt::Extends(node) => file(&node.name, calls),
        Stmt::Include(node) => file(&node.name, calls),
        Stmt::Macro(node) => {
            calls.macros.push((node.name.to_owned(), bytes(node.span())));
            calls.assigned.insert(node.name.to_owned());
            node.args.iter().for_each(|parameter| assign(parameter, calls));
            node.defaults.iter().for_each(|value| expression(value, calls));
            statements(&node.body, calls);
        }
        Stmt::CallBlock(node) => {
            call(&node.call, bytes(node.call.span()), calls);
            statements(&node.macro_decl.body, calls);
        }
        Stmt::Do(node) => call(&node.call, bytes(node.call.span()), calls),
    }
}

fn assign(target: &ast::Expr<'_>, calls: &mut Calls) {
    match target {
        ast::Expr::Var(node) => {
            calls.assigned.insert(node.id.to_owned());
        }
        ast::Expr::List(node) => node.items.iter().for_each(|item| assign(item, calls)),
        ast::Expr::Tuple(node) => node.items.iter().for_each(|item| assign(item, calls)),
        _ => {}
    }
}

fn file(name: &ast::Expr<'_>, calls: &mut Calls) {
    match string(name) {
        Some(text) => calls.files.push(text),
        None => calls.dynamic_files = true,
    }
    expression(name, calls);
}

fn optional(item: Option<&ast::Expr<'_>>, calls: &mut Calls) {
    if let Some(item) = item {
        expression(item, calls);
    }
}

fn expression(item: &ast::Expr<'_>, calls: &mut Calls) {
    use ast::Expr;
    match item {
        Expr::Var(node) => {
            calls.names.insert(node.id.to_owned());
        }
        Expr::Const(_) => {}
        Expr::Slice(node) => {
            expression(&node.expr, calls);
            for part in [&node.start, &node.stop, &node.step] {
                optional(part.as_ref(), calls);
            }
        }
        Expr::UnaryOp(node) => expression(&node.expr, calls),
        Expr::BinOp(node) => {
            expression(&node.left, calls);
            expression(&node.right, calls);
        }
        Expr::Compare(node) => {
            expression(&node.expr, calls);
            node.ops.iter().for_each(|op| expression(&op.expr, calls));
        }
        Expr::IfExpr(node) => {
            expression(&node.test_expr, calls);
            expression(&node.true_expr, calls);
            optional(node.false_expr.as_ref(), calls);
        }
        Expr::Filter(node) => {
            optional(node.expr.as_ref(), calls);
            arguments(&node.args, calls);
        }
        Expr::Test(node) => {
            expression(&node.expr, calls);
            arguments(&node.args, calls);
        }
        Expr::GetAttr(node) => expression(&node.expr, calls),
        Expr::GetItem(node) => {
            expression(&node.expr, calls);
            expression(&node.subscript_expr, calls);
        }
        Expr::Call(node) => call(node, bytes(node.span()), calls),
        Expr::List(node) => node.items.iter().for_each(|value| expression(value, calls)),
        Expr::Tuple(node) => node.items.iter().for_each(|value| expression(value, calls)),
        Expr::Map(node) => node.keys.iter().chain(&node.values).for_each(|value| expression(value, calls)),
    }
}

fn arguments(list: &[ast::CallArg<'_>], calls: &mut Calls) {
    for argument in list {
        expression(value_of(argument), calls);
    }
}

fn value_of<'a, 's>(argument: &'a ast::CallArg<'s>) -> &'a ast::Expr<'s> {
    match argument {
        ast::CallArg::Pos(value)
        | ast::CallArg::Kwarg(_, value)
        | ast::CallArg::PosSplat(value)
        | ast::CallArg::KwargSplat(value) => value,
    }
}

fn call(node: &ast::Call<'_>, range: Range<usize>, calls: &mut Calls) {
    if let ast::Expr::Var(function) = &node.expr {
        if function.id == "config" {
            config(node, &range, calls);
        }
        let positional = node.args.iter().filter_map(|argument| match argument {
            ast::CallArg::Pos(value) => Some(string(value)),
            _ => None,
        });
        calls.functions.push(Call { function: function.id.to_owned(), arguments: positional.collect(), range });
    }
    expression(&node.expr, calls);
    arguments(&node.args, calls);
}

fn config(node: &ast::Call<'_>, range: &Range<usize>, calls: &mut Calls) {
    calls.config_range.get_or_insert_with(|| range.clone());
    for argument in &node.args {
        if let ast::CallArg::Kwarg(name, value) = argument {
            let items = match value {
                ast::Expr::List(list) => list.items.iter().map(|item| bytes(item.span())).collect(),
                _ => vec![],
            };
            calls.config.insert((*name).to_owned(), Argument { range: bytes(value.span()), items });
        }
    }
}

fn string(value: &ast::Expr<'_>) -> Option<String> {
    match value {
        ast::Expr::Const(constant) => constant.value.as_str().map(str::to_owned),
        _ => None,
    }
}

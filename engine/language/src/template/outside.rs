//! Which expressions of a template print values from outside.
//!
//! A value has one of three levels ([`Level`]). What only the project wrote is its own. What `var`, `env_var` and `run`
//! answer, and all that is computed of it, is from outside: where it is printed, marks are put round it. Text that
//! was printed already, as a macro's is, carries its marks inside.
//!
//! Names are not followed through scopes: a name that holds a value from outside anywhere in the template or in the
//! macros that it uses counts as outside in all of these. That is coarse, and errs on the safe side.

use super::{
    calls::bytes,
    level::{FUNCTIONS, Level, MAKING, NAMES, SAFE, apart, filter_level},
};
use minijinja::machinery::ast::{BinOpKind, Call, CallArg, Expr, ForLoop, Macro, Stmt};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// What was found in the templates that make up one rendering.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// For each template, the expressions that print values from outside.
    pub printed: BTreeMap<String, Vec<Range<usize>>>,
    /// Places at which printed text is taken apart or compared, so that its marks would be lost or in the way.
    pub refused: Vec<(String, Range<usize>)>,
}

/// Finds what the templates print of the outside; each is a path with its syntax tree.
pub(super) fn find(templates: &[(&str, Stmt<'_>)]) -> Found {
    let mut analysis = Analysis::default();
    for (_, tree) in templates {
        analysis.declare(tree);
    }
    loop {
        analysis.changed = false;
        for (path, tree) in templates {
            (*path).clone_into(&mut analysis.path);
            analysis.statement(tree);
        }
        if !analysis.changed {
            break;
        }
    }
    let mut found = Found::default();
    for (path, range) in analysis.printed {
        found.printed.entry(path).or_default().push(range.0..range.1);
    }
    found.refused = analysis.refused.into_iter().map(|(path, range)| (path, range.0..range.1)).collect();
    found
}

type Place = (String, (usize, usize));

#[derive(Default)]
struct Analysis {
    path: String,
    /// The level of each name.
    names: BTreeMap<String, Level>,
    /// The parameters of each macro.
    macros: BTreeMap<String, Vec<String>>,
    /// What each macro's text holds.
    texts: BTreeMap<String, Level>,
    printed: BTreeSet<Place>,
    refused: BTreeSet<Place>,
    changed: bool,
}

impl Analysis {
    /// Learns the macros and their parameters.
    fn declare(&mut self, item: &Stmt<'_>) {
        match item {
            Stmt::Macro(node) => self.declare_macro(node.name, node),
            Stmt::CallBlock(node) => self.declare_macro("caller", &node.macro_decl),
            _ => {}
        }
        for body in bodies(item) {
            for inner in body {
                self.declare(inner);
            }
        }
    }

    fn declare_macro(&mut self, name: &str, node: &Macro<'_>) {
        let parameters = node.args.iter().filter_map(|argument| match argument {
            Expr::Var(var) => Some(var.id.to_owned()),
            _ => None,
        });
        self.macros.entry(name.to_owned()).or_default().extend(parameters);
    }

    fn raise(&mut self, name: &str, level: Level) {
        let known = self.names.entry(name.to_owned()).or_default();
        if *known < level {
            *known = level;
            self.changed = true;
        }
    }

    fn raise_text(&mut self, name: &str, level: Level) {
        let known = self.texts.entry(name.to_owned()).or_default();
        if *known < level {
            *known = level;
            self.changed = true;
        }
    }

    /// Gives a level to what is assigned to: a name, several names, or a namespace's attribute.
    fn assign(&mut self, target: &Expr<'_>, level: Level) {
        match target {
            Expr::Var(node) => self.raise(node.id, level),
            Expr::List(node) => self.assign_all(&node.items, level),
            Expr::Tuple(node) => self.assign_all(&node.items, level),
            Expr::GetAttr(node) => self.assign(&node.expr, level),
            Expr::GetItem(node) => self.assign(&node.expr, level),
            _ => {}
        }
    }

    fn assign_all(&mut self, targets: &[Expr<'_>], level: Level) {
        for target in targets {
            self.assign(target, level);
        }
    }

    fn raise_all(&mut self, names: &[String], level: Level) {
        for name in names {
            self.raise(name, level);
        }
    }

    fn body(&mut self, list: &[Stmt<'_>]) -> Level {
        list.iter().map(|item| self.statement(item)).max().unwrap_or_default()
    }

    /// Follows a statement, and answers what the text that it prints holds.
    fn statement(&mut self, item: &Stmt<'_>) -> Level {
        match item {
            Stmt::EmitExpr(node) => {
                let level = self.expression(&node.expr);
                if level == Level::Outside {
                    let range = bytes(node.span());
                    self.printed.insert((self.path.clone(), (range.start, range.end)));
                }
                level.min(Level::Marked)
            }
            Stmt::ForLoop(node) => self.for_loop(node),
            Stmt::IfCond(node) => {
                self.expression(&node.expr);
                self.body(&node.true_body).max(self.body(&node.false_body))
            }
            Stmt::WithBlock(node) => {
                for (target, value) in &node.assignments {
                    let level = self.expression(value);
                    self.assign(target, level);
                }
                self.body(&node.body)
            }
            Stmt::Set(node) => {
                let level = self.expression(&node.expr);
                self.assign(&node.target, level);
                Level::Own
            }
            Stmt::SetBlock(node) => {
                let text = self.body(&node.body);
                let level = node.filter.as_ref().map_or(text, |filter| self.filtered(filter, text));
                self.assign(&node.target, level);
                Level::Own
            }
            Stmt::FilterBlock(node) => {
                let text = self.body(&node.body);
                if self.filtered(&node.filter, text) == Level::Outside {
                    self.refuse(bytes(node.filter_span));
                }
                text
            }
            Stmt::Macro(node) => {
                self.macro_body(node.name, node);
                Level::Own
            }
            Stmt::CallBlock(node) => {
                self.macro_body("caller", &node.macro_decl);
                self.call(&node.call).min(Level::Marked)
            }
            Stmt::Do(node) => {
                self.call(&node.call);
                Level::Own
            }
            Stmt::Block(node) => {
                let text = self.body(&node.body);
                self.raise_text(node.name, text);
                text
            }
            Stmt::Include(node) => {
                self.expression(&node.name);
                Level::Marked
            }
            other => bodies(other).into_iter().map(|body| self.body(body)).max().unwrap_or_default(),
        }
    }

    fn for_loop(&mut self, node: &ForLoop<'_>) -> Level {
        let level = apart(self.expression(&node.iter));
        self.assign(&node.target, level);
        self.all(&node.filter_expr);
        self.body(&node.body).max(self.body(&node.else_body))
    }

    fn macro_body(&mut self, name: &str, node: &Macro<'_>) {
        let parameters = self.macros.get(name).cloned().unwrap_or_default();
        for value in &node.defaults {
            let level = self.expression(value);
            self.raise_all(&parameters, level);
        }
        let text = self.body(&node.body);
        self.raise_text(name, text);
    }

    fn refuse(&mut self, range: Range<usize>) {
        self.refused.insert((self.path.clone(), (range.start, range.end)));
    }

    /// The level of what a filter without a left side makes of text.
    fn filtered(&mut self, filter: &Expr<'_>, text: Level) -> Level {
        let Expr::Filter(node) = filter else { return Level::Outside.min(text) };
        let inner = node.expr.as_ref().map_or(text, |inner| self.filtered(inner, text));
        let arguments = self.arguments(&node.args);
        filter_level(node.name, &node.args, inner, arguments)
    }

    fn arguments(&mut self, list: &[CallArg<'_>]) -> Level {
        list.iter().map(|argument| self.expression(value_of(argument))).max().unwrap_or_default()
    }

    fn all<'e, 's: 'e>(&mut self, list: impl IntoIterator<Item = &'e Expr<'s>>) -> Level {
        list.into_iter().map(|item| self.expression(item)).max().unwrap_or_default()
    }

    fn expression(&mut self, item: &Expr<'_>) -> Level {
        match item {
            Expr::Const(_) => Level::Own,
            Expr::Var(node) => {
                let outside =
                    if NAMES.contains(&node.id) || FUNCTIONS.contains(&node.id) { Level::Outside } else { Level::Own };
                self.names.get(node.id).copied().unwrap_or_default().max(outside)
            }
            Expr::Slice(node) => {
                let parts = [&node.start, &node.stop, &node.step];
                self.all(parts.into_iter().flatten());
                apart(self.expression(&node.expr))
            }
            Expr::UnaryOp(node) => apart(self.expression(&node.expr)),
            Expr::BinOp(node) => {
                let levels = (self.expression(&node.left), self.expression(&node.right));
                let level = levels.0.max(levels.1);
                match node.op {
                    BinOpKind::Concat | BinOpKind::Add | BinOpKind::ScAnd | BinOpKind::ScOr => level,
                    BinOpKind::Eq
                    | BinOpKind::Ne
                    | BinOpKind::Lt
                    | BinOpKind::Lte
                    | BinOpKind::Gt
                    | BinOpKind::Gte
                    | BinOpKind::In => self.compared(levels, bytes(node.span())),
                    _ => apart(level),
                }
            }
            Expr::Compare(node) => {
                let first = self.expression(&node.expr);
                let others: Vec<Level> = node.ops.iter().map(|op| self.expression(&op.expr)).collect();
                for level in others {
                    self.compared((first, level), bytes(node.span()));
                }
                Level::Own
            }
            Expr::IfExpr(node) => {
                self.expression(&node.test_expr);
                self.expression(&node.true_expr).max(self.all(&node.false_expr))
            }
            Expr::Filter(node) => {
                let inner = self.all(&node.expr);
                let arguments = self.arguments(&node.args);
                filter_level(node.name, &node.args, inner, arguments)
            }
            Expr::Test(node) => {
                self.expression(&node.expr);
                self.arguments(&node.args);
                Level::Own
            }
            Expr::GetAttr(node) => {
                let imported = self.names.get(node.name).copied().unwrap_or_default();
                apart(self.expression(&node.expr).max(imported))
            }
            Expr::GetItem(node) => {
                let key = self.expression(&node.subscript_expr);
                apart(self.expression(&node.expr).max(key))
            }
            Expr::Call(node) => self.call(node),
            Expr::List(node) => apart(self.all(&node.items)),
            Expr::Tuple(node) => apart(self.all(&node.items)),
            Expr::Map(node) => apart(self.all(node.keys.iter().chain(&node.values))),
        }
    }

    /// Printed text holds marks, with which a comparison would never come out as meant.
    fn compared(&mut self, levels: (Level, Level), range: Range<usize>) -> Level {
        if levels.0 == Level::Marked || levels.1 == Level::Marked {
            self.refuse(range);
        }
        Level::Own
    }

    fn call(&mut self, node: &Call<'_>) -> Level {
        let arguments = self.arguments(&node.args);
        let (name, base) = match &node.expr {
            Expr::Var(var) => (var.id, self.expression(&node.expr)),
            Expr::GetAttr(attribute) => (attribute.name, self.expression(&attribute.expr)),
            other => ("", self.expression(other)),
        };
        if let Some(parameters) = self.macros.get(name).cloned() {
            self.pass(&parameters, &node.args);
            let text = self.texts.get(name).copied().unwrap_or_default();
            return if base == Level::Outside { base } else { text };
        }
        let is_name = matches!(node.expr, Expr::Var(_));
        match name {
            _ if is_name && FUNCTIONS.contains(&name) => Level::Outside,
            _ if is_name && SAFE.contains(&name) => Level::Own,
            _ if is_name && MAKING.contains(&name) => apart(arguments),
            _ => self.unknown_call(arguments.max(base)),
        }
    }

    /// A call of we know not what: it may be any macro under another name.
    fn unknown_call(&mut self, given: Level) -> Level {
        if given > Level::Own {
            let parameters: Vec<String> = self.macros.values().flatten().cloned().collect();
            self.raise_all(&parameters, given);
        }
        given.max(self.texts.values().copied().max().unwrap_or_default())
    }

    /// Gives the levels of arguments to a macro's parameters.
    fn pass(&mut self, parameters: &[String], arguments: &[CallArg<'_>]) {
        for (i, argument) in arguments.iter().enumerate() {
            let level = self.expression(value_of(argument));
            match argument {
                CallArg::Pos(_) => {
                    if let Some(parameter) = parameters.get(i) {
                        self.raise(parameter, level);
                    }
                }
                CallArg::Kwarg(name, _) => self.raise(name, level),
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    self.raise_all(parameters, level);
                }
            }
        }
    }
}

fn value_of<'a, 's>(argument: &'a CallArg<'s>) -> &'a Expr<'s> {
    match argument {
        CallArg::Pos(value) | CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value) => value,
    }
}

/// The statements inside of a statement.
fn bodies<'a, 's>(item: &'a Stmt<'s>) -> Vec<&'a [Stmt<'s>]> {
    match item {
        Stmt::Template(node) => vec![&node.children],
        Stmt::ForLoop(node) => vec![&node.body, &node.else_body],
        Stmt::IfCond(node) => vec![&node.true_body, &node.false_body],
        Stmt::WithBlock(node) => vec![&node.body],
        Stmt::SetBlock(node) => vec![&node.body],
        Stmt::AutoEscape(node) => vec![&node.body],
        Stmt::FilterBlock(node) => vec![&node.body],
        Stmt::Block(node) => vec![&node.body],
        Stmt::Macro(node) => vec![&node.body],
        Stmt::CallBlock(node) => vec![&node.macro_decl.body],
        _ => vec![],
    }
}

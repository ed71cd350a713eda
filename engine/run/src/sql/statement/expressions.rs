//! Expressions: each name becomes the column that PostgreSQL would take it for, and each piece of syntax what DataFusion
//! knows.

use super::{
    binder::{Binder, Level},
    build::at,
    rewrite,
    scope::{Found, ambiguous, fold},
};
use crate::sql::refusal::Refusal;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, Spanned as _, VisitMut, VisitorMut};
use engine_language::code;
use std::ops::ControlFlow;

/// Binds every expression of a piece of syntax, in the scopes where the binder stands.
pub fn bind_all(binder: &mut Binder<'_>, syntax: &mut impl VisitMut) -> Result<(), Refusal> {
    let mut walk = Walk { binder, inside: 0 };
    match syntax.visit(&mut walk) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refusal) => Err(*refusal),
    }
}

struct Walk<'b, 'a> {
    binder: &'b mut Binder<'a>,
    /// Queries around the place, which were bound as a whole.
    inside: usize,
}

type Flow = ControlFlow<Box<Refusal>>;

fn flow(result: Result<(), Refusal>) -> Flow {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(refusal) => ControlFlow::Break(Box::new(refusal)),
    }
}

impl VisitorMut for Walk<'_, '_> {
    type Break = Box<Refusal>;

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        if self.inside == 0 {
            flow(self.binder.query(query, Level::Inner).map(|_| ()))?;
        }
        self.inside += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> Flow {
        self.inside -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        if self.inside > 0 { ControlFlow::Continue(()) } else { flow(rewrite::expression(expr)) }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        if self.inside > 0 { ControlFlow::Continue(()) } else { flow(self.binder.resolve(expr)) }
    }
}

impl Binder<'_> {
    /// Puts in place of a name what it stands for, where the planner would find something else.
    fn resolve(&self, expr: &mut Expr) -> Result<(), Refusal> {
        match expr {
            Expr::Identifier(ident) => {
                if let Some(other) = self.name(ident)? {
                    *expr = other;
                }
                Ok(())
            }
            Expr::CompoundIdentifier(parts) => self.qualified(parts),
            _ => Ok(()),
        }
    }

    fn name(&self, ident: &Ident) -> Result<Option<Expr>, Refusal> {
        let name = fold(ident);
        for scope in self.scopes.iter().rev() {
            match scope.find(&name) {
                Found::One(visible) if visible.hidden => return Ok(Some(at(visible.expr.clone(), ident.span))),
                Found::One(_) => return Ok(None),
                Found::Ambiguous(which) => return Err(ambiguous(&name, ident.span, &which)),
                Found::Nothing if scope.unknown => return Ok(None),
                Found::Nothing => {}
            }
        }
        Ok(None)
    }

    fn qualified(&self, parts: &[Ident]) -> Result<(), Refusal> {
        let Some((column, table)) = parts.split_last() else { return Ok(()) };
        let table: Vec<String> = table.iter().map(fold).collect();
        let found = self.scopes.iter().rev().enumerate().find_map(|(at, scope)| Some((at, scope.relation(&table)?)));
        let Some((distance, relation)) = found else { return Ok(()) };
        // The planner would look for a field of the column, which is nearer.
        if let [single] = &table[..]
            && self.scopes.iter().rev().take(distance).any(|scope| !matches!(scope.find(single), Found::Nothing))
        {
            let span = Expr::CompoundIdentifier(parts.to_vec()).span();
            let message = format!("`{single}` is a table of the query around this one, and a column of this one");
            return Err(Refusal::new(&code::E0211, span, message).hint("give the table another name by `as`"));
        }
        let name = fold(column);
        let called = relation.columns.iter().filter(|column| column.name == name).count();
        if called > 1 {
            return Err(ambiguous(&name, Expr::CompoundIdentifier(parts.to_vec()).span(), &[]));
        }
        Ok(())
    }
}

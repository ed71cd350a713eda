//! Walks a query with the columns that each of its places sees.

use super::{
    Catalog, Output,
    expressions::bind_all,
    grouping,
    multiset::counted,
    scope::{Column, Scope, fold},
};
use crate::sql::refusal::Refusal;
use datafusion::sql::sqlparser::{
    ast::{
        Distinct, Expr, Fetch, GroupByExpr, LimitClause, NamedWindowExpr, OrderBy, OrderByKind, Query, Select, SetExpr,
        SetOperator, SetQuantifier, Spanned as _, TableAliasColumnDef, With,
    },
    tokenizer::Span,
};
use engine_language::code;

/// Whose result a query is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Level {
    /// The user's.
    Top,
    /// Another query's.
    Inner,
}

/// The columns of a query, if they are known.
pub type Columns = Option<Vec<Column>>;

/// What is known while a query is walked.
pub struct Binder<'a> {
    pub(super) catalog: &'a Catalog,
    /// Common table expressions, the nearest last.
    pub(super) ctes: Vec<(String, Columns)>,
    /// The scopes around the place, the nearest last.
    pub(super) scopes: Vec<Scope>,
    /// The columns of the whole.
    pub(super) outputs: Vec<Output>,
}

impl<'a> Binder<'a> {
    /// Nothing is walked yet.
    pub fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, ctes: vec![], scopes: vec![], outputs: vec![] }
    }

    /// Binds the user's query, and tells its columns.
    pub fn top(&mut self, query: &mut Query) -> Result<Vec<Output>, Refusal> {
        self.query(query, Level::Top)?;
        Ok(std::mem::take(&mut self.outputs))
    }

    /// Binds a query.
    pub fn query(&mut self, query: &mut Query, level: Level) -> Result<Columns, Refusal> {
        if let Some(lock) = query.locks.first() {
            let message = format!("`{}` locks rows, which a query here does not", lock.to_string().to_lowercase());
            return Err(Refusal::new(&code::E0216, query.span(), message).hint("leave it out"));
        }
        let depth = self.ctes.len();
        if let Some(with) = &mut query.with {
            self.with(with)?;
        }
        let columns = self.body(&mut query.body, query.order_by.as_mut(), level)?;
        if let Some(fetch) = query.fetch.take() {
            fetched(fetch, &mut query.limit_clause)?;
        }
        if let Some(limit) = &mut query.limit_clause {
            bind_all(self, limit)?;
        }
        self.ctes.truncate(depth);
        Ok(columns)
    }

    fn with(&mut self, with: &mut With) -> Result<(), Refusal> {
        for cte in &mut with.cte_tables {
            // It is how PostgreSQL computes it, and not what.
            cte.materialized = None;
            let name = fold(&cte.alias.name);
            let depth = self.ctes.len();
            if with.recursive {
                let columns = self.anchor(&cte.query, &cte.alias.columns);
                self.ctes.push((name.clone(), columns));
            }
            let columns = self.query(&mut cte.query, Level::Inner)?;
            self.ctes.truncate(depth);
            let columns = renamed(columns, &mut cte.alias.columns);
            self.ctes.push((name, columns));
        }
        Ok(())
    }

    /// The columns of a recursive query: those of its first part.
    fn anchor(&self, query: &Query, aliases: &[TableAliasColumnDef]) -> Columns {
        if !aliases.is_empty() {
            return Some(aliases.iter().map(|alias| Column::new(fold(&alias.name))).collect());
        }
        let SetExpr::SetOperation { left, .. } = query.body.as_ref() else { return None };
        let mut first = left.clone();
        let mut inner = Binder { ctes: self.ctes.clone(), scopes: self.scopes.clone(), ..Binder::new(self.catalog) };
        inner.body(&mut first, None, Level::Inner).ok().flatten()
    }

    fn body(&mut self, body: &mut SetExpr, order_by: Option<&mut OrderBy>, level: Level) -> Result<Columns, Refusal> {
        match body {
            SetExpr::Select(select) => self.select(select, order_by, level),
            SetExpr::Query(query) => self.query(query, level),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let columns = self.body(left, None, level)?;
                self.body(right, None, Level::Inner)?;
                let all = *set_quantifier == SetQuantifier::All && *op != SetOperator::Union;
                match &columns {
                    Some(columns) if all => *body = counted(left, *op, right, columns),
                    _ => {}
                }
                Ok(columns)
            }
            SetExpr::Values(values) => {
                let width = values.rows.first().map_or(0, |row| row.len());
                for row in &mut values.rows {
                    for expr in &mut row.content {
                        bind_all(self, expr)?;
                    }
                }
                let columns: Vec<Column> = (1..=width).map(|at| Column::new(format!("column{at}"))).collect();
                if level == Level::Top {
                    let output = |column: &Column| Output { name: column.name.clone(), span: Span::empty() };
                    self.outputs = columns.iter().map(output).collect();
                }
                Ok(Some(columns))
            }
            _ => Ok(None),
        }
    }

    fn select(
        &mut self,
        select: &mut Select,
        order_by: Option<&mut OrderBy>,
        level: Level,
    ) -> Result<Columns, Refusal> {
        let scope = self.from(&mut select.from)?;
        self.scopes.push(scope);
        let columns = self.projection(select, level)?;
        self.clauses(select)?;
        let names = columns.as_deref().unwrap_or_default();
        if let Some(Distinct::On(exprs)) = &mut select.distinct {
            for expr in exprs {
                self.unless_output(expr, names)?;
            }
        }
        if let Some(OrderBy { kind: OrderByKind::Expressions(exprs), .. }) = order_by {
            for order in exprs {
                self.unless_output(&mut order.expr, names)?;
            }
        }
        self.scopes.pop();
        Ok(columns)
    }

    fn clauses(&mut self, select: &mut Select) -> Result<(), Refusal> {
        for clause in [&mut select.selection, &mut select.having, &mut select.qualify] {
            bind_all(self, clause)?;
        }
        if let GroupByExpr::Expressions(exprs, modifiers) = &mut select.group_by {
            if let Some(modifier) = modifiers.first() {
                let message = format!("`{}` behind `group by` is not supported", modifier.to_string().to_lowercase());
                let hint = "write `group by rollup (…)`, `cube (…)` or `grouping sets (…)`";
                return Err(Refusal::new(&code::E0216, select.select_token.0.span, message).hint(hint));
            }
            // `group by ()` is one group of all rows, as an aggregate makes by itself.
            exprs.retain(|expr| !matches!(expr, Expr::Tuple(parts) if parts.is_empty()));
            for expr in exprs.iter_mut() {
                bind_all(self, expr)?;
            }
            grouping::distinct(exprs);
        }
        for window in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                bind_all(self, spec)?;
            }
        }
        Ok(())
    }

    /// A name alone is a column of the result before it is one of the input; inside an expression it is not.
    fn unless_output(&mut self, expr: &mut Expr, names: &[Column]) -> Result<(), Refusal> {
        if let Expr::Identifier(ident) = expr {
            let name = fold(ident);
            if names.iter().any(|column| column.name == name && column.planned == name) {
                return Ok(());
            }
        }
        bind_all(self, expr)
    }
}

/// The columns under other names; PostgreSQL lets the last ones keep theirs.
pub fn renamed(columns: Columns, aliases: &mut Vec<TableAliasColumnDef>) -> Columns {
    if aliases.is_empty() {
        return columns;
    }
    if let Some(columns) = &columns {
        let rest = columns.iter().skip(aliases.len());
        aliases.extend(rest.map(|column| TableAliasColumnDef {
            name: super::scope::exact(&column.planned, Span::empty()),
            data_type: None,
        }));
    }
    Some(aliases.iter().map(|alias| Column::new(fold(&alias.name))).collect())
}

/// `fetch first n rows only` is `limit n`.
fn fetched(fetch: Fetch, limit: &mut Option<LimitClause>) -> Result<(), Refusal> {
    let words = format!("`{}`", fetch.to_string().to_lowercase());
    let span = fetch.quantity.as_ref().map_or(Span::empty(), Expr::span);
    if fetch.percent || fetch.with_ties {
        let hint = "number the rows, such as `qualify rank() over (order by …) <= 10`";
        return Err(Refusal::new(&code::E0216, span, format!("{words} is not supported")).hint(hint));
    }
    let number = fetch
        .quantity
        .unwrap_or_else(|| Expr::Value(datafusion::sql::sqlparser::ast::Value::Number("1".to_owned(), false).into()));
    match limit {
        None => {
            *limit = Some(LimitClause::LimitOffset { limit: Some(number), offset: None, limit_by: vec![] });
            Ok(())
        }
        Some(LimitClause::LimitOffset { limit: empty @ None, .. }) => {
            *empty = Some(number);
            Ok(())
        }
        Some(_) => Err(Refusal::new(&code::E0216, span, format!("{words} stands beside a `limit`"))),
    }
}

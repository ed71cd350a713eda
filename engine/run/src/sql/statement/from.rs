//! `from`: tables, subqueries and joins, and the columns that they make visible.

use super::{
    binder::{Binder, Columns, Level, renamed},
    build::{at, binary, call, chain},
    expressions::bind_all,
    pivot,
    scope::{Column, Scope, Visible, ambiguous, exact, fold},
};
use crate::sql::refusal::Refusal;
use datafusion::sql::sqlparser::{
    ast::{
        BinaryOperator, Expr, FunctionArg, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Spanned as _,
        TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins,
    },
    tokenizer::Span,
};
use engine_language::code;

/// The schema of a table that is named without one.
pub const DEFAULT_SCHEMA: &str = "models";

/// Which rows a join keeps that have no partner.
#[derive(Clone, Copy, PartialEq)]
enum Keeps {
    Neither,
    Left,
    Right,
    Both,
    /// The rows of the left side only, and none of the right's columns.
    Half,
}

impl Binder<'_> {
    /// Binds what a select reads.
    pub(super) fn from(&mut self, tables: &mut [TableWithJoins]) -> Result<Scope, Refusal> {
        let mut scope = Scope::default();
        for table in tables {
            let next = self.joined(table, &scope)?;
            scope = beside(scope, next, table.relation.span())?;
        }
        Ok(scope)
    }

    fn joined(&mut self, table: &mut TableWithJoins, before: &Scope) -> Result<Scope, Refusal> {
        let mut left = self.factor(&mut table.relation, before)?;
        for join in &mut table.joins {
            let seen = before.clone().and(left.clone());
            let right = self.factor(&mut join.relation, &seen)?;
            left = self.join(left, right, join)?;
        }
        Ok(left)
    }

    fn join(&mut self, left: Scope, right: Scope, join: &mut Join) -> Result<Scope, Refusal> {
        let span = join.relation.span();
        let Some((keeps, constraint)) = constraint(&mut join.join_operator) else {
            return beside(left, right, span);
        };
        if matches!(constraint, JoinConstraint::Natural | JoinConstraint::Using(_)) && !left.unknown && !right.unknown {
            let keys = keys(&left, &right, constraint, span)?;
            return merge(left, right, keeps, &keys, constraint);
        }
        let half = (keeps == Keeps::Half).then(|| left.clone());
        let both = beside(left, right, span)?;
        if let JoinConstraint::On(on) = constraint {
            self.scopes.push(both.clone());
            bind_all(self, on)?;
            self.scopes.pop();
        }
        Ok(half.unwrap_or(both))
    }

    fn factor(&mut self, factor: &mut TableFactor, seen: &Scope) -> Result<Scope, Refusal> {
        pivot::rewrite(self, factor, seen)?;
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => Ok(self.table(name, alias)),
            TableFactor::Table { name, alias, args: Some(args), .. } => {
                self.arguments(&mut args.args, seen)?;
                Ok(function(name, alias))
            }
            TableFactor::Function { name, alias, args, .. } => {
                self.arguments(args, seen)?;
                Ok(function(name, alias))
            }
            TableFactor::UNNEST { alias, array_exprs, .. } => {
                self.scopes.push(seen.clone());
                for expr in array_exprs.iter_mut() {
                    bind_all(self, expr)?;
                }
                self.scopes.pop();
                let name = ObjectName::from(vec![Ident::new("unnest")]);
                Ok(if array_exprs.len() == 1 { function(&name, alias) } else { Scope::unknown() })
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                if *lateral {
                    self.scopes.push(seen.clone());
                }
                let columns = self.query(subquery, Level::Inner)?;
                if *lateral {
                    self.scopes.pop();
                }
                Ok(named(columns, alias))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.joined(table_with_joins, seen),
            _ => Ok(Scope::unknown()),
        }
    }

    fn arguments(&mut self, arguments: &mut Vec<FunctionArg>, seen: &Scope) -> Result<(), Refusal> {
        self.scopes.push(seen.clone());
        bind_all(self, arguments)?;
        self.scopes.pop();
        Ok(())
    }

    fn table(&self, name: &ObjectName, alias: &mut Option<TableAlias>) -> Scope {
        let parts: Option<Vec<String>> = name.0.iter().map(|part| part.as_ident().map(fold)).collect();
        let Some(parts) = parts else { return Scope::unknown() };
        let columns = self.columns_of(&parts);
        match alias {
            Some(_) => named(columns, alias),
            None => columns.map_or_else(Scope::unknown, |columns| Scope::of(parts, columns)),
        }
    }

    fn columns_of(&self, parts: &[String]) -> Columns {
        if let [name] = parts
            && let Some((_, columns)) = self.ctes.iter().rev().find(|(cte, _)| cte == name)
        {
            return columns.clone();
        }
        let path = match parts {
            [table] => vec![DEFAULT_SCHEMA.to_owned(), table.clone()],
            [.., schema, table] => vec![schema.clone(), table.clone()],
            [] => return None,
        };
        self.catalog.get(&path).map(|columns| columns.iter().map(Column::new).collect())
    }
}

/// What has an alias, or nothing to call it by.
fn named(columns: Columns, alias: &mut Option<TableAlias>) -> Scope {
    let (path, columns) = match alias {
        Some(alias) => (vec![fold(&alias.name)], renamed(columns, &mut alias.columns)),
        None => (vec![], columns),
    };
    columns.map_or_else(Scope::unknown, |columns| Scope::of(path, columns))
}

/// A function in `from` is called as its alias or itself, and so is its one column.
fn function(name: &ObjectName, alias: &mut Option<TableAlias>) -> Scope {
    let Some(own) = name.0.last().and_then(|part| part.as_ident()) else { return Scope::unknown() };
    let alias =
        alias.get_or_insert_with(|| TableAlias { explicit: true, name: own.clone(), columns: vec![], at: None });
    if alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
    }
    let columns = alias.columns.iter().map(|column| Column::new(fold(&column.name))).collect();
    Scope::of(vec![fold(&alias.name)], columns)
}

fn beside(left: Scope, right: Scope, span: Span) -> Result<Scope, Refusal> {
    let twice = right
        .relations
        .iter()
        .find(|relation| !relation.path.is_empty() && left.relations.iter().any(|other| other.path == relation.path));
    match twice {
        Some(relation) => {
            let message = format!("`{}` is named twice in `from`", relation.path.join("."));
            Err(Refusal::new(&code::E0216, span, message).hint("give one of them another name by `as`"))
        }
        None => Ok(left.and(right)),
    }
}

/// Which rows a join keeps, and what it joins by.
fn constraint(operator: &mut JoinOperator) -> Option<(Keeps, &mut JoinConstraint)> {
    Some(match operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (Keeps::Neither, constraint),
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (Keeps::Left, constraint),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (Keeps::Right, constraint),
        JoinOperator::FullOuter(constraint) => (Keeps::Both, constraint),
        JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint) => (Keeps::Half, constraint),
        _ => return None,
    })
}

/// The columns by which both sides are joined.
fn keys(left: &Scope, right: &Scope, constraint: &JoinConstraint, span: Span) -> Result<Vec<Ident>, Refusal> {
    let JoinConstraint::Using(names) = constraint else {
        let mut keys: Vec<Ident> = vec![];
        for visible in &left.visible {
            if right.visible.iter().any(|other| other.name == visible.name) {
                if keys.iter().any(|key| key.value == visible.name) {
                    return Err(ambiguous(&visible.name, span, &[]));
                }
                keys.push(exact(&visible.name, span));
            }
        }
        return Ok(keys);
    };
    let mut keys = vec![];
    for name in names {
        match &name.0[..] {
            [part] if part.as_ident().is_some() => keys.extend(part.as_ident().cloned()),
            _ => {
                let message = format!("`using` takes names of columns, and `{name}` is none");
                return Err(Refusal::new(&code::E0216, name.span(), message).hint("leave the table out"));
            }
        }
    }
    Ok(keys)
}

/// Writes `using` out as `on`, and merges its columns: the left's, the right's where only that is whole, or whichever is
/// there.
fn merge(
    left: Scope,
    right: Scope,
    keeps: Keeps,
    keys: &[Ident],
    constraint: &mut JoinConstraint,
) -> Result<Scope, Refusal> {
    let mut equal = vec![];
    let mut merged = vec![];
    for key in keys {
        let (a, b) = (left.key(key, "left")?.expr.clone(), right.key(key, "right")?.expr.clone());
        let (a, b) = (at(a, key.span), at(b, key.span));
        equal.push(binary(a.clone(), BinaryOperator::Eq, b.clone()));
        let expr = match keeps {
            Keeps::Right => b,
            Keeps::Both => call("coalesce", vec![a, b], Span::empty()),
            _ => a,
        };
        merged.push(Visible { name: fold(key), expr, hidden: true });
    }
    *constraint = match chain(&BinaryOperator::And, equal) {
        Some(on) => JoinConstraint::On(on),
        None => JoinConstraint::On(Expr::Value(datafusion::sql::sqlparser::ast::Value::Boolean(true).into())),
    };
    let is_key = |visible: &Visible| merged.iter().any(|key| key.name == visible.name);
    let rest =
        |scope: &Scope| -> Vec<Visible> { scope.visible.iter().filter(|visible| !is_key(visible)).cloned().collect() };
    let (from_left, from_right) = (rest(&left), rest(&right));
    if keeps == Keeps::Half {
        return Ok(Scope { visible: [merged, from_left].concat(), ..left });
    }
    let visible = [merged, from_left, from_right].concat();
    Ok(Scope { visible, ..beside(left, right, Span::empty())? })
}

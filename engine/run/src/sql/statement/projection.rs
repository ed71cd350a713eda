//! The columns of a select: `*` written out where the planner's would be another, and a name for each.

use super::{
    Output,
    binder::{Binder, Columns, Level},
    build::at,
    expressions::bind_all,
    figure,
    scope::{Column, Relation, Scope, Visible, exact, fold},
};
use crate::sql::refusal::Refusal;
use datafusion::sql::sqlparser::{
    ast::{
        ExcludeSelectItem, Expr, Ident, ObjectName, RenameSelectItem, Select, SelectItem,
        SelectItemQualifiedWildcardKind, Spanned as _, WildcardAdditionalOptions,
    },
    tokenizer::Span,
};
use engine_language::{code, name::nearest};
use std::collections::BTreeMap;

/// A column of a select.
struct Item {
    item: SelectItem,
    /// None where `*` is left to the planner.
    names: Option<Vec<String>>,
    span: Span,
}

impl Binder<'_> {
    /// Binds the columns of a select whose scope is the nearest.
    pub(super) fn projection(&mut self, select: &mut Select, level: Level) -> Result<Columns, Refusal> {
        let scope = self.scopes.last().cloned().unwrap_or_default();
        let mut items = vec![];
        for item in std::mem::take(&mut select.projection) {
            self.item(item, &scope, level, &mut items)?;
        }
        let names: Vec<Option<Vec<String>>> = items.iter().map(|item| item.names.clone()).collect();
        let known = names.iter().all(Option::is_some);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for name in names.into_iter().flatten().flatten() {
            *counts.entry(name).or_default() += 1;
        }
        let mut columns = vec![];
        let mut outputs = vec![];
        let mut met: BTreeMap<String, usize> = BTreeMap::new();
        for Item { item, names, span } in items {
            let names = names.unwrap_or_default();
            let single =
                names.len() == 1 && !matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
            let mut item = item;
            for name in names {
                let nth = met.entry(name.clone()).or_default();
                *nth += 1;
                let twice = counts.get(&name).is_some_and(|count| *count > 1);
                let planned = match level {
                    Level::Inner if twice && single => format!("{name}:{nth}"),
                    Level::Top if *nth > 1 && single => format!("{name}:{nth}"),
                    _ => name.clone(),
                };
                if planned != name {
                    item = aliased(item, &planned, span);
                }
                outputs.push(Output { name: name.clone(), span });
                columns.push(Column { name, planned });
            }
            select.projection.push(item);
        }
        if level == Level::Top {
            self.outputs = if known { outputs } else { vec![] };
        }
        Ok(known.then_some(columns))
    }

    fn item(&mut self, item: SelectItem, scope: &Scope, level: Level, items: &mut Vec<Item>) -> Result<(), Refusal> {
        match item {
            SelectItem::UnnamedExpr(expr) => items.push(self.unnamed(expr, scope)?),
            SelectItem::ExprWithAlias { mut expr, alias } => {
                let (names, span) = (Some(vec![fold(&alias)]), expr.span());
                bind_all(self, &mut expr)?;
                items.push(Item { item: SelectItem::ExprWithAlias { expr, alias }, names, span });
            }
            SelectItem::Wildcard(options) => {
                let span = options.wildcard_token.0.span;
                let all = &scope.visible;
                if scope.unknown || (!special(&options) && !must_expand(all, scope.has_hidden(), level)) {
                    let names = (!scope.unknown).then(|| all.iter().map(|visible| visible.name.clone()).collect());
                    items.push(Item { item: SelectItem::Wildcard(options), names, span });
                } else {
                    self.expand(all, &options, span, items)?;
                }
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                self.qualified_wildcard(name, options, level, items)?;
            }
            other => items.push(Item { span: other.span(), item: other, names: None }),
        }
        Ok(())
    }

    fn unnamed(&mut self, mut expr: Expr, scope: &Scope) -> Result<Item, Refusal> {
        let (name, span) = (figure::name(&expr), expr.span());
        let before = expr.clone();
        bind_all(self, &mut expr)?;
        let plain = match &expr {
            Expr::Identifier(_) => true,
            Expr::CompoundIdentifier(parts) => {
                let table: Vec<String> = parts.iter().take(parts.len() - 1).map(fold).collect();
                scope.unknown || self.scopes.iter().any(|scope| scope.relation(&table).is_some())
            }
            _ => false,
        };
        let item = SelectItem::UnnamedExpr(expr);
        let unchanged = matches!(&item, SelectItem::UnnamedExpr(expr) if *expr == before);
        let item = if plain && unchanged { item } else { aliased(item, &name, span) };
        Ok(Item { item, names: Some(vec![name]), span })
    }

    fn qualified_wildcard(
        &mut self,
        name: ObjectName,
        options: WildcardAdditionalOptions,
        level: Level,
        items: &mut Vec<Item>,
    ) -> Result<(), Refusal> {
        let span = name.span();
        let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(fold)).collect();
        let relation = self.scopes.iter().rev().find_map(|scope| scope.relation(&parts)).cloned();
        let Some(Relation { path, columns }) = relation else {
            let item = SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options);
            items.push(Item { item, names: None, span });
            return Ok(());
        };
        let own = Scope::of(path, columns);
        if !special(&options) && !must_expand(&own.visible, own.has_hidden(), level) {
            let names = own.visible.iter().map(|visible| visible.name.clone()).collect();
            let item = SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options);
            items.push(Item { item, names: Some(names), span });
            return Ok(());
        }
        self.expand(&own.visible, &options, span, items)
    }

    /// Writes `*` out, with what stands behind it.
    fn expand(
        &mut self,
        all: &[Visible],
        options: &WildcardAdditionalOptions,
        span: Span,
        items: &mut Vec<Item>,
    ) -> Result<(), Refusal> {
        let there = |ident: &Ident| {
            if all.iter().any(|visible| visible.name == fold(ident)) {
                Ok(fold(ident))
            } else {
                Err(not_there(ident, all))
            }
        };
        let left_out = excluded(options).iter().map(there).collect::<Result<Vec<String>, _>>()?;
        let renames = renames(options);
        for (from, _) in &renames {
            there(from)?;
        }
        for visible in all.iter().filter(|visible| !left_out.contains(&visible.name)) {
            if options.opt_ilike.as_ref().is_some_and(|like| !is_like(&visible.name, &like.pattern)) {
                continue;
            }
            let new = renames.iter().find(|(from, _)| fold(from) == visible.name).map(|(_, to)| fold(to));
            let name = new.unwrap_or_else(|| visible.name.clone());
            let replaced = options.opt_replace.iter().flat_map(|replace| &replace.items);
            let replaced = replaced.into_iter().find(|item| fold(&item.column_name) == visible.name);
            let item = if let Some(replaced) = replaced {
                let mut expr = replaced.expr.clone();
                bind_all(self, &mut expr)?;
                aliased(SelectItem::UnnamedExpr(expr), &name, span)
            } else {
                let item = SelectItem::UnnamedExpr(at(visible.expr.clone(), span));
                if visible.hidden || name != visible.name { aliased(item, &name, span) } else { item }
            };
            items.push(Item { item, names: Some(vec![name]), span });
        }
        Ok(())
    }
}

/// Whether two columns have one name, which the planner refuses inside a query.
fn must_expand(visible: &[Visible], hidden: bool, level: Level) -> bool {
    let twice = |at: usize| visible[..at].iter().any(|before| before.name == visible[at].name);
    hidden || level == Level::Inner && (0..visible.len()).any(twice)
}

fn special(options: &WildcardAdditionalOptions) -> bool {
    options.opt_exclude.is_some()
        || options.opt_except.is_some()
        || options.opt_replace.is_some()
        || options.opt_rename.is_some()
        || options.opt_ilike.is_some()
}

fn excluded(options: &WildcardAdditionalOptions) -> Vec<Ident> {
    let names: Vec<&ObjectName> = match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names.iter().collect(),
        None => vec![],
    };
    let excluded = names.into_iter().filter_map(|name| name.0.last().and_then(|part| part.as_ident()).cloned());
    let except = options.opt_except.iter();
    let except = except.flat_map(|except| [&except.first_element].into_iter().chain(&except.additional_elements));
    excluded.chain(except.cloned()).collect()
}

fn renames(options: &WildcardAdditionalOptions) -> Vec<(Ident, Ident)> {
    match &options.opt_rename {
        Some(RenameSelectItem::Single(item)) => vec![(item.ident.clone(), item.alias.clone())],
        Some(RenameSelectItem::Multiple(items)) => {
            items.iter().map(|item| (item.ident.clone(), item.alias.clone())).collect()
        }
        None => vec![],
    }
}

/// Whether a name matches a pattern of `*` `ilike`.
fn is_like(name: &str, pattern: &str) -> bool {
    fn matches(name: &[char], pattern: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('%', rest)) => (0..=name.len()).any(|at| matches(&name[at..], rest)),
            Some(('_', rest)) => !name.is_empty() && matches(&name[1..], rest),
            Some((c, rest)) => name.first() == Some(c) && matches(&name[1..], rest),
        }
    }
    let chars = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    matches(&chars(name), &chars(pattern))
}

fn not_there(ident: &Ident, all: &[Visible]) -> Refusal {
    let name = fold(ident);
    let refusal = Refusal::new(&code::E0202, ident.span, format!("column `{name}` not found"));
    match nearest(&name, all.iter().map(|visible| visible.name.as_str())) {
        Some(near) => refusal.fix("a column with a similar name exists", near),
        None => refusal,
    }
}

fn aliased(item: SelectItem, name: &str, span: Span) -> SelectItem {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            SelectItem::ExprWithAlias { expr, alias: exact(name, span) }
        }
        other => other,
    }
}

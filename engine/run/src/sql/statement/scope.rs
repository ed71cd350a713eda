//! The columns that a place in a query sees, by name: what a `from` makes visible, and how the planner is told of it.

use super::super::refusal::Refusal;
use datafusion::sql::sqlparser::{
    ast::{Expr, Ident},
    tokenizer::Span,
};
use engine_language::{code, name::nearest};

/// An identifier as it is compared: in small letters unless it is quoted.
pub fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// An identifier that means exactly this, said at a place of the SQL.
pub fn exact(name: &str, span: Span) -> Ident {
    let mut ident = Ident::with_quote('"', name);
    ident.span = span;
    ident
}

/// A column of a query or table: what SQL calls it, and what the planner does. They differ where two columns have one
/// name, which SQL allows until somebody asks for one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// What SQL calls it.
    pub name: String,
    /// What the planner calls it.
    pub planned: String,
}

impl Column {
    /// A column of one name.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { planned: name.clone(), name }
    }
}

/// Something in a `from` that has a name.
#[derive(Clone, Debug)]
pub struct Relation {
    /// The parts of the name: `schema.table`, or an alias.
    pub path: Vec<String>,
    /// Its columns.
    pub columns: Vec<Column>,
}

impl Relation {
    fn reference(&self, column: &str) -> Expr {
        if self.path.is_empty() {
            return Expr::Identifier(exact(column, Span::empty()));
        }
        let path = self.path.iter().map(|part| exact(part, Span::empty()));
        Expr::CompoundIdentifier(path.chain([exact(column, Span::empty())]).collect())
    }

    /// Whether `parts` before a column's name mean this.
    fn is_called(&self, parts: &[String]) -> bool {
        self.path.ends_with(parts)
    }
}

/// A column that may be named without its table.
#[derive(Clone, Debug)]
pub struct Visible {
    /// Its name.
    pub name: String,
    /// What stands for it.
    pub expr: Expr,
    /// Whether the planner would not find it by its name: a join's merged column, or one of several of one name.
    pub hidden: bool,
}

/// What a `from` makes visible.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What has a name.
    pub relations: Vec<Relation>,
    /// The columns, in the order of `*`.
    pub visible: Vec<Visible>,
    /// Whether there is something whose columns are not known.
    pub unknown: bool,
}

/// What a name means in a scope.
pub enum Found<'a> {
    /// Nothing here.
    Nothing,
    /// One column.
    One(&'a Visible),
    /// It could be one of several.
    Ambiguous(Vec<String>),
}

impl Scope {
    /// A scope of one relation.
    pub fn of(path: Vec<String>, columns: Vec<Column>) -> Self {
        let relation = Relation { path, columns };
        let visible = relation.columns.iter().map(|column| Visible {
            name: column.name.clone(),
            expr: relation.reference(&column.planned),
            hidden: column.name != column.planned,
        });
        Self { visible: visible.collect(), relations: vec![relation], unknown: false }
    }

    /// A scope of something whose columns are not known.
    pub fn unknown() -> Self {
        Self { unknown: true, ..Self::default() }
    }

    /// Both, side by side.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.relations.extend(other.relations);
        self.visible.extend(other.visible);
        self.unknown |= other.unknown;
        self
    }

    /// What a name without a table means.
    pub fn find(&self, name: &str) -> Found<'_> {
        let found: Vec<&Visible> = self.visible.iter().filter(|visible| visible.name == name).collect();
        match found[..] {
            [] => Found::Nothing,
            [one] => Found::One(one),
            _ => Found::Ambiguous(found.iter().map(|visible| words(&visible.expr, name)).collect()),
        }
    }

    /// The relation that is called so.
    pub fn relation(&self, parts: &[String]) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.is_called(parts))
    }

    /// Whether `*` must be written out, because the planner's own would be another.
    pub fn has_hidden(&self) -> bool {
        self.visible.iter().any(|visible| visible.hidden)
    }

    /// The column that a join's `using` names.
    pub fn key(&self, ident: &Ident, side: &str) -> Result<&Visible, Refusal> {
        let name = fold(ident);
        match self.find(&name) {
            Found::One(visible) => Ok(visible),
            Found::Ambiguous(which) => Err(ambiguous(&name, ident.span, &which)),
            Found::Nothing => Err(no_key(self, &name, ident.span, side)),
        }
    }
}

/// A reference as a user would write it.
fn words(expr: &Expr, name: &str) -> String {
    match expr {
        Expr::CompoundIdentifier(parts) => {
            let table = parts.len().checked_sub(2).and_then(|at| parts.get(at));
            table.map_or_else(|| name.to_owned(), |table| format!("{}.{name}", table.value))
        }
        _ => name.to_owned(),
    }
}

fn no_key(scope: &Scope, name: &str, span: Span, side: &str) -> Refusal {
    let message = format!("column `{name}` of `using` is not on the {side} side of the join");
    let refusal = Refusal::new(&code::E0202, span, message);
    let names: Vec<&str> = scope.visible.iter().map(|visible| visible.name.as_str()).collect();
    match nearest(name, names.iter().copied()) {
        Some(near) => refusal.fix("a column with a similar name exists", near),
        None => refusal.hint(format!("there are {}", names.join(", "))),
    }
}

/// A name that could mean several columns.
pub fn ambiguous(name: &str, span: Span, which: &[String]) -> Refusal {
    let refusal = Refusal::new(&code::E0211, span, format!("column `{name}` is ambiguous"));
    let mut distinct = which.to_vec();
    distinct.dedup();
    if distinct.len() > 1 {
        return refusal.hint(format!("say which one: `{}`", distinct.join("` or `")));
    }
    refusal.hint(format!("several columns are called `{name}`: give them names of their own by `as`"))
}

//! What a rendered template must be: one query, over `ref` and `source`.

use crate::{code, diagnostic::Diagnostic, dialect::SqlDialect, files::Span, id, name::Name, rendered::Rendered};
use sqlparser::{
    ast::{ObjectName, Query, SetExpr, Spanned as _, Statement, TableFactor, Visit, Visitor},
    parser::{Parser, ParserError},
    tokenizer::{Location, Token, Tokenizer},
};
use std::{collections::BTreeSet, ops::ControlFlow};

/// Statements inside each other; the parser refuses more.
const DEPTH: usize = 100;

/// What is wrong with the SQL of a template. `file` stands for the whole of it; `this` is the model that it makes, if any.
pub fn check(rendered: &Rendered, file: Span, this: Option<&Name>) -> Vec<Diagnostic> {
    let statements = match parse(&rendered.sql) {
        Ok(statements) => statements,
        Err(error) => return vec![syntax(rendered, file, &error)],
    };
    match &statements[..] {
        [Statement::Query(query)] => query_problems(rendered, query, file, this),
        [other] => vec![not_a_query(rendered, file, other)],
        [] => vec![
            Diagnostic::error(&code::E0206, file, "this renders to nothing, but must be one query")
                .hint("write a `select`"),
        ],
        [_, second, ..] => {
            let span = locate(rendered, second.span().start).unwrap_or(file);
            vec![
                Diagnostic::error(
                    &code::E0206,
                    span,
                    format!("this renders to {} statements, but must be one query", statements.len()),
                )
                .label("the second begins here")
                .hint("put each into a file of its own"),
            ]
        }
    }
}

/// Parses SQL as DataFusion does.
fn parse(sql: &str) -> Result<Vec<Statement>, ParserError> {
    Parser::new(&SqlDialect).with_recursion_limit(DEPTH).try_with_sql(sql)?.parse_statements()
}

/// The place of the word, or character, at a location.
fn locate(rendered: &Rendered, location: Location) -> Option<Span> {
    let offset = rendered.offset(location.line, location.column)?;
    let rest = rendered.sql.get(offset..)?;
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    rendered.locate(offset, word.max(1))
}

/// Where the first word of the SQL stands.
fn beginning(rendered: &Rendered) -> Option<Span> {
    let tokens = Tokenizer::new(&SqlDialect, &rendered.sql).tokenize_with_location().ok()?;
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)))?;
    locate(rendered, first.span.start)
}

/// What the parser has to say, without the place that it puts at the end.
pub(crate) fn message(error: &ParserError) -> String {
    let text = text(error);
    let mut message = text.rsplit_once(" at Line: ").map_or(text, |(message, _)| message).to_owned();
    if let Some(first) = message.get_mut(0..1) {
        first.make_ascii_lowercase();
    }
    message
}

fn text(error: &ParserError) -> &str {
    match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => "the query is nested too deeply",
    }
}

/// The parser tells the place as text only: ` at Line: 2, Column: 8`.
fn syntax(rendered: &Rendered, file: Span, error: &ParserError) -> Diagnostic {
    let place = text(error).rsplit_once(" at Line: ").map_or("", |(_, place)| place);
    let location = place.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    let end = || {
        let last = rendered.pieces.last()?;
        Some(Span::new(last.file, last.source.end.saturating_sub(1)..last.source.end))
    };
    let span = location.and_then(|location| locate(rendered, location)).or_else(end).unwrap_or(file);
    Diagnostic::error(&code::E0201, span, format!("the SQL cannot be parsed: {}", message(error)))
}

fn not_a_query(rendered: &Rendered, file: Span, statement: &Statement) -> Diagnostic {
    let word = statement.to_string().split_whitespace().next().unwrap_or_default().to_lowercase();
    let span = beginning(rendered).unwrap_or(file);
    Diagnostic::error(&code::E0203, span, format!("`{word}` is no query"))
        .hint("a model is one `select`; where its rows go is said by `config()`")
}

fn query_problems(rendered: &Rendered, query: &Query, file: Span, this: Option<&Name>) -> Vec<Diagnostic> {
    let mut finder = TableFinder { scopes: vec![], bare: vec![], writes: false };
    let _ = query.visit(&mut finder);
    if finder.writes {
        return vec![
            Diagnostic::error(&code::E0203, file, "this query writes, but a model may only read")
                .hint("a model is one `select`; where its rows go is said by `config()`"),
        ];
    }
    let reads = rendered.reads.iter().map(|read| read.in_sql());
    let known: BTreeSet<(&str, &str)> = reads.chain(this.map(|name| ("models", name.as_str()))).collect();
    let is_known = |name: &[String]| match name {
        [schema, table] => known.contains(&(schema.as_str(), table.as_str())),
        _ => false,
    };
    finder.bare.iter().filter(|name| !is_known(&plain(name))).map(|name| bare(rendered, name, file)).collect()
}

/// A table's name as it is in the catalog, part by part.
fn plain(name: &ObjectName) -> Vec<String> {
    name.0.iter().map(|part| part.as_ident().map_or_else(|| part.to_string(), fold)).collect()
}

fn bare(rendered: &Rendered, name: &ObjectName, file: Span) -> Diagnostic {
    let start = name.span().start;
    let span = rendered.locate_line(start.line, start.column, name.to_string().len()).unwrap_or(file);
    let parts = plain(name);
    let name = parts.join(".");
    let diagnostic =
        Diagnostic::error(&code::E0204, span, format!("table `{name}` is named without `ref` or `source`"));
    match &parts[..] {
        [schema, model] if schema == "models" => diagnostic.hint(format!("write `{{{{ ref('{model}') }}}}`")),
        [source, table] => {
            let copy = id::written(source, table);
            diagnostic.hint(format!("write `{{{{ source('{source}', '{table}') }}}}` or `{{{{ ref('{copy}') }}}}`"))
        }
        _ => diagnostic.hint(format!("write `{{{{ ref('{name}') }}}}`, or `{{{{ source('…', '{name}') }}}}`")),
    }
}

/// Finds tables that are no common table expressions.
struct TableFinder {
    scopes: Vec<BTreeSet<String>>,
    bare: Vec<ObjectName>,
    writes: bool,
}

impl Visitor for TableFinder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.scopes.push(ctes.map(|cte| fold(&cte.alias.name)).collect());
        self.writes |= writes(&query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            let single = match &name.0[..] {
                [part] => part.as_ident().map(fold),
                _ => None,
            };
            let is_cte = single.is_some_and(|name| self.scopes.iter().any(|scope| scope.contains(&name)));
            if !is_cte {
                self.bare.push(name.clone());
            }
        }
        ControlFlow::Continue(())
    }
}

fn writes(body: &SetExpr) -> bool {
    match body {
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => true,
        SetExpr::SetOperation { left, right, .. } => writes(left) || writes(right),
        _ => false,
    }
}

/// An identifier as DataFusion compares it.
fn fold(ident: &sqlparser::ast::Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

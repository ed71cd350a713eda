//! From a user's SQL to a statement that DataFusion plans as PostgreSQL would: names are resolved, `using` is written
//! out, columns get PostgreSQL's names, and syntax that DataFusion has not is rewritten or refused.

mod binder;
pub mod build;
mod expressions;
pub mod figure;
mod from;
mod grouping;
mod multiset;
mod pivot;
mod projection;
mod rewrite;
pub mod scope;

use super::refusal::Refusal;
pub use rewrite::ROW;

use binder::Binder;
use datafusion::sql::{
    parser::{DFParserBuilder, Statement as Parsed},
    sqlparser::{
        ast::{Query, Statement},
        tokenizer::Span,
    },
};
use datafusion::{common::plan_err, error::DataFusionError};
use engine_language::{code, dialect::SqlDialect};
use std::collections::BTreeMap;

/// Parentheses and subqueries inside each other.
const NESTED: usize = 100;

/// The columns of the tables that a query may name, by the parts of their names.
pub type Catalog = BTreeMap<Vec<String>, Vec<String>>;

/// A column of a query's result, and the place of the SQL that makes it.
#[derive(Clone, Debug)]
pub struct Output {
    /// What it is called.
    pub name: String,
    /// Where.
    pub span: Span,
}

/// Parses the text of one query.
pub fn parse(sql: &str) -> Result<Parsed, DataFusionError> {
    let mut statements =
        DFParserBuilder::new(sql).with_dialect(&SqlDialect).with_recursion_limit(NESTED).build()?.parse_statements()?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        (Some(_), false) => plan_err!("this is more than one statement"),
        (None, _) => plan_err!("there is no statement"),
    }
}

/// Whether a text is one query, so that something can be said of its meaning.
pub fn is_query(sql: &str) -> bool {
    parse(sql.trim_end().trim_end_matches(';')).is_ok_and(|mut parsed| query(&mut parsed).is_ok())
}

/// Rewrites a query into one that DataFusion understands as PostgreSQL does. Anything but a query is refused.
pub fn rewrite(parsed: &mut Parsed, catalog: &Catalog) -> Result<Vec<Output>, DataFusionError> {
    let query = query(parsed)?;
    let mut binder = Binder::new(catalog);
    Ok(binder.top(query)?)
}

fn query(parsed: &mut Parsed) -> Result<&mut Query, DataFusionError> {
    let word = match parsed {
        Parsed::Statement(statement) => match statement.as_mut() {
            Statement::Query(query) => return Ok(query),
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    let word = word.split_whitespace().next().unwrap_or_default().to_lowercase();
    Err(Refusal::new(&code::E0203, Span::empty(), format!("`{word}` is no query")).into())
}

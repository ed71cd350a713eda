//! A query's text, planned: parsed, rewritten and given to DataFusion.

use super::{
    deep::deeply,
    planner::caught,
    statement::{self, Catalog, Output},
    syntax,
};
use datafusion::{
    error::DataFusionError,
    execution::SessionState,
    prelude::{DataFrame, SQLOptions, SessionContext},
    sql::parser::Statement,
};

/// Plans a query; anything but a query is refused. The types of its columns are those of the rows that it gives: a plan
/// is analyzed first, because before that its schema does not know what `case`, `coalesce` and `union` coerce.
pub async fn plan(context: &SessionContext, sql: &str) -> Result<DataFrame, DataFusionError> {
    caught(deeply(async {
        let state = context.state();
        let mut parsed = statement::parse(text(sql))?;
        let catalog = catalog(&state, &parsed).await?;
        statement::rewrite(&mut parsed, &catalog)?;
        syntax::rewrite(&mut parsed);
        let plan = state.statement_to_plan(parsed).await?;
        let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        options.verify_plan(&plan)?;
        let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
        Ok(DataFrame::new(state, analyzed))
    }))
    .await
}

/// The columns of a query with their places, where they can be told from its text and the tables' columns.
pub async fn outputs(context: &SessionContext, sql: &str) -> Result<Vec<Output>, DataFusionError> {
    deeply(async {
        let mut parsed = statement::parse(text(sql))?;
        let catalog = catalog(&context.state(), &parsed).await?;
        statement::rewrite(&mut parsed, &catalog)
    })
    .await
}

fn text(sql: &str) -> &str {
    sql.trim_end().trim_end_matches(';')
}

/// The columns of the tables that a statement names.
async fn catalog(state: &SessionState, parsed: &Statement) -> Result<Catalog, DataFusionError> {
    let defaults = &state.config_options().catalog;
    let mut columns = Catalog::new();
    for reference in state.resolve_table_references(parsed)? {
        let resolved = reference.resolve(&defaults.default_catalog, &defaults.default_schema);
        let catalog = state.catalog_list().catalog(&resolved.catalog);
        let Some(schema) = catalog.and_then(|catalog| catalog.schema(&resolved.schema)) else { continue };
        if let Some(table) = schema.table(&resolved.table).await? {
            let names = table.schema().fields().iter().map(|field| field.name().clone()).collect();
            columns.insert(vec![resolved.schema.to_string(), resolved.table.to_string()], names);
        }
    }
    Ok(columns)
}

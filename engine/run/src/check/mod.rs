//! Checks: each rule as one query over the new rows, before readers can see them.

use crate::{
    error::{Error, Result},
    inputs, location,
    redact::Mask,
    report::CheckReport,
    runner::Runner,
    sql::session::Session,
    systems,
};
use datafusion::{
    arrow::{
        array::RecordBatch,
        row::{RowConverter, SortField},
        util::pretty::pretty_format_batches,
    },
    catalog::TableProvider,
    error::DataFusionError,
    prelude::DataFrame,
};
use engine_connect::hub::source::ReadRequest;
use engine_language::{
    code,
    config::toml::{Value, ValueKind},
    diagnostic::Diagnostic,
    id::NodeId,
    model::{Check, CheckSeverity, Rule},
    name::Name,
    project::Project,
    template::quote::{identifier, literal},
};
use futures::StreamExt;
use std::{collections::BTreeSet, sync::Arc};

/// Rows that are shown of those that break a rule.
const EXAMPLES: usize = 5;

/// The first check that fails the node.
pub fn first_broken(checks: &[CheckReport]) -> Option<&CheckReport> {
    checks.iter().find(|check| check.failing > 0 && check.severity == CheckSeverity::Error)
}

/// What a broken check means for its node.
pub fn broken(node: &str, check: &CheckReport) -> Error {
    let rows = if check.failing == 1 { "1 row breaks".to_owned() } else { format!("{} rows break", check.failing) };
    let mut problem =
        Diagnostic::error(&code::E0302, check.span, format!("{rows} the check {} of `{node}`", check.name));
    if !check.examples.is_empty() {
        problem = problem.hint(format!("such as\n{}", check.examples.join("\n")));
    }
    Error::Project(Box::new(problem.hint("the table is as it was; mend the model or its data, then `engine run`")))
}

/// The checks that a project declares now, each by its node and its name, as records have them. What records hold besides
/// is of checks that were edited or removed.
pub fn declared(project: &Project, mask: &Mask) -> BTreeSet<(String, String)> {
    let of_models = project.models.values().flat_map(|model| {
        let node = NodeId::Model(model.name.clone()).to_string();
        model.config.checks.iter().map(move |check| (node.clone(), mask.text(&name(&check.rule))))
    });
    let tests = project.singular_tests.keys();
    let tests = tests.map(|name| (NodeId::Test(name.clone()).to_string(), name.to_string()));
    of_models.chain(tests).collect()
}

/// New rows that are to be checked.
pub struct Rows {
    /// They themselves.
    pub provider: Arc<dyn TableProvider>,
    /// Sets of columns that their system keeps unique by itself: it would not have taken the rows otherwise.
    pub unique: Vec<Vec<String>>,
}

impl Rows {
    fn keep(&self, rule: &Rule) -> bool {
        let Rule::Unique(columns) = rule else { return false };
        let columns: BTreeSet<&String> = columns.iter().collect();
        self.unique.iter().any(|set| set.iter().collect::<BTreeSet<_>>() == columns)
    }
}

/// Runs checks over new rows, in order.
pub async fn run(
    runner: &Runner,
    session: &Session,
    model: &Name,
    rows: Rows,
    checks: &[Check],
) -> Result<Vec<CheckReport>> {
    session.register("engine_check", "new_rows", rows.provider.clone())?;
    let mut reports = vec![];
    for check in checks {
        if let Rule::Relationships { to, .. } = &check.rule {
            related(runner, session, to).await?;
        }
        let located = |error: DataFusionError| {
            let message =
                format!("the check {} of `{model}` cannot be run: {}", name(&check.rule), error.strip_backtrace());
            Error::Project(Box::new(Diagnostic::error(&code::E0301, check.span, message)))
        };
        let (failing, examples) = if rows.keep(&check.rule) {
            (0, vec![])
        } else {
            let frame = session.query(&sql(&check.rule)).await.map_err(located)?;
            failing_rows(frame).await.map_err(located)?
        };
        reports.push(CheckReport {
            name: name(&check.rule),
            severity: check.severity,
            failing,
            examples,
            span: Some(check.span),
        });
    }
    Ok(reports)
}

/// Counts the rows of a query, and draws the lowest few, so that the same data shows the same rows each time.
pub async fn failing_rows(frame: DataFrame) -> Result<(u64, Vec<String>), DataFusionError> {
    let mut rows = frame.execute_stream().await?;
    let schema = rows.schema();
    let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone()));
    let converter = RowConverter::new(fields.collect())?;
    let (mut count, mut lowest) = (0, BTreeSet::new());
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        count += batch.num_rows() as u64;
        for (number, row) in converter.convert_columns(batch.columns())?.iter().enumerate() {
            // The number tells equal rows apart.
            lowest.insert((row.owned(), number));
            if lowest.len() > EXAMPLES {
                lowest.pop_last();
            }
        }
    }
    if lowest.is_empty() {
        return Ok((count, vec![]));
    }
    let columns = converter.convert_rows(lowest.iter().map(|(row, _)| row.row()))?;
    let some = RecordBatch::try_new(schema, columns)?;
    Ok((count, pretty_format_batches(&[some])?.to_string().lines().map(str::to_owned).collect()))
}

/// Opens what a relationship leads to, as `engine_check.other`.
async fn related(runner: &Runner, session: &Session, to: &Name) -> Result<()> {
    let project = &runner.project;
    let missing = || {
        let problem = Diagnostic::error(&code::E0301, None, format!("there is nothing called `{to}` to relate to"));
        Error::Project(Box::new(problem.hint("name a model, a seed, a copied table or `source.table`")))
    };
    let node = project.graph.find_rows(to.as_str()).ok_or_else(missing)?;
    let Some(place) = location::of(project, &node) else {
        let view = project.model(&node).expect("only views have no table");
        inputs::open(runner, session, &view.rendered).await?;
        let frame = session.query(&view.rendered.sql).await?;
        return session.register("engine_check", "other", frame.into_view());
    };
    let request = systems::request(project, &node, &place);
    let mut reading = runner.systems.get(&place.connection)?.open(ReadRequest { tables: vec![request] }).await?;
    let open = reading.tables.pop().expect("one table was asked for");
    session.register("engine_check", "other", open.provider)
}

/// What a check is called in reports.
pub fn name(rule: &Rule) -> String {
    match rule {
        Rule::NotNull(column) => format!("not_null({column})"),
        Rule::Unique(columns) => format!("unique({})", columns.join(", ")),
        Rule::AcceptedValues(column, _) => format!("accepted_values({column})"),
        Rule::Relationships { column, to, field } => format!("relationships({column} → {to}.{field})"),
        Rule::Between(column, ..) => format!("between({column})"),
        Rule::RowCount { .. } => "row_count".to_owned(),
        Rule::Expression(text) => format!("expression({text})"),
    }
}

/// The columns that a rule names.
pub fn columns(rule: &Rule) -> Vec<&str> {
    match rule {
        Rule::NotNull(column)
        | Rule::AcceptedValues(column, _)
        | Rule::Between(column, ..)
        | Rule::Relationships { column, .. } => vec![column],
        Rule::Unique(columns) => columns.iter().map(String::as_str).collect(),
        Rule::RowCount { .. } | Rule::Expression(_) => vec![],
    }
}

/// The query whose rows break a rule.
pub fn sql(rule: &Rule) -> String {
    const ROWS: &str = "engine_check.new_rows";
    match rule {
        Rule::NotNull(column) => format!("select * from {ROWS} where {} is null", identifier(column)),
        Rule::Unique(columns) => {
            let names: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
            let some: Vec<String> = names.iter().map(|name| format!("{name} is not null")).collect();
            let list = names.join(", ");
            format!(
                "select {list}, count(*) as times from {ROWS} where {} group by {list} having count(*) > 1",
                some.join(" and ")
            )
        }
        Rule::AcceptedValues(column, values) => {
            let name = identifier(column);
            let list: Vec<String> = values.iter().map(value).collect();
            format!("select * from {ROWS} where {name} is not null and {name} not in ({})", list.join(", "))
        }
        Rule::Relationships { column, field, .. } => {
            let (here, there) = (identifier(column), identifier(field));
            format!(
                "select n.* from {ROWS} n left anti join engine_check.other o on n.{here} = o.{there} where n.{here} is not null"
            )
        }
        Rule::Between(column, low, high) => {
            let name = identifier(column);
            format!(
                "select * from {ROWS} where {name} is not null and not ({name} between {} and {})",
                value(low),
                value(high)
            )
        }
        Rule::RowCount { min, max } => {
            let low = min.map(|min| format!("n < {min}"));
            let high = max.map(|max| format!("n > {max}"));
            let wrong: Vec<String> = low.into_iter().chain(high).collect();
            let wrong = if wrong.is_empty() { "false".to_owned() } else { wrong.join(" or ") };
            format!("select n as row_count from (select count(*) as n from {ROWS}) where {wrong}")
        }
        Rule::Expression(text) => format!("select * from {ROWS} where not coalesce(({text}), false)"),
    }
}

/// A value as SQL says it.
fn value(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) | ValueKind::Interpolated(text) | ValueKind::Datetime(text) => literal(text),
        ValueKind::Integer(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        ValueKind::Boolean(truth) => truth.to_string(),
        ValueKind::Array(_) | ValueKind::Table(_) => "null".to_owned(),
    }
}

//! Planning every model without data: what `check` can know of columns and types, offline.

use crate::{
    check, location,
    sql::{
        Schemas,
        session::{Session, Sessions},
        source_map,
        statement::{figure::UNNAMED, is_query},
    },
    steps::{seed, write_rows},
    systems::Systems,
};
use datafusion::{
    arrow::datatypes::{Schema, SchemaRef},
    datasource::empty::EmptyTable,
};
use engine_connect::{arrow::types, hub::topics};
use engine_language::{
    code,
    config::toml::Spanned,
    diagnostic::{Diagnostic, Problems},
    graph::{NodeId, NodeKind},
    id::TableId,
    model::{Check, Materialized, Model, Rule},
    name::{Name, nearest},
    project::Project,
    rendered::Rendered,
};
use futures::executor::block_on;
use std::sync::Arc;

/// Plans every model and singular test in the graph's order. Complains of all that is wrong with them; what stands behind a
/// model that cannot be planned is passed over.
pub fn analyze(project: &Project, systems: &Systems, problems: &mut Problems) -> Schemas {
    let Ok(sessions) = Sessions::that_plan() else { return Schemas::new() };
    let mut analysis = Analysis { project, systems, session: sessions.open(), schemas: Schemas::new() };
    for node in project.graph.order() {
        match node.kind() {
            NodeKind::Source => {
                problems.extend(analysis.refused(&node));
                analysis.source(&node);
            }
            NodeKind::Copy => analysis.replicated(&node),
            NodeKind::Seed => analysis.seed(&node, problems),
            NodeKind::Model => problems.extend(analysis.model(&node)),
            NodeKind::Test => problems.extend(analysis.test(&node)),
            NodeKind::Generator => {}
        }
    }
    analysis.schemas
}

struct Analysis<'a> {
    project: &'a Project,
    systems: &'a Systems,
    session: Session,
    schemas: Schemas,
}

impl Analysis<'_> {
    fn know(&mut self, node: &NodeId, columns: SchemaRef) {
        let (schema, table) = node.in_sql();
        let empty = Arc::new(EmptyTable::new(columns.clone()));
        if self.session.register(schema, table, empty).is_ok() {
            self.schemas.insert(node.clone(), columns);
        }
    }

    fn source(&mut self, node: &NodeId) {
        let Some(definition) = node.source_table().and_then(|table| self.project.tables.get(&table)) else { return };
        let mut columns = types::schema(definition);
        let streams = location::of(self.project, node)
            .and_then(|place| self.systems.get(&place.connection).ok().cloned())
            .is_some_and(|connection| connection.abilities().stream);
        if streams {
            let fields = columns.fields().iter().cloned().chain(topics::message_facts().into_iter().map(Arc::new));
            columns = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        }
        self.know(node, columns);
    }

    /// What is wrong with a source's table in its connector's eyes.
    fn refused(&self, node: &NodeId) -> Option<Diagnostic> {
        let TableId { source, table } = node.source_table()?;
        let declared = self.project.sources.get(&source)?.tables.get(&table)?;
        let place = location::of(self.project, node)?;
        let (why, hint) = self.systems.get(&place.connection).ok()?.refuses(declared)?;
        let span = declared.format.as_ref().map_or(declared.name.span, |format| format.span);
        Some(Diagnostic::error(&code::E0500, span, format!("`{}`: {why}", node.name())).hint(hint))
    }

    fn replicated(&mut self, node: &NodeId) {
        let Some((replication, table)) = node.copied() else { return };
        let Some(declared) = self.project.replications.get(replication) else { return };
        let from = TableId::new(declared.from.value.clone(), table.clone());
        if let Some(definition) = self.project.tables.get(&from) {
            self.know(node, types::schema(definition));
        }
    }

    fn seed(&mut self, node: &NodeId, problems: &mut Problems) {
        let Some(declared) = self.project.seed(node) else { return };
        match seed::schema(declared, self.project.files.text(declared.file)) {
            Ok(columns) => self.know(node, columns),
            Err(problem) => problems.push(*problem),
        }
    }

    /// Whether the columns of everything that is read are known; complains of sources that are not.
    fn ready(&self, rendered: &Rendered, this: &NodeId, found: &mut Vec<Diagnostic>) -> bool {
        let mut ready = true;
        for read in rendered.reads.iter().filter(|read| read.value != *this && !self.schemas.contains_key(&read.value))
        {
            ready = false;
            // A table that is not there at all was complained of when the graph was built.
            let known = self.project.graph.nodes.contains_key(&read.value);
            if known && matches!(read.value, NodeId::Source { .. } | NodeId::Copy { .. }) {
                let message = format!("the columns of `{}` are not known", read.value.name());
                let hint = "`engine check --online` asks its system and writes project/schema.lock";
                found.push(Diagnostic::warning(&code::W0210, read.span, message).hint(hint));
            }
        }
        ready
    }

    fn plan(&self, rendered: &Rendered, node: &NodeId) -> Result<SchemaRef, Box<Diagnostic>> {
        let located = |error| Box::new(source_map::diagnose(rendered, &error, &node.name()));
        let frame = block_on(self.session.query(&rendered.sql)).map_err(located)?;
        Ok(frame.schema().inner().clone())
    }

    fn model(&mut self, node: &NodeId) -> Vec<Diagnostic> {
        let Some(model) = self.project.model(node) else { return vec![] };
        let mut found = vec![];
        // Of what cannot be parsed, all is said when the project is loaded.
        if !is_query(&model.rendered.sql) || !self.ready(&model.rendered, node, &mut found) {
            return found;
        }
        let columns = match self.plan(&model.rendered, node) {
            Ok(columns) => columns,
            Err(problem) => return vec![*problem],
        };
        let stored = !matches!(model.config.materialized, Materialized::View | Materialized::Ephemeral);
        let columns = match write_rows::schema(&columns) {
            Ok(carried) if stored => carried,
            Err(error) if stored => {
                found.push(crate::sql::classify_error::of(&error, Some(model.config.span)));
                return found;
            }
            _ => columns,
        };
        found.extend(self.unnamed(&model.rendered));
        self.know(node, columns.clone());
        if let Some(again) = &model.incremental {
            found.extend(self.plan(again, node).err().map(|problem| *problem));
        }
        found.extend(Self::named_columns(model, &columns));
        found.extend(self.checks(model, &columns));
        found
    }

    /// Complains of columns that would have no name in a table, or the name of another.
    fn unnamed(&self, rendered: &Rendered) -> Vec<Diagnostic> {
        let outputs = block_on(self.session.outputs(&rendered.sql)).unwrap_or_default();
        let mut found = vec![];
        for (at, output) in outputs.iter().enumerate() {
            let message = if output.name == UNNAMED {
                "this column has no name".to_owned()
            } else if outputs[..at].iter().any(|before| before.name == output.name) {
                format!("two columns are called `{}`", output.name)
            } else {
                continue;
            };
            let place = source_map::place(rendered, output.span).or_else(|| source_map::beginning(rendered));
            found.push(Diagnostic::error(&code::E0217, place, message).hint("give it one of its own by `as`"));
        }
        found
    }

    fn named_columns(model: &Model, columns: &SchemaRef) -> Vec<Diagnostic> {
        let named = model.config.key.iter().map(|column| ("key", column));
        let named = named.chain(model.config.cursor.iter().map(|column| ("cursor", column)));
        named
            .filter_map(|(word, column)| missing(columns, column, &format!("the {word} of `{}`", model.name)))
            .collect()
    }

    fn checks(&self, model: &Model, columns: &SchemaRef) -> Vec<Diagnostic> {
        let empty = Arc::new(EmptyTable::new(columns.clone()));
        if self.session.register("engine_check", "new_rows", empty).is_err() {
            return vec![];
        }
        model.config.checks.iter().filter_map(|each| self.check(model, each, columns)).collect()
    }

    fn check(&self, model: &Model, each: &Check, columns: &SchemaRef) -> Option<Diagnostic> {
        let what = format!("the check {} of `{}`", check::name(&each.rule), model.name);
        for column in check::columns(&each.rule) {
            if let Some(problem) = missing(columns, &Spanned::new(column.to_owned(), each.span), &what) {
                return Some(problem);
            }
        }
        if let Rule::Relationships { to, field, .. } = &each.rule {
            let other = self.schemas.get(&self.project.graph.find_rows(to.as_str())?)?;
            return missing(other, &Spanned::new(field.clone(), each.span), &what);
        }
        let error = block_on(self.session.query(&check::sql(&each.rule))).err()?;
        let why = error.strip_backtrace();
        let why = why.lines().next().unwrap_or_default().replace("engine_check.new_rows.", "");
        let message = format!("{what} cannot be planned: {why}");
        Some(Diagnostic::error(&code::E0301, each.span, message))
    }

    fn test(&self, node: &NodeId) -> Vec<Diagnostic> {
        let Some(test) = self.project.singular_test(node) else { return vec![] };
        let mut found = vec![];
        if is_query(&test.rendered.sql) && self.ready(&test.rendered, node, &mut found) {
            found.extend(self.plan(&test.rendered, node).err().map(|problem| *problem));
        }
        found
    }
}

/// A complaint about a column that is named but not there.
fn missing(columns: &SchemaRef, column: &Spanned<String>, who: &str) -> Option<Diagnostic> {
    if columns.column_with_name(column).is_some() {
        return None;
    }
    let message = format!("{who} names the column `{}`, which its rows do not have", column.value);
    let problem = Diagnostic::error(&code::E0202, column.span, message);
    let names: Vec<Name> = columns.fields().iter().map(|field| Name::new(field.name())).collect();
    Some(match nearest(column, names.iter().map(Name::as_str)) {
        Some(near) => problem.hint(format!("a column with a similar name exists: `{near}`")),
        None => problem.hint(format!("its columns: {}", names.iter().map(Name::as_str).collect::<Vec<_>>().join(", "))),
    })
}

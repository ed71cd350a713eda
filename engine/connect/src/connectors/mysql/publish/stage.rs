//! Staging tables.

use super::{
    Staged,
    constraint_checks::EachRow,
    index_build::IndexBuild,
    stage_writer::{Shape, StageTarget},
};
use crate::{
    arrow::types::{arrow_type, column},
    connectors::mysql::{
        describe::{self, Carried, Relation, signed_comment},
        server::{Server, run},
        statement::{self, Made, ORDER, quote},
        types,
    },
    hub::{
        error::{Blame, Error, Result},
        policy::Replacements,
        publication::{Mode, Target},
    },
};
use engine_language::table::TableDefinition;
use sqlx::MySqlConnection;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// What the names of all staging tables begin with.
pub const STAGE: &str = "engine_stage_";

/// A staging table.
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Carried>,
    /// What the table is to be.
    pub definition: TableDefinition,
    /// What it is now.
    pub there: Option<Relation>,
    /// Rows that were written into it.
    pub rows: Arc<AtomicU64>,
    /// How many of them were taken in parts.
    pub taken: AtomicU64,
    /// What became NULL on the way.
    pub replaced: Replacements,
    /// Whether only rows stay whose keys were told.
    pub keeps: AtomicBool,
    /// What the table gets when its rows are there.
    pub index_build: Arc<IndexBuild>,
    /// Whether the others were deleted.
    pub swept: AtomicBool,
}

impl Stage {
    /// Where its writers write.
    pub fn to(&self, server: &Server, target: &Target) -> Result<StageTarget> {
        let table = target.table.as_str();
        let mut shapes = vec![];
        for field in target.schema.fields() {
            let found = self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(field.name()));
            let found = found.ok_or_else(|| {
                let message = format!("column `{}` has a type that the server does not carry", field.name());
                server.error(&format!("writing `{table}`"), Blame::Data, message)
            })?;
            let (data_type, wire) = (arrow_type(&found.kind.column), found.kind.wire.clone());
            let chosen = server.types().column(table, field.name());
            shapes.push(Shape { name: found.name.clone(), data_type, wire, chosen });
        }
        Ok(StageTarget {
            table: table.to_owned(),
            stage: self.name.clone(),
            shapes,
            key: self.row_key(target),
            rows: self.rows.clone(),
            replaced: self.replaced.clone(),
            index_build: (target.mode == Mode::Replace).then(|| self.index_build.clone()),
        })
    }

    /// The columns that name a row of it.
    fn row_key(&self, target: &Target) -> Vec<String> {
        match &target.mode {
            Mode::Merge { key } | Mode::DeleteInsert { key } => key.clone(),
            _ => self.definition.message_key().to_vec(),
        }
    }
}

/// Makes the staging table for one target of a publication, while others are made for the rest.
pub async fn make_one_of(staged: &Staged, number: usize) -> Result<Stage> {
    if staged.publication.tables.len() == 1 {
        return make(staged, staged.pool.take().await.on(), number).await;
    }
    let make = async |on: &mut MySqlConnection| make(staged, on, number).await;
    staged.server.briefly("making staging tables", make).await
}

async fn make(staged: &Staged, on: &mut MySqlConnection, number: usize) -> Result<Stage> {
    let (server, target) = (&staged.server, &staged.publication.tables[number]);
    let doing = format!("staging `{}`", target.table);
    let fault = |error| server.fault(&doing, error);
    let name = format!("{STAGE}{}_{number}", staged.id);
    let there = describe::relation(server, on, target.table.as_str()).await.map_err(fault)?;
    if let Some(there) = &there {
        writable(server, &doing, target, there)?;
    }
    let whole = target.mode == Mode::Replace;
    let definition = definition(target, there.as_ref());
    let sql = match &there {
        _ if whole => {
            whole_table(staged, &name, &definition, there.as_ref()).map_err(|why| data(server, &doing, why))?
        }
        Some(there) => like(server, &doing, (&name, &names(target)), (there, &EachRow::of(there, target)))?,
        None => plain(server, &doing, &name, &definition)?,
    };
    run(on, sql)
        .await
        .map_err(|error| crate::connectors::mysql::server_error::named(fault(error), &name, target.table.as_str()))?;
    let made = describe::columns(server, on, &name).await.map_err(fault)?.into_iter().map(|(_, carried)| carried);
    let columns: Vec<Carried> = made.filter(|column| column.name != ORDER).collect();
    let counts = columns.iter().any(|column| column.counts);
    let index_build = Arc::new(IndexBuild::new(definition.clone(), there.clone(), counts));
    let (rows, taken, replaced) = (Arc::default(), AtomicU64::default(), Replacements::default());
    let (keeps, swept) = (AtomicBool::default(), AtomicBool::default());
    Ok(Stage { name, columns, definition, there, rows, taken, replaced, keeps, index_build, swept })
}

fn data(server: &Server, doing: &str, why: String) -> Error {
    server.error(doing, Blame::Data, why)
}

fn writable(server: &Server, doing: &str, target: &Target, there: &Relation) -> Result<()> {
    let table = &target.table;
    if there.sort == "VIEW" {
        let message = format!("`{table}` is a view");
        return Err(server.error(doing, Blame::User, message).hint("drop the view, or write another table"));
    }
    if !there.transactional {
        let message = format!("`{table}` is a {} table, which has no transactions", there.engine);
        let hint = format!("alter table {} engine = InnoDB", quote(table.as_str()));
        return Err(server.error(doing, Blame::User, message).hint(hint));
    }
    Ok(())
}

/// What the table is to be: as the target says, with the defaults that only the old table knows.
fn definition(target: &Target, there: Option<&Relation>) -> TableDefinition {
    let whole = target.mode == Mode::Replace;
    let mut definition = target.definition.clone();
    if definition.columns.is_empty() {
        definition.columns = target.schema.fields().iter().filter_map(|field| column(field)).collect();
    } else {
        definition.columns.retain(|column| whole || target.schema.index_of(&column.name).is_ok());
    }
    for column in &mut definition.columns {
        let old = there.and_then(|there| there.definition.column(&column.name)).filter(|old| old.kind == column.kind);
        if let (None, Some(old)) = (&column.default, old) {
            column.default.clone_from(&old.default);
        }
    }
    definition
}

/// A table that will take the target's place.
pub fn whole_table(
    staged: &Staged,
    name: &str,
    definition: &TableDefinition,
    there: Option<&Relation>,
) -> Result<String, String> {
    let product = staged.server.known_product();
    let old = |column: &str| there.and_then(|there| there.columns.iter().find(|c| c.name == column));
    let columns: Vec<Made<'_>> = definition
        .columns
        .iter()
        .map(|column| Made {
            column,
            comment: old(&column.name).map(|old| old.comment.clone()).unwrap_or_default(),
            counts: old(&column.name).is_some_and(|old| old.counts) && definition.key.first() == Some(&column.name),
        })
        .collect();
    let comment = there.map_or("", |there| there.comment.as_str());
    let comment = signed_comment(comment, &staged.publication.run, &staged.id);
    statement::create(name, &columns, definition, &comment, product)
}

fn names(target: &Target) -> Vec<String> {
    target.schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// A table for rows that will be added to one that is there, in its own types, with these of its rules.
fn like(
    server: &Server,
    doing: &str,
    (name, wanted): (&str, &[String]),
    (there, rules): (&Relation, &EachRow<'_>),
) -> Result<String> {
    let mut columns = vec![order()];
    for wanted in wanted {
        let found = there.columns.iter().find(|column| column.name.eq_ignore_ascii_case(wanted));
        let found = found.ok_or_else(|| {
            let message = format!("`{}` has no column `{wanted}`", there.name);
            server.error(doing, Blame::User, message).hint("add the column, or run with `--full-refresh`")
        })?;
        if found.computed || found.rounds() {
            let why = if found.computed { "is computed by the server" } else { "rounds its numbers" };
            let message = format!("column `{}` of `{}` {why}: it cannot be written", found.name, there.name);
            return Err(server.error(doing, Blame::User, message).hint("leave the column out, or change its type"));
        }
        let mark = types::mark("", found.mark.as_ref());
        let comment = if mark.is_empty() { mark } else { format!(" comment {}", statement::literal(&mark)) };
        columns.push(format!("{} {}{comment} {}", quote(&found.name), found.declared, rules.behind(found, there)));
    }
    columns.extend(rules.parts(server.known_product()));
    let options = statement::options("", server.known_product());
    Ok(format!("create table {} ({}) {options}", quote(name), columns.join(", ")))
}

/// A table for rows that need a new table: without its rules, in the order in which they come.
fn plain(server: &Server, doing: &str, name: &str, definition: &TableDefinition) -> Result<String> {
    let mut bare = TableDefinition { columns: definition.columns.clone(), ..TableDefinition::default() };
    // Keys keep their lengths, so that they can be compared by an index.
    let keys = std::iter::once(&definition.key).chain(&definition.unique);
    bare.unique = keys.filter(|key| !key.is_empty()).cloned().collect();
    for column in &mut bare.columns {
        (column.nullable, column.default) = (true, None);
    }
    let columns: Vec<Made<'_>> =
        bare.columns.iter().map(|column| Made { column, comment: String::new(), counts: false }).collect();
    let sql = statement::create(name, &columns, &bare, "", server.known_product());
    let sql = sql.map_err(|why| data(server, doing, why))?;
    Ok(sql.replacen('(', &format!("({}, ", order()), 1))
}

/// Makes a table for the keys of all rows that stay of a merged table, and says where they are written.
pub async fn make_keys(
    staged: &Staged,
    on: &mut MySqlConnection,
    number: usize,
    key: &[String],
) -> Result<StageTarget> {
    let (server, target, stage) = (&staged.server, &staged.publication.tables[number], &staged.stages[number]);
    let doing = format!("staging `{}`", target.table);
    let fault = |error| server.fault(&doing, error);
    let name = keys(&stage.name);
    let mut definition = stage.definition.clone();
    definition.columns.retain(|column| key.contains(&column.name));
    let sql = match &stage.there {
        Some(there) => like(server, &doing, (&name, key), (there, &EachRow::default()))?,
        None => plain(server, &doing, &name, &definition)?,
    };
    run(on, sql).await.map_err(fault)?;
    let columns = describe::columns(server, on, &name).await.map_err(fault)?;
    let mut to = stage.to(server, target)?;
    to.shapes = key.iter().filter_map(|wanted| to.shapes.iter().find(|shape| shape.name == *wanted).cloned()).collect();
    if to.shapes.len() != key.len() || columns.len() != key.len() + 1 {
        return Err(server.error(
            &doing,
            Blame::User,
            format!("`{}` has no key of ({})", target.table, key.join(", ")),
        ));
    }
    stage.keeps.store(true, Ordering::Relaxed);
    Ok(StageTarget { stage: name, rows: Arc::default(), index_build: None, ..to })
}

/// The table of the keys of rows that stay.
pub fn keys(stage: &str) -> String {
    format!("{stage}_keys")
}

fn order() -> String {
    format!("{} bigint unsigned not null auto_increment primary key", quote(ORDER))
}

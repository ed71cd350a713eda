//! Staging tables: made, and known as in use or left over.

use super::{constraint_checks, enums, system_tables::TURN};
use crate::{
    arrow::types,
    connectors::postgres::{
        describe::{self, Carried, Relation},
        encode::{Limit, Shape},
        server::{LONGEST_NAME, Server},
        statement::{self, ORDER, quote, within},
        table_swap::run,
        types::{self as types_of, KIND, Wire},
    },
    hub::{
        error::{Blame, Result},
        policy::Replacements,
        publication::{Mode, PublishRequest, Target},
    },
};
use datafusion::arrow::datatypes::{DataType, Field};
use engine_language::{column::ColumnType, table::TableDefinition};
use sqlx::{PgConnection, Row};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64},
};

/// What the names of all staging tables begin with.
pub const STAGE: &str = "engine_stage_";

/// What the names of one publication's staging tables begin with.
pub fn prefix(id: i64) -> String {
    format!("{STAGE}{id:016x}")
}

/// Takes an id for a publication's staging tables. Its lock lasts as long as the session.
pub async fn claim(on: &mut PgConnection) -> sqlx::Result<i64> {
    // No run, process or machine takes the same twice.
    let sql = "select ('x' || left(md5(concat(clock_timestamp(), random(), pg_backend_pid())), 16))::bit(64)::int8";
    let id: i64 = sqlx::query(sql).fetch_one(&mut *on).await?.get(0);
    run(on, format!("select pg_advisory_lock({id})")).await?;
    Ok(id)
}

/// Removes the staging tables in a schema whose session is gone, and says how many they were.
pub async fn recover(server: &Server) -> Result<usize> {
    let doing = "removing leftovers";
    let fault = |error| server.fault(doing, error);
    let sql = "select relname::text from pg_class where relnamespace = (select oid from pg_namespace where nspname = $1) \
               and relkind = 'r' and relname like 'engine\\_stage\\_%' order by 1";
    let found = server.rows(doing, sql, &[server.schema()]).await?;
    let names = found.iter().map(|row| row.get::<String, _>(0));
    let mut removed = 0;
    let mut on = None;
    for name in names {
        let id = name[STAGE.len()..].split('_').next().and_then(|id| u64::from_str_radix(id, 16).ok());
        let Some(id) = id.map(u64::cast_signed) else { continue };
        let on = match &mut on {
            Some(on) => on,
            none => none.insert(server.connect(doing).await?),
        };
        let row = sqlx::query("select pg_try_advisory_lock($1)").bind(id).fetch_one(&mut *on).await.map_err(fault)?;
        if row.get(0) {
            run(on, format!("drop table if exists {} cascade", within(server.schema(), &name))).await.map_err(fault)?;
            removed += 1;
        }
    }
    Ok(removed)
}

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
    /// How many rows were written into it.
    pub rows: Arc<AtomicU64>,
    /// How often rows were sent; once, if each of them has a key of its own.
    pub loads: Arc<AtomicU64>,
    /// Whether its table has rules for a row's values besides that there is one.
    pub ruled: bool,
    /// How many of them were taken in parts.
    pub taken: AtomicU64,
    /// Those of its columns that take no NULL.
    pub filled: Vec<String>,
    /// Whether its table was made, which was missing.
    pub made: AtomicBool,
    /// What became NULL on the way.
    pub replaced: Replacements,
    /// Whether the keys of all rows that stay are in a table of their own.
    pub kept: AtomicBool,
    /// Whether the others were deleted.
    pub swept: AtomicBool,
}

impl Stage {
    /// How its columns are written.
    pub fn shapes(&self, server: &Server, target: &Target) -> Result<Vec<Shape>> {
        let wrong = |message: String| server.error(&format!("writing `{}`", target.table), Blame::Data, message);
        let mut shapes = vec![];
        for field in target.schema.fields() {
            let name = field.name();
            let found = self.columns.iter().find(|column| column.name == *name);
            let found =
                found.ok_or_else(|| wrong(format!("column `{name}` has a type that PostgreSQL does not carry")))?;
            let (data_type, wire) = match passing(field) {
                // Bytes of a value of just that type.
                Some(native) if native == found.declared && native.ends_with(']') => (DataType::Binary, Wire::RawArray),
                Some(native) if native == found.declared => (DataType::Binary, Wire::Raw),
                Some(native) => return Err(wrong(format!("column `{name}` is {}, and was {native}", found.declared))),
                None => (types::arrow_type(&found.kind.column), found.kind.wire.clone()),
            };
            let limit = Limit::of(&found.declared).filter(|_| wire != Wire::Raw);
            let chosen = server.types().column(target.table.as_str(), name);
            shapes.push(Shape { name: name.clone(), data_type, wire, limit, chosen });
        }
        Ok(shapes)
    }

    /// By which columns a row takes the place of one before it that the server would have taken, and which must be filled;
    /// `None` if the server may have something against a value that only it knows.
    pub fn supersedes(&self, server: &Server, target: &Target) -> Option<(Vec<usize>, Vec<usize>)> {
        let Mode::Merge { key } = &target.mode else { return None };
        if self.ruled || self.there.is_none() {
            return None;
        }
        let mut filled = vec![];
        for (at, field) in target.schema.fields().iter().enumerate() {
            let column = self.columns.iter().find(|column| column.name == *field.name())?;
            let chosen = server.types().column(target.table.as_str(), &column.name);
            let plain = column.declared == types_of::declared(&column.kind.column, server.schema());
            if !plain || column.kind.as_text || !chosen.exact() || !known(&column.kind.column) {
                return None;
            }
            if self.filled.contains(&column.name) {
                filled.push(at);
            }
        }
        let place = |name: &String| {
            let column = self.columns.iter().find(|column| column.name == *name)?;
            let same = column.exact && same_bytes(&column.kind.column);
            target.schema.index_of(name).ok().filter(|_| same)
        };
        Some((key.iter().map(place).collect::<Option<_>>()?, filled))
    }

    /// The columns that name a row of it.
    pub fn row_key(&self, target: &Target) -> Vec<String> {
        match &target.mode {
            Mode::Merge { key } | Mode::DeleteInsert { key } => key.clone(),
            _ if !self.definition.key.is_empty() => self.definition.key.clone(),
            _ => self.definition.unique.first().cloned().unwrap_or_default(),
        }
    }
}

/// Whether a value of the type that can be encoded is taken by the server.
fn known(kind: &ColumnType) -> bool {
    !matches!(kind, ColumnType::Json | ColumnType::Interval | ColumnType::UBigInt | ColumnType::List(_))
}

/// Whether values of the type are equal just where their bytes are, if texts are compared so.
fn same_bytes(kind: &ColumnType) -> bool {
    use ColumnType::{BigInt, Bool, Bytes, Date, Int, SmallInt, Text, Time, Timestamp, TimestampTz, Uuid};
    matches!(kind, Bool | SmallInt | Int | BigInt | Text(_) | Bytes | Date | Time | Timestamp | TimestampTz | Uuid)
}

/// Whether some values come as the bytes of another PostgreSQL.
pub fn passes(target: &Target) -> bool {
    target.schema.fields().iter().any(|field| passing(field).is_some())
}

/// The type of a field whose values are the bytes of another PostgreSQL.
fn passing(field: &Field) -> Option<&str> {
    let native = types::native(field).filter(|_| *field.data_type() == DataType::Binary);
    native?.strip_prefix(KIND)?.strip_prefix(':')
}

/// Makes the staging table for a target.
pub async fn make(server: &Server, on: &mut PgConnection, name: String, target: &Target) -> Result<Stage> {
    let doing = format!("staging `{}`", target.table);
    let fault = |error| server.fault(&doing, error);
    let schema = server.schema();
    let there = describe::relation(on, server.look(), target.table.as_str()).await.map_err(fault)?;
    let whole = target.mode == Mode::Replace;
    let mut definition = target.definition.clone();
    if definition.columns.is_empty() {
        definition.columns = target.schema.fields().iter().filter_map(|field| types::column(field)).collect();
    } else {
        definition.columns.retain(|column| whole || target.schema.index_of(&column.name).is_ok());
    }
    if (whole || there.is_none()) && definition.columns.iter().any(|column| !column.labels.is_empty()) {
        run(on, format!("begin; {TURN}")).await.map_err(fault)?;
        enums::settle(on, schema, target.table.as_str(), &mut definition).await.map_err(fault)?;
        run(on, "commit").await.map_err(fault)?;
    }
    let at = within(schema, &name);
    let sql = match &there {
        Some(there) if !whole => {
            let mut columns = vec![];
            for field in target.schema.fields() {
                let found = there.columns.iter().find(|column| column.name == *field.name()).ok_or_else(|| {
                    let message = format!("`{}` has no column `{}`", target.table, field.name());
                    server.error(&doing, Blame::User, message).hint("add the column, or run with `--full-refresh`")
                })?;
                let kind = if found.kind.as_text { "text" } else { found.declared.as_str() };
                columns.push(format!("{} {kind}", quote(field.name())));
            }
            format!("create unlogged table {at} ({})", columns.join(", "))
        }
        _ => statement::create(&at, schema, &definition, whole),
    };
    run(on, format!("drop table if exists {at}")).await.map_err(fault)?;
    run(on, sql).await.map_err(fault)?;
    if !whole {
        let sql = format!("alter table {at} add {ORDER} bigint");
        run(on, sql).await.map_err(fault)?;
    }
    let ruled = match &there {
        Some(there) => constraint_checks::each_row(on, &at, there, target).await.map_err(fault)?,
        None => false,
    };
    let made = describe::relation(on, server.look(), &name).await.map_err(fault)?.expect("the table was just made");
    let filled = made.definition.columns.iter().filter(|column| !column.nullable);
    let filled = filled.map(|column| column.name.clone()).collect();
    let columns = made.columns.into_iter().filter(|column| column.name != ORDER).collect();
    Ok(Stage {
        name,
        columns,
        definition,
        there,
        rows: Arc::default(),
        loads: Arc::default(),
        ruled,
        taken: AtomicU64::default(),
        filled,
        made: AtomicBool::default(),
        replaced: Replacements::default(),
        kept: AtomicBool::new(false),
        swept: AtomicBool::new(false),
    })
}

/// Refuses names that the server would cut.
pub fn check_names(server: &Server, publication: &PublishRequest) -> Result<()> {
    for target in &publication.tables {
        if let Some((column, native)) = statement::no_type(&target.definition) {
            let message = format!("column `{column}` is declared as `{native}`, which is no type");
            let error = server.error(&format!("writing `{}`", target.table), Blame::Data, message);
            return Err(error.hint("read it as text: `types.columns` of the source's connection, with `as = \"text\"`"));
        }
        let columns = target.schema.fields().iter().map(|field| field.name().as_str());
        for name in columns.chain([target.table.as_str()]) {
            if name.len() > LONGEST_NAME {
                let doing = format!("writing `{}`", target.table);
                let message =
                    format!("`{name}` has more than the {LONGEST_NAME} bytes that PostgreSQL keeps of a name");
                return Err(server.error(&doing, Blame::User, message).hint("give it a shorter name"));
            }
        }
    }
    Ok(())
}

//! Bringing staged rows to where a commit only has to put them in place.

use super::{
    Staged,
    change::{Failed, change, index, prepare},
    foreign_keys::{self, Reference},
    stage::{Stage, keys, whole_table},
    system_tables::PUBLICATIONS,
};
use crate::{
    connectors::mysql::{
        describe::{self, Carried},
        server::{change as execute, run},
        statement::{self, names, quote},
    },
    hub::{
        error::{Blame, Result},
        publication::{Mode, Target},
    },
};
use sqlx::MySqlConnection;
use std::sync::atomic::Ordering;

/// How often a transaction begins anew after a deadlock.
const ATTEMPTS: u32 = 5;

/// What a commit has to do.
pub enum Applied {
    /// To rename these tables, one for each target.
    Whole(Vec<String>),
    /// To commit the open transaction.
    Rows,
}

impl Applied {
    /// The table in which a target is seen as it will be.
    pub fn seen<'a>(&'a self, staged: &'a Staged, number: usize) -> &'a str {
        match self {
            Self::Whole(names) => &names[number],
            Self::Rows => staged.publication.tables[number].table.as_str(),
        }
    }
}

/// Makes whole tables, or changes rows in an open transaction.
pub async fn apply(staged: &Staged) -> Result<Applied> {
    for (_, stage) in staged.pairs() {
        stage.index_build.finished().await?;
    }
    let mut connection = staged.pool.take().await;
    let on = connection.on();
    for (target, stage) in staged.pairs() {
        prepare(staged, on, target, stage).await?;
    }
    let (whole, references) = staged.held.get_or_try_init(|| held(staged, on)).await?;
    if *whole {
        return whole_tables(staged, on).await;
    }
    for (target, stage) in staged.pairs().filter(|(target, _)| target.mode == Mode::Replace) {
        same_columns(staged, target, stage)?;
    }
    rows(staged, on, references).await
}

/// Whether all tables take their places as a whole, as far as one can know before.
pub async fn goes_whole(staged: &Staged) -> Result<bool> {
    let mut connection = staged.pool.take().await;
    let on = connection.on();
    Ok(staged.held.get_or_try_init(|| held(staged, on)).await?.0)
}

/// Whether all tables that are there may go as a whole, and what refers to them.
async fn held(staged: &Staged, on: &mut MySqlConnection) -> Result<(bool, Vec<Reference>)> {
    let there: Vec<_> = staged.pairs().filter(|(_, stage)| stage.there.is_some()).collect();
    let tables: Vec<&str> = there.iter().map(|(target, _)| target.table.as_str()).collect();
    let references = foreign_keys::to(&staged.server, on, &tables).await;
    let references = references.map_err(|error| staged.server.fault("publishing", error))?;
    // Without tables, dead letters alone may go.
    let mut whole = !staged.publication.tables.is_empty();
    whole &= references.iter().all(|reference| reference.of(staged).is_some());
    for (target, stage) in there {
        let holds = foreign_keys::holds(&staged.server, on, target.table.as_str()).await;
        let holds = holds.map_err(|error| staged.fault(target, stage, error))?;
        whole &= target.mode == Mode::Replace && holds.is_empty();
    }
    Ok((whole, references))
}

/// Changes the rows anew where keys that stay came only after they had been changed: the transaction began before there was
/// a table of them, and cannot read it.
pub async fn keep(staged: &Staged) -> Result<()> {
    let late = |stage: &Stage| {
        stage.there.is_some() && stage.keeps.load(Ordering::Relaxed) && !stage.swept.load(Ordering::Relaxed)
    };
    if !staged.stages.iter().any(late) {
        return Ok(());
    }
    let mut connection = staged.pool.take().await;
    let on = connection.on();
    run(on, "rollback").await.map_err(|error| staged.server.fault("publishing", error))?;
    for (target, stage) in staged.pairs().filter(|(_, stage)| late(stage)) {
        let Mode::Merge { key } = &target.mode else { continue };
        index(on, &keys(&stage.name), key).await.map_err(|error| staged.fault(target, stage, error))?;
    }
    let (_, references) = held(staged, on).await?;
    change_all(staged, on, &references).await
}

/// A table whose rows are replaced where they are keeps its columns.
fn same_columns(staged: &Staged, target: &Target, stage: &Stage) -> Result<()> {
    let Some(there) = &stage.there else { return Ok(()) };
    let shape = |columns: &[Carried]| {
        let kept = columns.iter().filter(|column| !column.computed);
        let mut all: Vec<_> = kept.map(|column| (column.name.to_lowercase(), column.kind.clone())).collect();
        all.sort_by(|left, right| left.0.cmp(&right.0));
        all
    };
    if shape(&there.columns) == shape(&stage.columns) {
        return Ok(());
    }
    let message =
        format!("`{}` has other columns now, and triggers or foreign keys hold one of the tables", target.table);
    let error = staged.server.error(&format!("publishing `{}`", target.table), Blame::User, message);
    Err(error.hint("drop what holds it, or the table"))
}

async fn whole_tables(staged: &Staged, on: &mut MySqlConnection) -> Result<Applied> {
    let mut made = vec![];
    for (target, stage) in staged.pairs() {
        let fault = |error| staged.fault(target, stage, error);
        if target.mode == Mode::Replace {
            made.push(stage.name.clone());
            continue;
        }
        let name = format!("{}_new", stage.name);
        create(staged, on, (target, stage), &name).await?;
        let columns: Vec<&str> = stage.columns.iter().map(|column| column.name.as_str()).collect();
        run(on, statement::insert(&name, &stage.name, &columns, None)).await.map_err(fault)?;
        made.push(name);
    }
    for ((target, stage), name) in staged.pairs().zip(&made) {
        stage.index_build.dress(on, name).await.map_err(|error| staged.fault(target, stage, error))?;
    }
    for ((target, stage), name) in staged.pairs().zip(&made) {
        refer(staged, on, (target, stage), name, &made).await?;
    }
    let references = staged.pairs().zip(&made).flat_map(|((target, stage), name)| {
        stage.definition.foreign_keys.iter().map(|key| {
            let reference = Reference::own(&staged.server, name, key, &parent(staged, &key.table, &made));
            (reference, target.table.to_string(), key.table.clone())
        })
    });
    foreign_keys::check_all(staged, references.collect()).await?;
    Ok(Applied::Whole(made))
}

async fn create(
    staged: &Staged,
    on: &mut MySqlConnection,
    (target, stage): (&Target, &Stage),
    name: &str,
) -> Result<()> {
    let sql = whole_table(staged, name, &stage.definition, None);
    let doing = format!("publishing `{}`", target.table);
    let sql = sql.map_err(|why| staged.server.error(&doing, Blame::Data, why))?;
    run(on, sql).await.map_err(|error| staged.fault(target, stage, error))
}

/// What a target's table is called until it is published.
fn parent(staged: &Staged, table: &str, made: &[String]) -> String {
    let number = staged.publication.tables.iter().position(|target| target.table.as_str() == table);
    number.map_or_else(|| table.to_owned(), |number| made[number].clone())
}

/// Gives a table its references, whose rows are compared later: the server would copy the table for that.
async fn refer(
    staged: &Staged,
    on: &mut MySqlConnection,
    (target, stage): (&Target, &Stage),
    name: &str,
    made: &[String],
) -> Result<()> {
    let keys = &stage.definition.foreign_keys;
    if keys.is_empty() {
        return Ok(());
    }
    let fault = |error| staged.fault(target, stage, error);
    let mut parts = vec![];
    for key in keys {
        let to = parent(staged, &key.table, made);
        let staged_too = to != key.table;
        if !staged_too && !describe::is_there(&staged.server, on, &to).await.map_err(fault)? {
            let message = format!("`{}` refers to `{}`, which is not there", target.table, key.table);
            return Err(staged.server.error(&format!("publishing `{}`", target.table), Blame::User, message));
        }
        let (columns, to) = (names(&key.columns), format!("{} ({})", quote(&to), names(&key.to)));
        parts.push(format!("add foreign key ({columns}) references {to}"));
    }
    let sql = format!("alter table {} {}", quote(name), parts.join(", "));
    let done = run(on, format!("set foreign_key_checks = 0; {sql}; set foreign_key_checks = 1")).await;
    done.map_err(fault)
}

/// Changes rows in one transaction, which stays open.
async fn rows(staged: &Staged, on: &mut MySqlConnection, references: &[Reference]) -> Result<Applied> {
    create_missing(staged, on).await?;
    change_all(staged, on, references).await.map(|()| Applied::Rows)
}

async fn change_all(staged: &Staged, on: &mut MySqlConnection, references: &[Reference]) -> Result<()> {
    for attempt in 1.. {
        let error = match transaction(staged, on, references).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let undone = run(on, "rollback; set foreign_key_checks = 1").await;
        let deadlock = error.1 == Some(1213) && undone.is_ok() && attempt < ATTEMPTS;
        if !deadlock {
            return Err(error.0);
        }
    }
    unreachable!("the last attempt returns")
}

/// Makes the tables that are not there.
pub async fn create_missing(staged: &Staged, on: &mut MySqlConnection) -> Result<()> {
    for (target, stage) in staged.pairs().filter(|(_, stage)| stage.there.is_none()) {
        create_empty(staged, on, target, stage).await?;
    }
    Ok(())
}

/// Makes a table that the transaction fills; noted, so that it does not stay if the transaction fails.
async fn create_empty(staged: &Staged, on: &mut MySqlConnection, target: &Target, stage: &Stage) -> Result<()> {
    let fault = |error| staged.fault(target, stage, error);
    let table = target.table.as_str();
    let sql = format!(
        "insert into {PUBLICATIONS} (`publication`, `run`, `table_name`, `rows`, `stage`, `state`) \
         values (?, ?, ?, 0, ?, 'created')"
    );
    let values = [staged.id.as_str(), &staged.publication.run, table, &stage.name];
    execute(on, &sql, &values).await.map_err(fault)?;
    create(staged, on, (target, stage), table).await?;
    stage.index_build.dress(on, table).await.map_err(fault)?;
    let made: Vec<String> = staged.publication.tables.iter().map(|target| target.table.to_string()).collect();
    refer(staged, on, (target, stage), table, &made).await
}

async fn transaction(
    staged: &Staged,
    on: &mut MySqlConnection,
    references: &[Reference],
) -> std::result::Result<(), Failed> {
    let replaced = staged.pairs().any(|(target, stage)| target.mode == Mode::Replace && stage.there.is_some());
    // Rows that come back at once may be missing for a moment: references are compared at the end.
    let begin = format!("set foreign_key_checks = {}; start transaction", u8::from(!replaced));
    run(on, begin).await.map_err(|error| (staged.server.fault("publishing", error), None))?;
    for (target, stage) in staged.pairs() {
        change(staged, on, target, stage).await?;
    }
    if replaced {
        let own = |(target, stage): (&Target, &Stage)| {
            let keys = stage.there.as_ref().map_or(&stage.definition, |there| &there.definition).foreign_keys.clone();
            let table = target.table.to_string();
            keys.into_iter().map(move |key| (table.clone(), key)).collect::<Vec<_>>()
        };
        for (table, key) in staged.pairs().flat_map(own) {
            let reference = Reference::own(&staged.server, &table, &key, &key.table);
            reference.check(&staged.server, on, (&table, &key.table), true).await.map_err(|error| (error, None))?;
        }
        for reference in references {
            let tables = (reference.table.as_str(), reference.to_table.as_str());
            reference.check(&staged.server, on, tables, true).await.map_err(|error| (error, None))?;
        }
    }
    let end = run(on, "set foreign_key_checks = 1").await;
    end.map_err(|error| (staged.server.fault("publishing", error), None))
}

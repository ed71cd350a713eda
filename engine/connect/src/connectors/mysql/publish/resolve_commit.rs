//! What became of publications whose session is gone, and carrying out what belongs to them.

use super::{
    stage::STAGE,
    system_tables::{self, LETTER_AGAIN, LETTERS, POSITIONS, PUBLICATIONS, lock, unlock},
};
use crate::{
    connectors::mysql::{
        describe::{self, text},
        server::{Server, ask, change, run},
        server_error::number,
        statement::quote,
    },
    hub::{
        error::{Blame, Result},
        position::Position,
    },
};
use engine_language::name::Name;
use sqlx::MySqlConnection;
use std::collections::BTreeSet;

/// Seconds to wait for a session that publishes.
const WAIT_S: u32 = 30;

/// Settles a publication whose lock one has, and says whether it was published.
pub async fn settle(server: &Server, on: &mut MySqlConnection, id: &str) -> sqlx::Result<bool> {
    let sql = format!("select table_name, stage, state from {PUBLICATIONS} where publication = ?");
    let rows = ask(on, &sql, &[id]).await?;
    let mut rows: Vec<[String; 3]> =
        rows.iter().map(|row| [0, 1, 2].map(|at| text(row, at).unwrap_or_default())).collect();
    let of = |state: &str, rows: &[[String; 3]]| rows.iter().any(|row| row[2] == state);
    if of("done", &rows) {
        return Ok(true);
    }
    for [table, _, state] in &rows {
        // Its transaction did not come to its end, so nobody has seen a row in it.
        if state == "created" && made_by(server, on, table).await?.as_deref() == Some(id) {
            run(on, format!("drop table {}", quote(table))).await?;
        }
    }
    rows.retain(|row| row[2] == "intended");
    if renamed(server, on, id, &rows).await? {
        finish(on, id).await?;
        return Ok(true);
    }
    let sql = format!("delete from {PUBLICATIONS} where publication = ?");
    change(on, &sql, &[id]).await?;
    Ok(false)
}

async fn made_by(server: &Server, on: &mut MySqlConnection, table: &str) -> sqlx::Result<Option<String>> {
    Ok(describe::relation(server, on, table).await?.and_then(|relation| relation.made_by))
}

/// Whether tables were renamed. Old servers may have been stopped in the midst of it: then the rest follows.
async fn renamed(server: &Server, on: &mut MySqlConnection, id: &str, rows: &[[String; 3]]) -> sqlx::Result<bool> {
    let mut rest = vec![];
    for [table, stage, _] in rows {
        let waits = describe::is_there(server, on, stage).await?;
        let by = made_by(server, on, table).await?;
        if !waits && by.as_deref() != Some(id) {
            return Ok(false);
        }
        if waits {
            let old = describe::is_there(server, on, table).await?;
            let aside = format!("{} to {}, ", quote(table), quote(&format!("{stage}_old")));
            rest.push(format!("{}{} to {}", if old { &aside } else { "" }, quote(stage), quote(table)));
        }
    }
    if rows.is_empty() || rest.len() == rows.len() {
        return Ok(false);
    }
    if !rest.is_empty() {
        run(on, format!("rename table {}", rest.join(", "))).await?;
    }
    Ok(true)
}

/// Carries out what belongs to a publication whose tables are in their places.
pub async fn finish(on: &mut MySqlConnection, id: &str) -> sqlx::Result<()> {
    run(on, "start transaction").await?;
    let sql = format!(
        "select pipeline, position, run from {PUBLICATIONS} where publication = ? and state = 'intended' for update"
    );
    let rows = ask(on, &sql, &[id]).await?;
    if let Some(row) = rows.first() {
        let [pipeline, position, run_id] = [0, 1, 2].map(|at| text(row, at));
        if let (Some(pipeline), Some(position)) = (pipeline, position.and_then(|text| serde_json::from_str(&text).ok()))
        {
            system_tables::advance(on, &pipeline, &Position(position), run_id.as_deref().unwrap_or_default()).await?;
        }
        // Few publications have dead letters.
        for sql in [gone_letters(id), new_letters(id)] {
            match run(on, sql).await {
                Err(error) if number(&error) == Some(1146) => {}
                done => done?,
            }
        }
        change(on, &format!("update {PUBLICATIONS} set state = 'done' where publication = ?"), &[id]).await?;
    }
    run(on, "commit").await
}

/// The table of the dead letters that come with a publication.
pub fn letters(id: &str) -> String {
    format!("{STAGE}{id}_letters")
}

/// The table of those that go with it.
pub fn settled(id: &str) -> String {
    format!("{STAGE}{id}_settled")
}

fn new_letters(id: &str) -> String {
    format!("insert into {LETTERS} select * from {} {LETTER_AGAIN}", quote(&letters(id)))
}

fn gone_letters(id: &str) -> String {
    format!(
        "delete l from {LETTERS} as l join {} as s using (pipeline, source, `partition`, `offset`)",
        quote(&settled(id))
    )
}

/// Drops what a publication's staging was, and says how many tables that were.
pub async fn sweep(server: &Server, on: &mut MySqlConnection, id: &str) -> sqlx::Result<usize> {
    let names = stages(server, on).await?;
    let prefix = format!("{STAGE}{id}_");
    let mine: Vec<String> = names.iter().filter(|name| name.starts_with(&prefix)).map(|name| quote(name)).collect();
    if mine.is_empty() {
        return Ok(0);
    }
    let sql = format!("drop table if exists {}", mine.join(", "));
    run(on, format!("set foreign_key_checks = 0; {sql}; set foreign_key_checks = 1")).await?;
    Ok(mine.len())
}

async fn stages(server: &Server, on: &mut MySqlConnection) -> sqlx::Result<Vec<String>> {
    let sql = "select table_name from information_schema.tables where table_schema = ?";
    let names = ask(on, sql, &[server.database()]).await?;
    Ok(names.iter().filter_map(|row| text(row, 0)).filter(|name| name.starts_with(STAGE)).collect())
}

/// Settles and removes what sessions that are gone have left in the database, and says how many tables that were.
pub async fn recover(server: &Server) -> Result<usize> {
    let doing = "removing leftovers";
    let fault = |error| server.fault(doing, error);
    server.product(doing).await?;
    let mut on = server.connect(doing).await?;
    let names = stages(server, &mut on).await.map_err(fault)?;
    let staged = names.iter().filter_map(|name| name[STAGE.len()..].split('_').next().map(str::to_owned));
    let mut ids: BTreeSet<String> = staged.collect();
    ids.extend(unsettled(&mut on, "").await.map_err(fault)?);
    let mut removed = 0;
    for id in ids {
        if lock(server, &mut on, &id, 0).await.map_err(fault)? {
            // There may be staging tables without our own tables.
            match settle(server, &mut on, &id).await {
                Err(error) if number(&error) != Some(1146) => return Err(fault(error)),
                _ => {}
            }
            removed += sweep(server, &mut on, &id).await.map_err(fault)?;
            unlock(server, &mut on, &id).await.map_err(fault)?;
        }
    }
    server.give_back(on);
    Ok(removed)
}

/// Publications that have begun and not ended: of a pipeline, or all.
async fn unsettled(on: &mut MySqlConnection, pipeline: &str) -> sqlx::Result<Vec<String>> {
    let sql = format!(
        "select distinct publication from {PUBLICATIONS} where state in ('intended', 'created') \
         and (pipeline = ? or ? = '')"
    );
    match ask(on, &sql, &[pipeline, pipeline]).await {
        Err(error) if number(&error) == Some(1146) => Ok(vec![]),
        rows => Ok(rows?.iter().filter_map(|row| text(row, 0)).collect()),
    }
}

/// Where a pipeline stands. What was published and not carried out is, first.
pub async fn position(server: &Server, pipeline: &Name) -> Result<Option<Position>> {
    let doing = "reading a position";
    server.product(doing).await?;
    server.briefly(doing, async |on| position_on(server, on, pipeline, doing).await).await
}

async fn position_on(
    server: &Server,
    on: &mut MySqlConnection,
    pipeline: &Name,
    doing: &str,
) -> Result<Option<Position>> {
    let fault = |error| server.fault(doing, error);
    for id in unsettled(on, pipeline.as_str()).await.map_err(fault)? {
        if !lock(server, on, &id, WAIT_S).await.map_err(fault)? {
            let message = format!("another run is publishing what `{pipeline}` has read");
            return Err(server.error(doing, Blame::Rival, message).later());
        }
        let settled = settle(server, on, &id).await;
        unlock(server, on, &id).await.map_err(fault)?;
        settled.map_err(fault)?;
    }
    let sql = format!("select position from {POSITIONS} where pipeline = ?");
    let rows = match ask(on, &sql, &[pipeline.as_str()]).await {
        Err(error) if number(&error) == Some(1146) => return Ok(None),
        rows => rows.map_err(fault)?,
    };
    let read = |text: String| serde_json::from_str(&text).map(Position);
    let stands = rows.first().and_then(|row| text(row, 0));
    stands.map(|text| read(text).map_err(|error| server.error(doing, Blame::Data, error))).transpose()
}

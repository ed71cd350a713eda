//! Whether what a sink needs may be done: tried in a transaction that comes to nothing.

use super::{
    server::Server,
    statement::{quote, within},
    table_swap::run,
};
use crate::hub::error::{Blame, Error, Result};
use engine_language::name::Name;
use sqlx::{Connection as _, PgConnection, Row};

const DOING: &str = "trying to write";

/// Tries to make a table in the schema, and the schema if need be; and that all tables that are to be replaced are the role's.
pub async fn check(server: &Server, replaced: &[Name]) -> Result<()> {
    let fault = |error| server.fault(DOING, error);
    let mut on = server.connect(DOING).await?;
    let (schema, user) = (server.schema(), server.user());
    let there =
        sqlx::query("select to_regnamespace(quote_ident($1)) is not null").bind(schema).fetch_one(&mut on).await;
    run(&mut on, "begin; set local lock_timeout = '10s'").await.map_err(fault)?;
    if !there.map_err(fault)?.get::<bool, _>(0) {
        let made = run(&mut on, format!("create schema {}", quote(schema))).await;
        let how = format!("create schema {} authorization {}", quote(schema), quote(&user));
        made.map_err(|error| advised(fault(error), &how))?;
    }
    let made = run(&mut on, format!("create table {} (id bigint primary key)", within(schema, "engine_trial"))).await;
    let how = format!("grant usage, create on schema {} to {}", quote(schema), quote(&user));
    made.map_err(|error| advised(fault(error), &how))?;
    run(&mut on, "rollback").await.map_err(fault)?;
    owned(server, &mut on, replaced).await?;
    let _ = on.close().await;
    Ok(())
}

fn advised(error: Error, how: &str) -> Error {
    if error.blame == Blame::User { error.hint(format!("let an administrator run `{how}`")) } else { error }
}

/// That a table which is to be replaced, and our own, belong to the role: nobody else may rename or drop them.
async fn owned(server: &Server, on: &mut PgConnection, replaced: &[Name]) -> Result<()> {
    let sql = "select c.relname::text, pg_get_userbyid(c.relowner)::text from pg_class c \
               join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relkind in ('r', 'p') \
               and (c.relname = any ($2) or c.relname in ('engine_publications', 'engine_positions', 'engine_dead_letters')) \
               and not pg_has_role(c.relowner, 'usage') order by 1";
    let names: Vec<&str> = replaced.iter().map(Name::as_str).collect();
    let found = sqlx::query(sql).bind(server.schema()).bind(names).fetch_all(on).await;
    let found = found.map_err(|error| server.fault(DOING, error))?;
    let Some(row) = found.first() else { return Ok(()) };
    let (table, owner): (String, String) = (row.get(0), row.get(1));
    let message = format!("`{table}` belongs to `{owner}`, and only its owner may replace it");
    let (owner, user) = (quote(&owner), quote(&server.user()));
    let to = within(server.schema(), &table);
    let hint = format!("let an administrator run `alter table {to} owner to {user}`, or `grant {owner} to {user}`");
    Err(server.error(DOING, Blame::User, message).hint(hint))
}

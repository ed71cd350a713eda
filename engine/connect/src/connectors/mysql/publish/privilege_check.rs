//! Whether what a sink needs may be done: tried with a staging table, which goes again.

use super::{stage::STAGE, system_tables::claim};
use crate::{
    connectors::mysql::{
        server::{Server, run},
        server_error::named,
        statement::quote,
    },
    hub::error::{Blame, Result},
};
use sqlx::Connection as _;

/// Tries what every publication does with its tables.
pub async fn check(server: &Server) -> Result<()> {
    let doing = "trying to write";
    server.product(doing).await?;
    let mut on = server.connect(doing).await?;
    let id = claim(server, &mut on).await.map_err(|error| server.fault(doing, error))?;
    let [from, to] = ["trial", "tried"].map(|name| quote(&format!("{STAGE}{id}_{name}")));
    let steps = [
        format!("create table {from} (id bigint primary key, word varchar(9)) engine = InnoDB"),
        format!("insert into {from} values (1, 'a')"),
        format!("update {from} set word = 'b' where id = 1"),
        format!("create index by_word on {from} (word)"),
        format!("alter table {from} comment 'a trial'"),
        format!("rename table {from} to {to}"),
        format!("delete from {to} where id = 1"),
        format!("drop table {to}"),
    ];
    for step in steps {
        if let Err(error) = run(&mut on, step).await {
            // If it may not even do this, the next run's recovery has the rest.
            let _ = run(&mut on, format!("drop table if exists {from}, {to}")).await;
            let error = named(server.fault(doing, error), &format!("{STAGE}{id}"), "engine_stage");
            let rights = "select, insert, update, delete, create, drop, alter, index, references, trigger";
            let how = format!("let an administrator run `grant {rights} on {}.* to …`", quote(server.database()));
            return Err(if error.blame == Blame::User { error.hint(how) } else { error });
        }
    }
    let _ = on.close().await;
    Ok(())
}

//! The position of the server's log of changes: where it is the same, nothing was written on the server.

use super::{
    describe::text,
    server::{Server, ask, run},
};
use crate::hub::error::Result;
use sqlx::MySqlConnection;

/// How a server tells the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// MariaDB tells the position of a snapshot (`START TRANSACTION WITH CONSISTENT SNAPSHOT`), and nothing that the snapshot
    /// does not see stands before it. `gtid_binlog_pos` moves before the rows are seen.
    Snapshot,
    /// MySQL counts a transaction as executed after its rows are seen (`gtid_executed`).
    Executed,
    /// There is no log, it leaves something out, or this account may not know.
    Unknown,
}

/// What the log's position is now; `None` where it does not tell. All that stands before it is seen by whoever opens a
/// table afterwards.
pub async fn position(server: &Server, doing: &str) -> Result<Option<String>> {
    server.product(doing).await?;
    let ask = async |on: &mut MySqlConnection| {
        let log = server.log(on).await.map_err(|error| server.fault(doing, error))?;
        read(on, log).await.map_err(|error| server.fault(doing, error))
    };
    server.briefly(doing, ask).await
}

async fn read(on: &mut MySqlConnection, log: Log) -> sqlx::Result<Option<String>> {
    let rows = match log {
        Log::Unknown => return Ok(None),
        Log::Executed => ask(on, "select concat_ws(' ', @@server_uuid, @@global.gtid_executed)", &[]).await?,
        Log::Snapshot => {
            run(on, "start transaction with consistent snapshot").await?;
            let sql = "select concat_ws(' ', @@hostname, @@port, @@global.server_id, @@global.gtid_slave_pos, \
                       group_concat(variable_value order by variable_name separator ' ')) \
                       from information_schema.session_status where variable_name like 'binlog_snapshot_%'";
            let rows = ask(on, sql, &[]).await;
            run(on, "rollback").await?;
            rows?
        }
    };
    Ok(rows.first().and_then(|row| text(row, 0)))
}

/// How the server tells the position. Only a log that leaves nothing out tells that nothing was written.
pub async fn log(on: &mut MySqlConnection, mariadb: bool) -> sqlx::Result<Log> {
    let sql = if mariadb {
        "select if(@@global.log_bin = 1 and (@@global.log_slave_updates = 1 or @@global.gtid_slave_pos = ''), 'yes', '')"
    } else {
        "select if(@@global.log_bin = 1 and @@global.gtid_mode = 'ON' and @@global.log_replica_updates = 1, 'yes', '')"
    };
    // A variable that an old version does not have is a server that does not tell.
    let Ok(complete) = ask(on, sql, &[]).await else { return Ok(Log::Unknown) };
    if complete.first().and_then(|row| text(row, 0)).as_deref() != Some("yes") {
        return Ok(Log::Unknown);
    }
    // Which databases it leaves out, who may not look into the log is not told.
    let asked = match ask(on, "show master status", &[]).await {
        Err(_) => ask(on, "show binary log status", &[]).await,
        asked => asked,
    };
    let Ok(status) = asked else { return Ok(Log::Unknown) };
    let filter = |at| status.first().and_then(|row| text(row, at)).is_none_or(|names: String| !names.is_empty());
    if filter(2) || filter(3) {
        return Ok(Log::Unknown);
    }
    Ok(if mariadb { Log::Snapshot } else { Log::Executed })
}

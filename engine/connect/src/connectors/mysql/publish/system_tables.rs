//! The engine's own tables in the database: positions, dead letters, and what was published.

use crate::{
    connectors::mysql::{
        server::{Server, ask, change, run},
        statement::{collation, quote},
    },
    hub::{position::Position, publication::DeadLetter, rejected::RejectedRow},
};
use sqlx::{AssertSqlSafe, MySqlConnection, Row};
use xxhash_rust::xxh3::xxh3_64;

/// Where pipelines stand.
pub const POSITIONS: &str = "engine_positions";
/// Rows that could not be read.
pub const LETTERS: &str = "engine_dead_letters";
/// What was published, and what is about to be.
pub const PUBLICATIONS: &str = "engine_publications";
/// Dead letters of one statement.
const AT_ONCE: usize = 100;
/// Makes what is missing of them.
pub async fn make(server: &Server, on: &mut MySqlConnection) -> sqlx::Result<()> {
    let sql = "select cast(count(*) as signed) from information_schema.tables where table_schema = ? \
               and table_name in ('engine_positions', 'engine_dead_letters', 'engine_publications')";
    let there: i64 = ask(on, sql, &[server.database()]).await?[0].get(0);
    if there == 3 {
        return Ok(());
    }
    let product = server.product("making our own tables").await;
    let collation = product.map_or("utf8mb4_bin", collation);
    let table = |name: &str, columns: &str| {
        let set = format!("engine = InnoDB default character set utf8mb4 collate {collation}");
        format!("create table if not exists {name} ({columns}) {set}")
    };
    let tables = [
        table(
            POSITIONS,
            "`pipeline` varchar(255) not null primary key, `position` longtext not null, `run` varchar(255) not null, \
             `epoch` bigint not null",
        ),
        table(LETTERS, LETTER_COLUMNS),
        table(
            PUBLICATIONS,
            "`publication` varchar(32) not null, `run` varchar(255) not null, `table_name` varchar(64) not null, \
             `rows` bigint not null, `stage` varchar(64) not null, `state` varchar(16) not null, \
             `pipeline` varchar(255) null, `position` longtext null, primary key (`publication`, `table_name`), \
             key `by_state` (`state`)",
        ),
    ];
    run(on, tables.join("; ")).await
}

/// The columns of dead letters, also while they wait for their publication.
const LETTER_COLUMNS: &str = "`pipeline` varchar(255) not null, `source` varchar(500) not null, `partition` int not null, \
    `offset` bigint not null, `payload` longblob not null, `reason` longtext not null, `run` varchar(255) not null, \
    primary key (`pipeline`, `source`, `partition`, `offset`)";

/// What of a dead letter changes when it comes again.
pub const LETTER_AGAIN: &str = "on duplicate key update `payload` = values(`payload`), `reason` = values(`reason`), \
    `run` = values(`run`)";

/// Takes an id for a publication's staging tables. Its lock lasts as long as the session. `uuid_short()` is not for this: it
/// counts from the second in which the server was started, and one that crashes at once may start twice in it.
pub async fn claim(server: &Server, on: &mut MySqlConnection) -> sqlx::Result<String> {
    let id: String = sqlx::query_scalar("select left(sha2(uuid(), 256), 16)").fetch_one(&mut *on).await?;
    lock(server, on, &id, 0).await?;
    Ok(id)
}

/// Takes a lock of this database by its name, and says whether it was to be had. It lasts as long as the session.
pub async fn lock(server: &Server, on: &mut MySqlConnection, name: &str, wait_s: u32) -> sqlx::Result<bool> {
    let sql = format!("select cast(get_lock(?, {wait_s}) as signed)");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(lock_name(server, name)).fetch_one(on).await?;
    Ok(row.get::<Option<i64>, _>(0) == Some(1))
}

/// Gives a lock back.
pub async fn unlock(server: &Server, on: &mut MySqlConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query("do release_lock(?)").bind(lock_name(server, name)).execute(on).await.map(drop)
}

/// Such names are the whole server's, and have at most 64 characters.
fn lock_name(server: &Server, name: &str) -> String {
    format!("engine_{:016x}", xxh3_64(format!("{} {name}", server.database()).as_bytes()))
}

/// Moves a pipeline on, in the open transaction.
pub async fn advance(on: &mut MySqlConnection, pipeline: &str, to: &Position, run: &str) -> sqlx::Result<()> {
    let sql = format!(
        "insert into {POSITIONS} (`pipeline`, `position`, `run`, `epoch`) values (?, ?, ?, 1) on duplicate key update \
         `position` = values(`position`), `run` = values(`run`), `epoch` = `epoch` + 1"
    );
    change(on, &sql, &[pipeline, &to.0.to_string(), run]).await.map(drop)
}

/// Keeps rejected rows in a table of dead letters; one that is there already gets the new reason.
pub async fn dead_letters(
    on: &mut MySqlConnection,
    table: &str,
    (pipeline, run): (&str, &str),
    rows: &[RejectedRow],
) -> sqlx::Result<()> {
    for rows in rows.chunks(AT_ONCE) {
        let values = vec!["(?, ?, ?, ?, ?, ?, ?)"; rows.len()].join(", ");
        let sql = format!("insert into {} values {values} {LETTER_AGAIN}", quote(table));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in rows {
            query = query.bind(pipeline).bind(&row.source).bind(row.partition.cast_signed()).bind(row.offset);
            query = query.bind(&row.payload).bind(&row.reason).bind(run);
        }
        query.execute(&mut *on).await?;
    }
    Ok(())
}

/// Lets dead letters go, or notes in `aside` which are to; says whether all are there.
pub async fn settle_letters(
    on: &mut MySqlConnection,
    pipeline: &str,
    letters: &[DeadLetter],
    aside: Option<&str>,
) -> sqlx::Result<bool> {
    let mine = "where `pipeline` = ? and `source` = ? and `partition` = ? and `offset` = ?";
    let sql = match aside {
        None => format!("delete from {LETTERS} {mine}"),
        Some(table) => format!("insert into {} select * from {LETTERS} {mine}", quote(table)),
    };
    for letter in letters {
        let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(pipeline).bind(&letter.source);
        let done = query.bind(letter.partition.cast_signed()).bind(letter.offset).execute(&mut *on).await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

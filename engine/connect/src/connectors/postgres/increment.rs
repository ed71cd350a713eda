//! Which rows are new since an earlier read, safe against transactions that commit late.
//!
//! A row's transaction tells more than its cursor: whatever an earlier snapshot could not see was written by a transaction
//! that had not ended when that snapshot was taken, so its number is not below the snapshot's `xmin`, however old its
//! cursor is. Where rows have no transaction (views, foreign tables), or the user wants the cursor's index used, rows are
//! read again as far back as the user says that commits may be late.

use super::{
    describe::{Carried, Relation},
    server::Server,
    statement::{literal, quote, within},
};
use crate::hub::{
    error::{Blame, Result},
    position::Position,
    source::{Cursor, TableRequest},
};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgConnection, Row};

/// What is to be read of a table, and where the next read goes on.
#[derive(Clone, Debug, Default)]
pub struct Increment {
    /// What holds for the rows to be read.
    pub conditions: Vec<String>,
    /// Where the next read goes on.
    pub next: Option<Position>,
}

/// A place in a table's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CursorPosition {
    /// All transactions below this number, of this database cluster, were seen.
    Transactions { system: String, below: u64 },
    /// All rows were seen whose cursor is not above this.
    Cursor { column: String, greatest: Option<String> },
}

/// Numbers of transactions come again after so many.
const ROUND: u64 = 1 << 32;

/// What is to be read of a table that is asked for. Called as of the instant that is read.
pub async fn of(
    server: &Server,
    on: &mut PgConnection,
    asked: &TableRequest,
    relation: &Relation,
) -> Result<Increment> {
    let Some(cursor) = &asked.cursor else { return Ok(Increment::default()) };
    let doing = format!("opening `{}`", asked.table);
    let Some(column) = relation.columns.iter().find(|column| column.name == cursor.column) else {
        let message = format!("`{}` has no column `{}`, which is to tell its new rows", asked.table, cursor.column);
        return Err(server.error(&doing, Blame::User, message).hint("correct `cursor`"));
    };
    let since = asked.since.as_ref().and_then(|since| serde_json::from_value::<CursorPosition>(since.0.clone()).ok());
    let found = match cursor.overlap {
        Some(_) => overlapping(server, on, asked, column, since).await?,
        None if ["r", "p", "m"].contains(&relation.sort.as_str()) => transactions(on, since).await,
        None => {
            let message =
                format!("`{}` is no table: which of its rows were committed late cannot be told", asked.table);
            let hint = "say by `overlap = \"1h\"` how late a row may be committed";
            return Err(server.error(&doing, Blame::User, message).hint(hint));
        }
    };
    let (conditions, stand) = found.map_err(|error| server.fault(&doing, error))?;
    let next = serde_json::to_value(stand).expect("plain data can be written as JSON");
    Ok(Increment { conditions, next: Some(Position(next)) })
}

type Found = sqlx::Result<(Vec<String>, CursorPosition)>;

async fn transactions(on: &mut PgConnection, since: Option<CursorPosition>) -> Found {
    let sql = "select (select system_identifier::text from pg_control_system()), \
               txid_snapshot_xmin(s), txid_snapshot_xmax(s) from txid_current_snapshot() s";
    let row = sqlx::query(sql).fetch_one(on).await?;
    let (system, low, high): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
    let (low, high) = (low.unsigned_abs(), high.unsigned_abs());
    let condition = match since {
        // Only half a round can be told apart; what is older is read as if it were new.
        Some(CursorPosition::Transactions { system: before, below })
            if before == system && high - below < ROUND / 2 =>
        {
            Some(format!("mod(xmin::text::int8 - {} + {ROUND}, {ROUND}) < {}", below % ROUND, ROUND / 2))
        }
        _ => None,
    };
    Ok((condition.into_iter().collect(), CursorPosition::Transactions { system, below: low }))
}

async fn overlapping(
    server: &Server,
    on: &mut PgConnection,
    asked: &TableRequest,
    column: &Carried,
    since: Option<CursorPosition>,
) -> Result<Found> {
    let Cursor { overlap, .. } = asked.cursor.as_ref().expect("a cursor was asked for");
    let seconds = overlap.unwrap_or_default().as_secs_f64();
    let times = column.declared == "date" || column.declared.starts_with("timestamp");
    if !times && seconds > 0.0 {
        let message = format!("`{}` is {}: an `overlap` of time needs a column of times", column.name, column.declared);
        let hint = "take another `cursor`, or `overlap = \"0s\"` if rows are committed in the order of their cursors";
        return Err(server.error(&format!("opening `{}`", asked.table), Blame::User, message).hint(hint));
    }
    let name = quote(&column.name);
    let from = within(server.schema(), asked.table.as_str());
    let sql = format!("select max({name})::text from {from}");
    let row = match sqlx::query(AssertSqlSafe(sql)).fetch_one(on).await {
        Ok(row) => row,
        Err(error) => return Ok(Err(error)),
    };
    let condition = match since {
        Some(CursorPosition::Cursor { column: before, greatest: Some(greatest) }) if before == column.name => {
            let value = format!("{}::{}", literal(&greatest), column.declared);
            let back = if seconds > 0.0 { format!(" - interval '{seconds} seconds'") } else { String::new() };
            Some(format!("({name} >= {value}{back} or {name} is null)"))
        }
        _ => None,
    };
    let stand = CursorPosition::Cursor { column: column.name.clone(), greatest: row.get(0) };
    Ok(Ok((condition.into_iter().collect(), stand)))
}

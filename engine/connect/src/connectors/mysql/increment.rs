//! Which rows are new since an earlier read.
//!
//! A row's cursor tells when it was written, not when it was committed, and the server does not say which transactions an
//! earlier snapshot could not see. So rows are read again as far back as the user says that commits may be late.

use super::{
    describe::{Carried, Relation, text},
    server::{Server, ask},
    statement::{literal, quote},
    types::Wire,
};
use crate::hub::{
    error::{Blame, Result},
    position::Position,
    source::TableRequest,
};
use serde::{Deserialize, Serialize};
use sqlx::MySqlConnection;

/// What is to be read of a table, and where the next read goes on.
#[derive(Clone, Debug, Default)]
pub struct Increment {
    /// What holds for the rows to be read.
    pub conditions: Vec<String>,
    /// Where the next read goes on.
    pub next: Option<Position>,
}

/// All rows were seen whose cursor is not above this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CursorPosition {
    column: String,
    greatest: Option<String>,
}

/// What is to be read of a table that is asked for. Called as of the instant that is read.
pub async fn of(
    server: &Server,
    on: &mut MySqlConnection,
    asked: &TableRequest,
    relation: &Relation,
) -> Result<Increment> {
    let Some(cursor) = &asked.cursor else { return Ok(Increment::default()) };
    let doing = format!("opening `{}`", asked.table);
    let wrong = |message: String, hint: &str| server.error(&doing, Blame::User, message).hint(hint);
    let Some(column) = relation.columns.iter().find(|column| column.name == cursor.column) else {
        let message = format!("`{}` has no column `{}`, which is to tell its new rows", asked.table, cursor.column);
        return Err(wrong(message, "correct `cursor`"));
    };
    let Some(overlap) = cursor.overlap else {
        let message = format!("which rows of `{}` were committed late cannot be told", asked.table);
        return Err(wrong(message, "say by `overlap = \"1h\"` how late a row may be committed"));
    };
    let times = matches!(column.kind.wire, Wire::Date | Wire::DateTime(_) | Wire::Timestamp(_));
    if !times && !overlap.is_zero() {
        let message = format!("`{}` is {}: an `overlap` of time needs a column of times", column.name, column.declared);
        let hint = "take another `cursor`, or `overlap = \"0s\"` if rows are committed in the order of their cursors";
        return Err(wrong(message, hint));
    }
    let name = quote(&column.name);
    let sql = format!("select cast(max({name}) as char) from {}", quote(asked.table.as_str()));
    let rows = ask(on, &sql, &[]).await.map_err(|error| server.fault(&doing, error))?;
    let since = asked.since.as_ref().and_then(|since| serde_json::from_value::<CursorPosition>(since.0.clone()).ok());
    let conditions = since.and_then(|since| condition(column, &name, since, overlap.as_micros())).into_iter().collect();
    let stand = CursorPosition { column: column.name.clone(), greatest: text(&rows[0], 0) };
    let next = serde_json::to_value(stand).expect("plain data can be written as JSON");
    Ok(Increment { conditions, next: Some(Position(next)) })
}

fn condition(column: &Carried, name: &str, since: CursorPosition, overlap_us: u128) -> Option<String> {
    let greatest = since.greatest.filter(|_| since.column == column.name)?;
    let value = match column.kind.wire {
        Wire::Date | Wire::DateTime(_) | Wire::Timestamp(_) => {
            format!("cast({} as datetime(6)) - interval {overlap_us} microsecond", literal(&greatest))
        }
        Wire::Int(..) | Wire::Decimal(..) | Wire::Year if greatest.parse::<f64>().is_ok() => greatest,
        _ => literal(&greatest),
    };
    Some(format!("({name} >= {value} or {name} is null)"))
}

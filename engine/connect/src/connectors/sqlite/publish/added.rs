//! What is added to a table by appending.

use super::{
    super::{describe, file::SqliteError, types},
    Staged,
};
use crate::{
    arrow::{digest::Digest, types::schema},
    hub::{
        error::Result,
        publication::{Mode, PublicationDigest},
        version::RowDigests,
    },
};
use datafusion::arrow::datatypes::Schema;
use engine_language::name::Name;
use rusqlite::Connection;

#[async_trait::async_trait]
impl PublicationDigest for Staged {
    /// The rows as they were given, if the table takes them so. It is looked at in the transaction that adds them.
    async fn added(&self, table: &Name, written: Digest) -> Result<Option<RowDigests>> {
        let target = &self.publication.tables[self.index(table)];
        if target.mode != Mode::Append {
            return Ok(None);
        }
        let (shared, name, gets) = (self.apply().await?, table.clone(), target.schema.clone());
        let look = move || takes(&shared.lock().expect("no holder of this lock panics"), name.as_str(), &gets);
        let plain = self.file.blocking(&format!("looking at the columns of `{table}`"), look).await?;
        Ok(plain.then_some(RowDigests { rows: Some(written), server: None }))
    }
}

/// Whether a table keeps rows as they are given and no row of its own changes: its columns are just theirs, declared as
/// they would be here, and neither a trigger nor the answer to a conflict stands between.
fn takes(connection: &Connection, table: &str, gets: &Schema) -> Result<bool, SqliteError> {
    let Some(has) = describe::table(connection, table)? else { return Ok(false) };
    let has = schema(&has);
    let same = has.fields().len() == gets.fields().len()
        && has
            .fields()
            .iter()
            .zip(gets.fields())
            .all(|(has, gets)| has.name() == gets.name() && has.data_type() == gets.data_type());
    Ok(same && keeps_values(connection, table)? && keeps_rows(connection, table)?)
}

/// Whether each column is declared so that its values stay what they are: of other names SQLite may make numbers of texts.
fn keeps_values(connection: &Connection, table: &str) -> Result<bool, SqliteError> {
    let mut statement = connection.prepare("select type from pragma_table_info(?1)")?;
    let declared = statement.query_map([table], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let ours = |declared: &String| {
        declared.eq_ignore_ascii_case("integer")
            || types::declared(&types::kind(declared)).eq_ignore_ascii_case(declared)
    };
    Ok(declared.iter().all(ours))
}

fn keeps_rows(connection: &Connection, table: &str) -> Result<bool, SqliteError> {
    let sql = "select count(*) from sqlite_master where tbl_name = ?1 collate nocase \
               and (type = 'trigger' or type = 'table' and sql like '%conflict%')";
    Ok(connection.query_row(sql, [table], |row| row.get::<_, i64>(0))? == 0)
}

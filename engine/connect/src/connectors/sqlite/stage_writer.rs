//! Filling a staging table.

use super::{
    file::{File, SqliteError},
    statement, types,
};
use crate::hub::{error::Result, publication::Writer};
use datafusion::arrow::array::RecordBatch;
use rusqlite::{Connection, params_from_iter};

/// Writes rows into one staging table, a short transaction a batch.
pub struct StageWriter {
    pub(super) file: File,
    pub(super) connection: Option<Connection>,
    /// What users call the table.
    pub(super) table: String,
    pub(super) stage: String,
    pub(super) rows: u64,
}

#[async_trait::async_trait]
impl Writer for StageWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let doing = format!("writing `{}`", self.table);
        let _turn = self.file.turn().await;
        let mut connection = self.connection.take().expect("a writer that failed is not used again");
        let (stage, table) = (self.stage.clone(), self.table.clone());
        let rows = batch.num_rows() as u64;
        let work =
            move || insert(&mut connection, &stage, &batch).map(|()| connection).map_err(|t| named(t, &stage, &table));
        self.connection = Some(self.file.blocking(&doing, work).await?);
        self.rows += rows;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<u64> {
        Ok(self.rows)
    }
}

fn insert(connection: &mut Connection, stage: &str, batch: &RecordBatch) -> Result<(), SqliteError> {
    let schema = batch.schema();
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    // What could not be read back is not written, not even its NULLs.
    for field in schema.fields() {
        types::Builder::new(field.data_type())
            .map_err(|why| SqliteError::Data(format!("column `{}`: {why}", field.name())))?;
    }
    let transaction = connection.transaction()?;
    {
        let mut statement = transaction.prepare_cached(&statement::insert(stage, &columns))?;
        for row in 0..batch.num_rows() {
            let values: Vec<rusqlite::types::Value> = batch
                .columns()
                .iter()
                .zip(&columns)
                .map(|(array, column)| {
                    types::value(array, row).map_err(|why| SqliteError::Data(format!("column `{column}`: {why}")))
                })
                .collect::<Result<_, _>>()?;
            statement.execute(params_from_iter(values))?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Speaks of the user's table where SQLite speaks of its staging.
pub fn named(trouble: SqliteError, stage: &str, table: &str) -> SqliteError {
    match trouble {
        SqliteError::Sqlite(rusqlite::Error::SqliteFailure(code, Some(message)))
            if code.code == rusqlite::ErrorCode::ConstraintViolation =>
        {
            SqliteError::Data(message.replace(stage, table))
        }
        other => other,
    }
}

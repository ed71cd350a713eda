//! What is added to a table by appending.

use super::{Mode, Staged, foreign_keys};
use crate::{
    arrow::{digest::Digest, types::schema},
    hub::{error::Result, publication::PublicationDigest, version::RowDigests},
};
use engine_language::name::Name;
use sqlx::MySqlConnection;

#[async_trait::async_trait]
impl PublicationDigest for Staged {
    /// The rows as they were given, if the table's columns are just theirs in the types that they would have here, and no
    /// trigger stands between.
    async fn added(&self, table: &Name, written: Digest) -> Result<Option<RowDigests>> {
        let number = self.index(table);
        let (target, stage) = (&self.publication.tables[number], &self.stages[number]);
        let Some(there) = stage.there.as_ref().filter(|_| target.mode == Mode::Append) else { return Ok(None) };
        let (has, gets) = (schema(&there.definition), &target.schema);
        let same = has.fields().len() == gets.fields().len()
            && has
                .fields()
                .iter()
                .zip(gets.fields())
                .all(|(has, gets)| has.name() == gets.name() && has.data_type() == gets.data_type())
            && there.definition.columns.iter().all(|column| column.native.is_none())
            && there.columns.iter().all(|column| !column.computed);
        if !same || !stage.replaced.all().is_empty() {
            return Ok(None);
        }
        let doing = format!("looking for triggers of `{table}`");
        let ask = async |on: &mut MySqlConnection| {
            let holds = foreign_keys::holds(&self.server, on, table.as_str()).await;
            holds.map_err(|error| self.server.fault(&doing, error))
        };
        let plain = self.server.briefly(&doing, ask).await?.is_empty();
        Ok(plain.then_some(RowDigests { rows: Some(written), server: None }))
    }
}

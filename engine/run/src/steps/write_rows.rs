//! Rows from a query into a writer: cast exactly, digested and counted on the way.

use crate::{
    error::{Error, Result},
    event::Event,
    steps::step_run::StepRun,
};
use datafusion::{
    arrow::{
        array::{Array, RecordBatch},
        datatypes::SchemaRef,
    },
    error::DataFusionError,
    execution::SendableRecordBatchStream,
};
use engine_connect::{
    arrow::{
        digest::{Digest, Digester},
        types,
    },
    hub::publication::Writer,
};
use engine_language::{code, diagnostic::Diagnostic, graph::NodeId};
use futures::StreamExt;

/// What went through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Copied {
    /// Of the rows.
    pub digest: Digest,
    /// Their bytes in memory.
    pub bytes: u64,
}

/// Writes a stream's rows in their order, and finishes the writer.
pub async fn copy(
    run: &StepRun,
    node: &NodeId,
    mut rows: SendableRecordBatchStream,
    schema: &SchemaRef,
    mut writer: Box<dyn Writer>,
    located: &(dyn Fn(DataFusionError) -> Error + Sync),
) -> Result<Copied> {
    let mut digester = Digester::new(schema).map_err(DataFusionError::from)?;
    let mut bytes = 0;
    while let Some(batch) = rows.next().await {
        let batch = carried(&batch.map_err(located)?, schema)?;
        digester.add(&batch).map_err(DataFusionError::from)?;
        bytes += batch.get_array_memory_size() as u64;
        writer.write(batch).await?;
        let rows = digester.digest().rows;
        run.send(&Event::StepProgress { node: node.clone(), rows, bytes, of_rows: None });
    }
    writer.finish().await?;
    Ok(Copied { digest: digester.digest(), bytes })
}

/// The schema in which a query's rows are carried.
pub fn schema(found: &SchemaRef) -> Result<SchemaRef> {
    types::carried(found).map_err(|column| {
        let message = format!("the column `{column}` has a type that no system carries");
        Error::Project(Box::new(
            Diagnostic::error(&code::E0215, None, message).hint("cast it, such as `cast(x as text)`"),
        ))
    })
}

/// A batch in the types of the schema; a value that would change is an error.
pub fn carried(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns = vec![];
    for (array, field) in batch.columns().iter().zip(schema.fields()) {
        if array.data_type() == field.data_type() {
            columns.push(array.clone());
            continue;
        }
        whole_microseconds(array.as_ref(), field.name())?;
        columns.push(types::exactly(array, field.data_type()).map_err(|why| changed(field.name(), &why))?);
    }
    Ok(RecordBatch::try_new(schema.clone(), columns).map_err(DataFusionError::from)?)
}

/// A value that its column's type cannot hold as it is.
fn changed(column: &str, why: &str) -> Error {
    let message = format!("the column `{column}`: {why}");
    let hint = format!("say which type is meant: `cast({column} as …)`");
    Error::Project(Box::new(Diagnostic::error(&code::E0304, None, message).hint(hint)))
}

fn whole_microseconds(array: &dyn Array, column: &str) -> Result<()> {
    if types::whole_microseconds(array) {
        return Ok(());
    }
    let message = format!("the column `{column}` has times with more than six digits of a second");
    let hint = format!("round it: `date_trunc('microsecond', {column})`");
    Err(Error::Project(Box::new(Diagnostic::error(&code::E0304, None, message).hint(hint))))
}

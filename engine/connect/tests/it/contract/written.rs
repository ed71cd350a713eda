//! Files as other programs write them, for what is only read: each publication is one more file in the table's folder.

use datafusion::{arrow::array::RecordBatch, parquet::arrow::ArrowWriter};
use engine_connect::{
    arrow::types::TYPE_KEY,
    hub::error::{Blame, Error, Result},
};
use serde_json::{Map, Value};
use std::{fs, path::Path};

/// Adds a file with these rows to a table's folder.
pub fn add(folder: &Path, table: &str, format: &str, batch: &RecordBatch) -> Result<()> {
    let folder = folder.join(table);
    fs::create_dir_all(&folder).unwrap();
    let number = fs::read_dir(&folder).unwrap().count();
    let refused = |why: String| Error::new("files", "writing", Blame::Data, why);
    let bytes = match format {
        "csv" => csv(batch),
        "ndjson" => ndjson(batch),
        _ => parquet(batch),
    };
    fs::write(folder.join(format!("{number:04}.{format}")), bytes.map_err(refused)?).unwrap();
    Ok(())
}

fn csv(batch: &RecordBatch) -> Result<Vec<u8>, String> {
    let mut bytes = vec![];
    let mut writer = arrow::csv::WriterBuilder::new().with_null("\\N".into()).build(&mut bytes);
    writer.write(batch).map_err(|error| error.to_string())?;
    drop(writer);
    Ok(bytes)
}

fn ndjson(batch: &RecordBatch) -> Result<Vec<u8>, String> {
    let mut bytes = vec![];
    let mut writer = arrow::json::LineDelimitedWriter::new(&mut bytes);
    writer.write(batch).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    drop(writer);
    let mut lines = vec![];
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mut object: Map<String, Value> = serde_json::from_slice(line).unwrap();
        for field in batch.schema().fields() {
            let json = field.metadata().get(TYPE_KEY).is_some_and(|kind| kind == "json");
            if json && let Some(Value::String(text)) = object.get(field.name()) {
                let raw = serde_json::from_str(text).unwrap();
                object.insert(field.name().clone(), raw);
            }
        }
        serde_json::to_writer(&mut lines, &object).unwrap();
        lines.push(b'\n');
    }
    Ok(lines)
}

fn parquet(batch: &RecordBatch) -> Result<Vec<u8>, String> {
    let mut bytes = vec![];
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).map_err(|error| error.to_string())?;
    writer.write(batch).map_err(|error| error.to_string())?;
    writer.close().map_err(|error| error.to_string())?;
    Ok(bytes)
}

//! Columns of files whose columns are not declared: from their first records.

use super::{FileError, Folder, csv::Csv, discovery::Found, ndjson::Ndjson, rows::At};
use crate::format::{infer::Inferred, json::JsonDecoder};
use engine_language::column::ColumnType;
use serde_json::{Map, Value};

/// Records that are looked at. A later one that does not fit is an error that names its line.
const SAMPLE: usize = 10_000;

/// The columns of csv files, by the first that has records.
pub fn csv(folder: &Folder, files: &[Found]) -> Result<Vec<(String, ColumnType)>, (String, FileError)> {
    let mut columns = vec![];
    for found in files {
        let fail = |trouble| (found.name.clone(), trouble);
        let mut file = Csv::open(found, &folder.config, None, At::default()).map_err(fail)?;
        columns = file.columns();
        let mut inferred = vec![Inferred::default(); columns.len()];
        let mut records = 0;
        while records < SAMPLE
            && file.sample(|i, word| word.into_iter().for_each(|word| inferred[i].look(word))).map_err(fail)?
        {
            records += 1;
        }
        for (column, inferred) in columns.iter_mut().zip(&inferred) {
            column.1 = inferred.kind();
        }
        if records > 0 {
            break;
        }
    }
    Ok(columns)
}

/// The columns of ndjson files, in the order in which they first appear.
pub fn ndjson(files: &[Found]) -> Result<Vec<(String, ColumnType)>, (String, FileError)> {
    let mut columns: Vec<(String, Values)> = vec![];
    let mut records = 0;
    for found in files {
        let fail = |trouble| (found.name.clone(), trouble);
        let mut file = Ndjson::open(found, JsonDecoder::new(vec![]), At::default()).map_err(fail)?;
        while records < SAMPLE {
            let Some((number, line)) = file.line().map_err(fail)? else { break };
            let object: Map<String, Value> = serde_json::from_slice(&line)
                .map_err(|error| fail(FileError::Data(number, format!("not one JSON object: {error}"))))?;
            for (name, value) in object {
                let found = columns.iter().position(|(known, _)| *known == name);
                let at = found.unwrap_or_else(|| {
                    columns.push((name, Values::Nothing));
                    columns.len() - 1
                });
                columns[at].1.look(&value);
            }
            records += 1;
        }
    }
    Ok(columns.into_iter().map(|(name, values)| (name, values.kind())).collect())
}

/// What the values of a key have in common.
enum Values {
    Nothing,
    Numbers(Inferred),
    Of(ColumnType),
}

impl Values {
    fn look(&mut self, value: &Value) {
        let kind = match value {
            Value::Null => return,
            Value::Number(number) => {
                if matches!(self, Self::Nothing) {
                    *self = Self::Numbers(Inferred::default());
                }
                match self {
                    Self::Numbers(inferred) => inferred.look(&number.to_string()),
                    _ => *self = Self::Of(ColumnType::Json),
                }
                return;
            }
            Value::Bool(_) => ColumnType::Bool,
            Value::String(_) => ColumnType::Text(None),
            Value::Array(_) | Value::Object(_) => ColumnType::Json,
        };
        *self = match self {
            Self::Nothing => Self::Of(kind),
            Self::Of(known) if *known == kind => return,
            _ => Self::Of(ColumnType::Json),
        };
    }

    fn kind(self) -> ColumnType {
        match self {
            Self::Nothing => ColumnType::Text(None),
            // What no number holds exactly stays as it is written.
            Self::Numbers(inferred) => match inferred.kind() {
                ColumnType::Text(_) => ColumnType::Json,
                kind => kind,
            },
            Self::Of(kind) => kind,
        }
    }
}

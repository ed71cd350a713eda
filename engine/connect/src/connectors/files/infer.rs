//! Columns of files whose columns are not declared: from their first records.

use super::{FileError, Folder, csv::Csv, discovery::Found, ndjson::Ndjson, rows::At};
use crate::format::{json::JsonDecoder, text};
use engine_language::column::ColumnType;
use serde_json::{Map, Value};

/// Records that are looked at. A later one that does not fit is an error that names its line.
const SAMPLE: usize = 10_000;

/// What a field of csv may be, the narrowest first; text holds everything.
const KINDS: [ColumnType; 6] = [
    ColumnType::BigInt,
    ColumnType::Double,
    ColumnType::Date,
    ColumnType::Timestamp,
    ColumnType::Time,
    ColumnType::Text(None),
];

/// The columns of csv files, by the first that has records.
pub fn csv(folder: &Folder, files: &[Found]) -> Result<Vec<(String, ColumnType)>, (String, FileError)> {
    let mut columns = vec![];
    for found in files {
        let fail = |trouble| (found.name.clone(), trouble);
        let mut file = Csv::open(found, &folder.config, None, At::default()).map_err(fail)?;
        columns = file.columns();
        let mut fits = vec![[true; KINDS.len()]; columns.len()];
        let mut truths = vec![true; columns.len()];
        let mut seen = vec![false; columns.len()];
        let mut records = 0;
        while records < SAMPLE
            && file.sample(|i, word| look(word, &mut fits[i], &mut truths[i], &mut seen[i])).map_err(fail)?
        {
            records += 1;
        }
        for (i, column) in columns.iter_mut().enumerate().filter(|(i, _)| seen[*i]) {
            let first = fits[i].iter().position(|fits| *fits).unwrap_or(KINDS.len() - 1);
            column.1 = if truths[i] { ColumnType::Bool } else { KINDS[first].clone() };
        }
        if records > 0 {
            break;
        }
    }
    Ok(columns)
}

fn look(word: Option<&str>, fits: &mut [bool; KINDS.len()], truth: &mut bool, seen: &mut bool) {
    let Some(word) = word else { return };
    *seen = true;
    *truth &= matches!(word, "true" | "false" | "True" | "False" | "TRUE" | "FALSE");
    // A number whose zeros or sign would be lost is a name, such as a postal code.
    let digits = word.trim_start_matches('-');
    let code = word.starts_with('+') || (digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."));
    for (kind, fits) in KINDS.iter().zip(fits.iter_mut()) {
        let number = matches!(kind, ColumnType::BigInt | ColumnType::Double);
        *fits = *fits && !(number && code) && text::parse(word, kind).is_some();
    }
}

/// The columns of ndjson files, in the order in which they first appear.
pub fn ndjson(files: &[Found]) -> Result<Vec<(String, ColumnType)>, (String, FileError)> {
    let mut columns: Vec<(String, Option<ColumnType>)> = vec![];
    let mut records = 0;
    for found in files {
        let fail = |trouble| (found.name.clone(), trouble);
        let mut file = Ndjson::open(found, JsonDecoder::new(vec![]), At::default()).map_err(fail)?;
        while records < SAMPLE {
            let Some((number, line)) = file.line().map_err(fail)? else { break };
            let object: Map<String, Value> = serde_json::from_slice(&line)
                .map_err(|error| fail(FileError::Data(number, format!("not one JSON object: {error}"))))?;
            for (name, value) in object {
                let kind = kind(&value);
                match columns.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => *known = wider(known.take(), kind),
                    None => columns.push((name, kind)),
                }
            }
            records += 1;
        }
    }
    Ok(columns.into_iter().map(|(name, kind)| (name, kind.unwrap_or(ColumnType::Text(None)))).collect())
}

fn kind(value: &Value) -> Option<ColumnType> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => ColumnType::Bool,
        Value::Number(number) if number.to_string().parse::<i64>().is_ok() => ColumnType::BigInt,
        Value::Number(_) => ColumnType::Double,
        Value::String(_) => ColumnType::Text(None),
        Value::Array(_) | Value::Object(_) => ColumnType::Json,
    })
}

/// The type that holds values of both.
fn wider(a: Option<ColumnType>, b: Option<ColumnType>) -> Option<ColumnType> {
    match (a, b) {
        (None, kind) | (kind, None) => kind,
        (Some(a), Some(b)) if a == b => Some(a),
        (Some(ColumnType::BigInt | ColumnType::Double), Some(ColumnType::BigInt | ColumnType::Double)) => {
            Some(ColumnType::Double)
        }
        _ => Some(ColumnType::Json),
    }
}

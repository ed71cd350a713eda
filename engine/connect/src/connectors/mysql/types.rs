//! MySQL's types ↔ column types.

use super::server::Product;
use engine_language::column::ColumnType;
use std::sync::Arc;

/// The word in a column's comment behind which the type stands that its declaration cannot tell.
pub const MARK: &str = "engine:";
/// The word after `type =`.
pub const KIND: &str = "mysql";
/// Digits of MySQL's longest decimal.
const DIGITS: u8 = 65;
/// Characters of the longest text that is declared with its length; others are of any length.
pub const LONGEST_VARCHAR: u32 = 1000;

/// How a value looks in the binary protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A `tinyint` that holds 0 or 1.
    Bool,
    /// Bytes of a number, and whether it has a sign.
    Int(u8, bool),
    Year,
    Float,
    Double,
    /// Precision and scale.
    Decimal(u8, i8),
    /// A decimal that is a whole number of 64 bits.
    Whole,
    Text,
    /// Text that loses spaces at its end.
    Char,
    /// One of these texts.
    Enum(Arc<[String]>),
    /// Some of these texts, with commas.
    Set(Arc<[String]>),
    Bytes,
    /// Bytes that are filled up with zeros.
    Binary(u32),
    /// Bits; one is a boolean.
    Bit(u32),
    Date,
    /// Digits of a second.
    DateTime(u32),
    Timestamp(u32),
    Time(u32),
}

/// How a column is carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    pub column: ColumnType,
    pub wire: Wire,
}

impl Default for Kind {
    fn default() -> Self {
        Self { column: ColumnType::Text(None), wire: Wire::Text }
    }
}

/// A column's type as the catalog tells it.
#[derive(Clone, Debug, Default)]
pub struct ColumnInfo {
    /// Such as `int`.
    pub data_type: String,
    /// Such as `int(10) unsigned`.
    pub column_type: String,
    /// Characters or bytes of the longest value.
    pub length: Option<u32>,
    pub precision: Option<u8>,
    pub scale: Option<i8>,
    /// Digits of a second.
    pub fraction: Option<u32>,
    /// How its texts are compared; empty for others.
    pub collation: String,
    /// What stands behind [`MARK`] in its comment.
    pub mark: Option<ColumnType>,
}

/// How a column of the catalog is carried.
pub fn kind(told: &ColumnInfo) -> Kind {
    let signed = !told.column_type.contains("unsigned");
    let fraction = told.fraction.unwrap_or(0);
    let (column, wire) = match told.data_type.as_str() {
        "tinyint" if told.mark == Some(ColumnType::Bool) => (ColumnType::Bool, Wire::Bool),
        "tinyint" => (ColumnType::SmallInt, Wire::Int(1, signed)),
        "smallint" if signed => (ColumnType::SmallInt, Wire::Int(2, true)),
        "smallint" => (ColumnType::Int, Wire::Int(2, false)),
        "mediumint" => (ColumnType::Int, Wire::Int(4, signed)),
        "int" if signed => (ColumnType::Int, Wire::Int(4, true)),
        "int" => (ColumnType::BigInt, Wire::Int(4, false)),
        "bigint" if signed => (ColumnType::BigInt, Wire::Int(8, true)),
        "bigint" => (ColumnType::UBigInt, Wire::Int(8, false)),
        "year" => (ColumnType::SmallInt, Wire::Year),
        "float" => (ColumnType::Float, Wire::Float),
        "double" => (ColumnType::Double, Wire::Double),
        "decimal" => {
            let (p, s) = (told.precision.unwrap_or(10), told.scale.unwrap_or(0));
            (ColumnType::Decimal(p, s), Wire::Decimal(p, s))
        }
        "bit" if told.precision == Some(1) => (ColumnType::Bool, Wire::Bit(1)),
        "bit" => (ColumnType::UBigInt, Wire::Bit(told.precision.unwrap_or(64).into())),
        "char" => (marked(told, told.length), Wire::Char),
        "varchar" => (marked(told, told.length), Wire::Text),
        "enum" => (ColumnType::Text(None), Wire::Enum(labels(&told.column_type).into())),
        "set" => (ColumnType::Text(None), Wire::Set(labels(&told.column_type).into())),
        "json" => (ColumnType::Json, Wire::Text),
        "uuid" => (ColumnType::Uuid, Wire::Text),
        "binary" => (ColumnType::Bytes, Wire::Binary(told.length.unwrap_or(0))),
        "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry" | "point" | "linestring"
        | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geomcollection" | "geometrycollection" => {
            (ColumnType::Bytes, Wire::Bytes)
        }
        "date" => (ColumnType::Date, Wire::Date),
        "time" => (ColumnType::Time, Wire::Time(fraction)),
        "datetime" if told.mark == Some(ColumnType::TimestampTz) => (ColumnType::TimestampTz, Wire::DateTime(fraction)),
        "datetime" => (ColumnType::Timestamp, Wire::DateTime(fraction)),
        "timestamp" => (ColumnType::TimestampTz, Wire::Timestamp(fraction)),
        // Of long texts too: their lengths are bytes, the most that the system keeps.
        _ => (marked(told, None), Wire::Text),
    };
    Kind { column, wire }
}

/// How a server of the same kind declares a column, where its type does not say it all.
pub fn native(told: &ColumnInfo, kind: &Kind, product: &Product) -> Option<String> {
    let declared = match told.data_type.as_str() {
        // How many digits a number is shown with is nothing.
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => {
            told.column_type.split_once('(').map_or(told.column_type.clone(), |(word, rest)| {
                format!("{word}{}", rest.split_once(')').map_or("", |(_, rest)| rest))
            })
        }
        _ => told.column_type.clone(),
    };
    let ours = told.collation.is_empty() || told.collation == super::statement::collation(product);
    let labels = labels(Some(told.column_type.as_str()).filter(|_| told.data_type == "enum").unwrap_or_default());
    let said = self::declared(&kind.column, &labels, None, product).is_ok_and(|(word, _)| word == declared);
    if told.mark.is_some() || ours && said {
        return None;
    }
    let charset = told.collation.split('_').next().filter(|charset| !charset.is_empty());
    let charset = charset.map(|set| format!(" character set {set} collate {}", told.collation)).unwrap_or_default();
    Some(format!("{KIND}:{}:{}{charset}", product.name(), told.column_type))
}

fn marked(told: &ColumnInfo, length: Option<u32>) -> ColumnType {
    match &told.mark {
        Some(kind @ (ColumnType::Text(_) | ColumnType::Json | ColumnType::Uuid)) => kind.clone(),
        _ => ColumnType::Text(length),
    }
}

/// The texts of `enum('a','b')`.
pub fn labels(column_type: &str) -> Vec<String> {
    let inside = column_type.split_once('(').map_or("", |(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
    let mut labels = vec![];
    let mut rest = inside;
    while let Some(text) = rest.strip_prefix('\'') {
        let mut label = String::new();
        let mut characters = text.char_indices().peekable();
        let mut end = text.len();
        while let Some((at, character)) = characters.next() {
            if character != '\'' {
                label.push(character);
            } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
                label.push('\'');
            } else {
                end = at + 1;
                break;
            }
        }
        labels.push(label);
        rest = text[end..].trim_start_matches(',');
    }
    labels
}

/// What a column type is declared as, and the mark that it needs. `longest` is how many characters a key may have of it.
/// `Err` says that there is nothing like it.
pub fn declared(
    kind: &ColumnType,
    labels: &[String],
    longest: Option<u32>,
    product: &Product,
) -> Result<(String, Option<ColumnType>), String> {
    let name = product.name();
    let plain = |text: &str| Ok((text.to_owned(), None));
    match kind {
        ColumnType::Bool => Ok(("tinyint(1)".into(), Some(ColumnType::Bool))),
        ColumnType::SmallInt => plain("smallint"),
        ColumnType::Int => plain("int"),
        ColumnType::BigInt => plain("bigint"),
        ColumnType::UBigInt => plain("bigint unsigned"),
        ColumnType::Float => plain("float"),
        ColumnType::Double => plain("double"),
        ColumnType::Decimal(p, s) => {
            let scale = if product.mariadb { 38 } else { 30 };
            if *p > DIGITS || *s > scale {
                return Err(format!(
                    "{name}'s decimals have at most {DIGITS} digits, {scale} of them behind the point"
                ));
            }
            Ok((format!("decimal({p},{s})"), None))
        }
        ColumnType::Text(None) if is_enum(labels) => Ok((enumeration(labels), None)),
        ColumnType::Text(length) => Ok(text(*length, longest)),
        ColumnType::Bytes => match longest {
            Some(longest) => Ok((format!("varbinary({longest})"), None)),
            None => plain("longblob"),
        },
        ColumnType::Date => plain("date"),
        ColumnType::Time => plain("time(6)"),
        ColumnType::Timestamp => plain("datetime(6)"),
        ColumnType::TimestampTz => Ok(("datetime(6)".into(), Some(ColumnType::TimestampTz))),
        ColumnType::Json => plain("json"),
        ColumnType::Uuid if product.mariadb && product.version >= (10, 7) => plain("uuid"),
        ColumnType::Uuid => Ok(("varchar(36)".into(), Some(ColumnType::Uuid))),
        ColumnType::Interval => Err(format!("{name} has no intervals")),
        ColumnType::List(_) => Err(format!("{name} has no lists")),
    }
}

fn text(length: Option<u32>, longest: Option<u32>) -> (String, Option<ColumnType>) {
    let mark = Some(ColumnType::Text(length));
    match (length, longest) {
        (Some(n), None) if n > 0 && n <= LONGEST_VARCHAR => (format!("varchar({n})"), None),
        (Some(n), Some(longest)) if n > 0 && n <= longest => (format!("varchar({n})"), None),
        (_, Some(longest)) => (format!("varchar({longest})"), mark),
        (None, None) => ("longtext".into(), None),
        (Some(_), None) => ("longtext".into(), mark),
    }
}

/// Whether MySQL can declare these labels; it cuts spaces at their ends.
pub fn is_enum(labels: &[String]) -> bool {
    let fits = |label: &String| !label.ends_with(' ') && label.chars().count() <= 255 && !label.contains('\\');
    !labels.is_empty() && labels.len() < 3000 && labels.iter().all(fits)
}

fn enumeration(labels: &[String]) -> String {
    let each = labels.iter().map(|label| super::statement::literal(label)).collect::<Vec<_>>();
    format!("enum({})", each.join(","))
}

/// A comment without our mark, and the mark.
pub fn unmark(comment: &str) -> (String, Option<ColumnType>) {
    let found = comment.rfind(MARK).and_then(|at| {
        let kind = comment[at + MARK.len()..].parse().ok()?;
        Some((comment[..at].trim_end().to_owned(), Some(kind)))
    });
    found.unwrap_or((comment.to_owned(), None))
}

/// A comment with our mark.
pub fn mark(comment: &str, mark: Option<&ColumnType>) -> String {
    match mark {
        None => comment.to_owned(),
        Some(kind) => format!("{comment} {MARK}{kind}").trim_start().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_they_were_written() {
        assert_eq!(labels("enum('Gold','it''s','a,b','')"), ["Gold", "it's", "a,b", ""]);
        assert_eq!(labels("set('a')"), ["a"]);
    }

    #[test]
    fn marks_leave_the_comment_of_others() {
        for comment in ["", "a comment", "engine:room"] {
            let marked = mark(comment, Some(&ColumnType::Text(Some(9))));
            assert_eq!(unmark(&marked), (comment.to_owned(), Some(ColumnType::Text(Some(9)))));
            assert_eq!(unmark(comment), (comment.to_owned(), None));
        }
    }
}

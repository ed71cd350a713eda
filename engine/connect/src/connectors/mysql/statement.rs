//! The one place where SQL for MySQL is put together, from names and definitions.

use super::{server::Product, standard_sql, types};
use crate::sql::{identifier, type_text::is_type};
use engine_language::{
    column::ColumnType,
    table::{Column, Index, TableDefinition},
};

/// The column of a staging table that keeps the order of its rows.
pub const ORDER: &str = "engine_order";
/// Characters of text that one key may hold; the server counts four bytes each.
const KEY_TEXT: usize = 750;

/// A name as MySQL reads it, whatever it holds.
pub fn quote(name: &str) -> String {
    identifier::within('`', name)
}

pub use crate::sql::literal::text as literal;

/// Names in a row, with commas.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    identifier::list(names, quote)
}

/// The same, of owned names.
pub fn names(columns: &[String]) -> String {
    list(columns.iter().map(String::as_str))
}

/// How the tables that we make compare texts: equal are those of the same bytes.
pub fn collation(product: &Product) -> &'static str {
    if product.mariadb { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" }
}

/// A column to be made.
pub struct Made<'a> {
    pub column: &'a Column,
    /// What its comment says besides our mark.
    pub comment: String,
    /// Whether it counts by itself.
    pub counts: bool,
}

/// `create table` with columns, key and checks. `Err` names the column that cannot be made.
pub fn create(
    table: &str,
    columns: &[Made<'_>],
    definition: &TableDefinition,
    comment: &str,
    product: &Product,
) -> Result<String, String> {
    let mut parts = vec![];
    for made in columns {
        parts.push(column(made, definition, product).map_err(|why| format!("column `{}`: {why}", made.column.name))?);
    }
    if !definition.key.is_empty() {
        parts.push(format!("primary key ({})", names(&definition.key)));
    }
    for check in definition.checks.iter().filter(|check| standard_sql::understood(&check.sql)) {
        // In MySQL their names are the whole database's: the server finds one.
        let name = check.name.as_ref().filter(|_| product.mariadb);
        let name = name.map(|name| format!("constraint {} ", quote(name))).unwrap_or_default();
        parts.push(format!("{name}check ({})", check.sql));
    }
    Ok(format!("create table {} ({}) {}", quote(table), parts.join(", "), options(comment, product)))
}

/// What stands behind the columns of every table that we make.
pub fn options(comment: &str, product: &Product) -> String {
    format!("engine = InnoDB default character set utf8mb4 collate {} comment {}", collation(product), literal(comment))
}

/// Words that may stand behind the name of a type.
const TYPE_WORDS: &[&str] =
    &["unsigned", "signed", "zerofill", "character", "set", "collate", "binary", "varying", "precision"];

fn column(made: &Made<'_>, definition: &TableDefinition, product: &Product) -> Result<String, String> {
    let column = made.column;
    let longest = longest(&column.name, definition);
    let native = column.native(types::KIND).and_then(|native| native.strip_prefix(product.name())?.strip_prefix(':'));
    let (declared, mark) = match native {
        Some(native) if is_type(native, TYPE_WORDS) => (native.to_owned(), None),
        Some(native) => return Err(format!("column `{}` is declared as `{native}`, which is no type", column.name)),
        None => types::declared(&column.kind, &column.labels, longest, product)?,
    };
    let must = !column.nullable || definition.key.contains(&column.name);
    let null = if must { " not null" } else { " null" };
    let default = column.default.as_ref().map(|text| default(text, &column.kind, &declared)).unwrap_or_default();
    let counts = if made.counts { " auto_increment" } else { "" };
    let comment = types::mark(&made.comment, mark.as_ref());
    let comment = if comment.is_empty() { comment } else { format!(" comment {}", literal(&comment)) };
    Ok(format!("{} {declared}{null}{default}{counts}{comment}", quote(&column.name)))
}

fn default(text: &str, kind: &ColumnType, declared: &str) -> String {
    let timed = matches!(kind, ColumnType::Timestamp | ColumnType::TimestampTz);
    if text.eq_ignore_ascii_case("current_timestamp") {
        let digits = declared.find('(').map_or("", |at| &declared[at..]);
        return if timed { format!(" default current_timestamp{digits}") } else { String::new() };
    }
    // Only expressions may be the default of a long text.
    if declared.contains("text") || declared.contains("blob") || declared == "json" {
        return format!(" default ({text})");
    }
    format!(" default {text}")
}

/// How many characters of a column fit into the keys that it is part of; `None` if it is part of none.
fn longest(name: &str, definition: &TableDefinition) -> Option<u32> {
    let of = |column: &str| definition.column(column).map(|column| &column.kind);
    let is_text =
        |column: &String| matches!(of(column), Some(ColumnType::Text(_) | ColumnType::Bytes | ColumnType::Json));
    let foreign = definition.foreign_keys.iter().map(|key| &key.columns);
    let own = definition.foreign_keys.iter().map(|key| &key.to);
    let keys = std::iter::once(&definition.key).chain(&definition.unique).chain(foreign).chain(own);
    let keys = keys.filter(|key| key.iter().any(|column| column == name));
    keys.map(|key| KEY_TEXT / key.iter().filter(|column| is_text(column)).count().max(1)).min()?.try_into().ok()
}

/// `alter table` with unique sets and indexes, to be made when the rows are there; `None` if there are none. `more` are
/// further ones, as the server writes them.
pub fn indexes(table: &str, definition: &TableDefinition, more: &[String]) -> Option<String> {
    let mut parts: Vec<String> =
        definition.unique.iter().map(|columns| format!("add unique key ({})", names(columns))).collect();
    parts.extend(definition.indexes.iter().map(|index| format!("add {}", key(index, definition))));
    parts.extend(of_references(definition).iter().map(|index| format!("add {}", key(index, definition))));
    parts.extend(more.iter().map(|line| format!("add {line}")));
    (!parts.is_empty()).then(|| format!("alter table {} {}", quote(table), parts.join(", ")))
}

/// The indexes that the server wants for foreign keys, and would make one after the other.
fn of_references(definition: &TableDefinition) -> Vec<Index> {
    let mut made: Vec<Index> = vec![];
    for key in &definition.foreign_keys {
        let others = definition.indexes.iter().chain(&made).map(|index| &index.columns);
        let mut there = std::iter::once(&definition.key).chain(&definition.unique).chain(others);
        if there.any(|columns| columns.starts_with(&key.columns)) {
            continue;
        }
        let first = &key.columns[0];
        let taken = definition.indexes.iter().chain(&made).any(|index| index.name.eq_ignore_ascii_case(first));
        let name = if taken { format!("{first}_ibfk_{}", made.len() + 1) } else { first.clone() };
        made.push(Index { name, columns: key.columns.clone() });
    }
    made
}

/// Whether the server keeps a text as the number of its label, of which no part can be indexed.
fn is_number(column: &Column) -> bool {
    let native = column.native(types::KIND).map(|native| native.split_once(':').map_or(native, |(_, own)| own));
    match native {
        Some(own) => own.starts_with("enum(") || own.starts_with("set("),
        None => types::is_enum(&column.labels),
    }
}

fn key(index: &Index, definition: &TableDefinition) -> String {
    let long = |name: &str| match definition.column(name).map(|column| &column.kind) {
        Some(ColumnType::Text(None)) if definition.column(name).is_some_and(is_number) => false,
        Some(ColumnType::Text(length)) => {
            longest(name, definition).is_none() && length.is_none_or(|n| n as usize > KEY_TEXT)
        }
        Some(ColumnType::Bytes | ColumnType::Json) => longest(name, definition).is_none(),
        _ => false,
    };
    let texts = index.columns.iter().filter(|name| long(name)).count().max(1);
    let part = |name: &String| {
        let cut = if long(name) { format!("({})", (KEY_TEXT / 3 / texts).max(1)) } else { String::new() };
        quote(name) + &cut
    };
    format!("key {} ({})", quote(&index.name), index.columns.iter().map(part).collect::<Vec<_>>().join(", "))
}

/// Where keys of two tables are the same.
pub fn same(key: &[String], left: &str, right: &str) -> String {
    let each: Vec<String> = key.iter().map(|column| format!("{left}.{0} = {right}.{0}", quote(column))).collect();
    each.join(" and ")
}

/// Counts the rows in which a part of the key is NULL.
pub fn count_null_keys(stage: &str, key: &[String]) -> String {
    format!("select cast(count(*) as char) from {} where {}", quote(stage), identifier::any_null(key, quote))
}

/// Deletes all but the last row of each key from staging.
pub fn keep_last(stage: &str, key: &[String]) -> String {
    let table = quote(stage);
    let columns = names(key);
    format!(
        "delete s from {table} as s join (select {columns}, max({ORDER}) as {ORDER} from {table} group by {columns} \
         having count(*) > 1) as l on {} and s.{ORDER} < l.{ORDER}",
        same(key, "s", "l")
    )
}

/// Updates the rows whose key is in staging and which differ; `None` if the key is all there is. Of columns, whether their
/// bytes are compared too.
pub fn update(table: &str, stage: &str, columns: &[(&str, bool)], key: &[String]) -> Option<String> {
    let others: Vec<&(&str, bool)> = columns.iter().filter(|(name, _)| !key.iter().any(|k| k == name)).collect();
    if others.is_empty() {
        return None;
    }
    let set: Vec<String> = others.iter().map(|(name, _)| format!("t.{0} = s.{0}", quote(name))).collect();
    Some(format!(
        "update {} as t join {} as s on {} set {} where not ({})",
        quote(table),
        quote(stage),
        same(key, "t", "s"),
        set.join(", "),
        unchanged(&others)
    ))
}

/// That a row of the table `t` and one of `s` have the same values. Texts that differ may be equal to the server, and so are
/// both zeros of a float: their bytes are not.
fn unchanged(columns: &[&(&str, bool)]) -> String {
    let same = |(name, bytes): &(&str, bool)| {
        let value = format!("t.{0} <=> s.{0}", quote(name));
        if *bytes { format!("{value} and binary t.{0} <=> binary s.{0}", quote(name)) } else { value }
    };
    columns.iter().map(|column| same(column)).collect::<Vec<_>>().join(" and ")
}

/// Deletes the rows that are not in staging, or not the same there.
pub fn delete_changed(table: &str, stage: &str, columns: &[(&str, bool)], key: &[String]) -> String {
    let all: Vec<&(&str, bool)> = columns.iter().collect();
    format!(
        "delete t from {} as t left join {} as s on {} where s.{} is null or not ({})",
        quote(table),
        quote(stage),
        same(key, "t", "s"),
        quote(&key[0]),
        unchanged(&all)
    )
}

/// Adds the rows of staging, or only those whose key is not there yet.
pub fn insert(table: &str, stage: &str, columns: &[&str], missing: Option<&[String]>) -> String {
    let (to, from) = (quote(table), quote(stage));
    let all = list(columns.iter().copied());
    let each: Vec<String> = columns.iter().map(|column| format!("s.{}", quote(column))).collect();
    let each = each.join(", ");
    match missing {
        None => format!("insert into {to} ({all}) select {each} from {from} as s"),
        Some(key) => format!(
            "insert into {to} ({all}) select {each} from {from} as s left join {to} as t on {} where t.{} is null",
            same(key, "s", "t"),
            quote(&key[0])
        ),
    }
}

/// Deletes the rows whose key is in staging.
pub fn delete_matching(table: &str, stage: &str, key: &[String]) -> String {
    let columns = names(key);
    format!(
        "delete t from {} as t join (select distinct {columns} from {}) as s on {}",
        quote(table),
        quote(stage),
        same(key, "t", "s")
    )
}

/// Deletes the rows whose key is not among others.
pub fn delete_others(table: &str, keys: &str, key: &[String]) -> String {
    format!(
        "delete t from {} as t left join {} as k on {} where k.{} is null",
        quote(table),
        quote(keys),
        same(key, "t", "k"),
        quote(&key[0])
    )
}

/// One row that refers to a row which is not there. Tables are quoted.
pub fn orphan(child: &str, columns: &[String], parent: &str, to: &[String]) -> String {
    let pairs = columns.iter().zip(to);
    let same: Vec<String> = pairs.map(|(column, to)| format!("c.{} = p.{}", quote(column), quote(to))).collect();
    let given: Vec<String> = columns.iter().map(|column| format!("c.{} is not null", quote(column))).collect();
    format!(
        "select 1 from {} as c left join {} as p on {} where {} and p.{} is null limit 1",
        child,
        parent,
        same.join(" and "),
        given.join(" and "),
        quote(&to[0])
    )
}

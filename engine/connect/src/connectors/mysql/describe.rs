//! What tables look like.

use super::{
    default_value::constant,
    server::{Server, ask, ask_all},
    standard_sql,
    statement::{literal, quote},
    types::{self, ColumnInfo, Kind, Wire},
};
use crate::hub::{error::Result, policy::Chosen};
use engine_language::{
    column::ColumnType,
    name::Name,
    table::{Column, ForeignKey, Index, RowCheck, TableDefinition},
};
use sqlx::{MySqlConnection, Row, mysql::MySqlRow};
use std::time::Duration;

/// What the names of our own tables begin with.
pub const OWN: &str = "engine_";

/// How often a table is looked at that is just being renamed.
const LOOKS: u32 = 100;

/// A table as it stands in the catalog.
#[derive(Clone, Debug)]
pub struct Relation {
    pub name: String,
    /// `BASE TABLE`, `VIEW`, `SYSTEM VERSIONED`.
    pub sort: String,
    /// Such as `InnoDB`; empty for a view.
    pub engine: String,
    /// Whether that has transactions.
    pub transactional: bool,
    /// Its comment, without what we added.
    pub comment: String,
    /// The publication that made it.
    pub made_by: Option<String>,
    /// The next number of its counting column.
    pub counter: Option<String>,
    /// About how much room its rows take.
    pub size_bytes: Option<u64>,
    pub columns: Vec<Carried>,
    /// All that the server calls keys and indexes.
    pub keys: Vec<Key>,
    pub definition: TableDefinition,
}

/// A column and how it is carried.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    pub name: String,
    pub kind: Kind,
    /// Its type in MySQL's words, with its character set.
    pub declared: String,
    /// Whether it is computed.
    pub computed: bool,
    /// Whether it counts by itself.
    pub counts: bool,
    /// Its comment, without our mark.
    pub comment: String,
    /// How its texts are compared; empty for others.
    pub collation: String,
    /// The type that its declaration cannot tell.
    pub mark: Option<ColumnType>,
    /// Whether the server makes text of it first.
    pub as_text: bool,
    /// What the user chose for its values.
    pub chosen: Chosen,
}

/// A text of a catalog's row, whatever the server calls its type.
pub fn text(row: &MySqlRow, at: usize) -> Option<String> {
    row.get_unchecked(at)
}

fn must(row: &MySqlRow, at: usize) -> String {
    text(row, at).unwrap_or_default()
}

/// The tables and views that are the user's, sorted.
pub async fn tables(server: &Server) -> Result<Vec<Name>> {
    let sql = "select table_name from information_schema.tables where table_schema = ? \
               and table_type in ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')";
    let rows = server.rows("listing tables", sql, &[server.database()]).await?;
    let names = rows.iter().map(|row| must(row, 0)).filter(|name| !name.starts_with(OWN));
    let mut names: Vec<Name> = names.map(Name::from).collect();
    names.sort();
    Ok(names)
}

/// Whether there is such a table.
pub async fn is_there(server: &Server, on: &mut MySqlConnection, table: &str) -> sqlx::Result<bool> {
    let sql = "select 1 from information_schema.tables where table_schema = ? and table_name = ?";
    Ok(!ask(on, sql, &[server.database(), table]).await?.is_empty())
}

/// A table; `None` if it is not there.
pub async fn relation(server: &Server, on: &mut MySqlConnection, table: &str) -> sqlx::Result<Option<Relation>> {
    let mut found = look_up(server, on, table).await?;
    for _ in 0..LOOKS {
        // While a table is renamed or dropped, the server tells no more of it than its name.
        if found.table.first().is_none_or(|row| must(row, 0) != "BASE TABLE" || text(row, 1).is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        found = look_up(server, on, table).await?;
    }
    let Some(row) = found.table.first() else { return Ok(None) };
    let (comment, made_by) = unsigned_comment(&must(row, 2));
    let mut relation = Relation {
        name: table.to_owned(),
        sort: must(row, 0),
        engine: must(row, 1),
        transactional: must(row, 4) == "YES",
        comment: if must(row, 0) == "VIEW" { String::new() } else { comment },
        made_by,
        counter: text(row, 3),
        size_bytes: text(row, 5).and_then(|text| text.parse().ok()),
        columns: vec![],
        keys: vec![],
        definition: TableDefinition::default(),
    };
    let checks = checks(server, &found.checks);
    let columns = found.columns.iter().map(|row| column(server, table, row, &checks));
    (relation.definition.columns, relation.columns) = columns.unzip();
    keep_checks(&mut relation, table, checks);
    foreign_keys(&mut relation, &found.references);
    indexes(&mut relation, &found.indexes);
    Ok(Some(relation))
}

/// The columns of a table, and how they are carried; none, if it is not there.
pub async fn columns(server: &Server, on: &mut MySqlConnection, table: &str) -> sqlx::Result<Vec<(Column, Carried)>> {
    let queries = [columns_query(server, table), checks_query(server, table)];
    let [columns, found] = ask_all(on, queries).await?;
    let checks = checks(server, &found);
    Ok(columns.iter().map(|row| column(server, table, row, &checks)).collect())
}

/// What the catalog says of a table.
struct Found {
    table: Vec<MySqlRow>,
    columns: Vec<MySqlRow>,
    checks: Vec<MySqlRow>,
    references: Vec<MySqlRow>,
    indexes: Vec<MySqlRow>,
}

async fn look_up(server: &Server, on: &mut MySqlConnection, table: &str) -> sqlx::Result<Found> {
    let (database, name) = (literal(server.database()), literal(table));
    let queries = [
        format!(
            "select t.table_type, t.engine, t.table_comment, cast(t.auto_increment as char), \
             (select e.transactions from information_schema.engines e where e.engine = t.engine), \
             cast(t.data_length as char) from information_schema.tables t where t.table_schema = {database} and t.table_name = {name}"
        ),
        columns_query(server, table),
        checks_query(server, table),
        format!(
            "select constraint_name, column_name, referenced_table_name, referenced_column_name \
             from information_schema.key_column_usage where table_schema = {database} and table_name = {name} \
             and referenced_table_schema = table_schema order by length(constraint_name), constraint_name, ordinal_position"
        ),
        format!(
            "select index_name, cast(non_unique as char), column_name, cast(sub_part as char), index_type \
             from information_schema.statistics where table_schema = {database} and table_name = {name} \
             order by index_name, seq_in_index"
        ),
    ];
    let [table, columns, checks, references, indexes] = ask_all(on, queries).await?;
    Ok(Found { table, columns, checks, references, indexes })
}

fn columns_query(server: &Server, table: &str) -> String {
    format!(
        "select column_name, data_type, column_type, column_default, is_nullable, extra, column_comment, \
         cast(character_maximum_length as char), cast(numeric_precision as char), cast(numeric_scale as char), \
         cast(datetime_precision as char), character_set_name, collation_name \
         from information_schema.columns where table_schema = {} and table_name = {} order by ordinal_position",
        literal(server.database()),
        literal(table)
    )
}

fn checks_query(server: &Server, table: &str) -> String {
    let (database, table) = (literal(server.database()), literal(table));
    // Their names are a table's own in MariaDB, and the database's in MySQL.
    if server.known_product().mariadb {
        format!(
            "select constraint_name, check_clause, level from information_schema.check_constraints \
             where constraint_schema = {database} and table_name = {table}"
        )
    } else {
        format!(
            "select c.constraint_name, c.check_clause, 'Table' from information_schema.check_constraints c \
             join information_schema.table_constraints t on t.constraint_schema = c.constraint_schema \
             and t.constraint_name = c.constraint_name where t.table_schema = {database} and t.table_name = {table} \
             and t.enforced = 'YES'"
        )
    }
}

/// A table's comment without the publication that made it, and that publication.
fn unsigned_comment(comment: &str) -> (String, Option<String>) {
    let found = comment.strip_suffix(')').and_then(|rest| rest.rsplit_once(SIGNATURE));
    match found {
        Some((before, by)) => (before.trim_end().to_owned(), by.split(' ').next_back().map(str::to_owned)),
        None => (comment.to_owned(), None),
    }
}

const SIGNATURE: &str = "(made by engine in run ";

/// A table's comment with the run and the publication that made it.
pub fn signed_comment(comment: &str, run: &str, publication: &str) -> String {
    format!("{comment} {SIGNATURE}{run} {publication})").trim_start().to_owned()
}

fn column(server: &Server, table: &str, row: &MySqlRow, checks: &[Check]) -> (Column, Carried) {
    let (name, extra) = (must(row, 0), must(row, 5).to_lowercase());
    let (comment, mark) = types::unmark(&must(row, 6));
    let json = checks.iter().any(|check| check.is_json(&name));
    let number = |at| text(row, at).and_then(|text| text.parse::<u64>().ok());
    let mut told = ColumnInfo {
        data_type: must(row, 1).to_lowercase(),
        column_type: must(row, 2),
        length: number(7).and_then(|n| n.try_into().ok()),
        precision: number(8).and_then(|n| n.try_into().ok()),
        scale: number(9).and_then(|n| n.try_into().ok()),
        fraction: number(10).and_then(|n| n.try_into().ok()),
        collation: must(row, 12),
        mark: if json { Some(ColumnType::Json) } else { mark },
    };
    let chosen = server.types().column(table, &name);
    if chosen.r#as == Some(ColumnType::Bool) {
        told.mark = Some(ColumnType::Bool);
    }
    let mut kind = types::kind(&told);
    let as_text = chosen.r#as == Some(ColumnType::Text(None)) && kind.column != ColumnType::Bytes;
    if as_text {
        kind = Kind { column: ColumnType::Text(None), wire: Wire::Text };
    }
    let charset = text(row, 11).map(|set| format!(" character set {set} collate {}", told.collation));
    let computed = extra.contains("generated") && !extra.contains("default_generated");
    let product = server.known_product();
    let column = Column {
        nullable: must(row, 4) == "YES" || !chosen.exact(),
        default: text(row, 3).filter(|_| !computed).and_then(|text| constant(&text, &kind, &extra)),
        labels: if told.data_type == "enum" { types::labels(&told.column_type) } else { vec![] },
        native: types::native(&told, &kind, product).filter(|_| chosen.r#as.is_none()),
        ..Column::new(&name, kind.column.clone())
    };
    let declared = told.column_type + charset.as_deref().unwrap_or_default();
    let counts = extra.contains("auto_increment");
    let (collation, mark) = (told.collation, told.mark);
    let carried = Carried { name, kind, declared, computed, counts, comment, collation, mark, as_text, chosen };
    (column, carried)
}

struct Check {
    name: String,
    clause: String,
    /// Whether it belongs to a column, whose name it has.
    of_column: bool,
}

impl Check {
    /// Whether it is how MariaDB says that a column is JSON.
    fn is_json(&self, column: &str) -> bool {
        self.of_column && self.name == column && self.clause.to_lowercase().starts_with("json_valid(")
    }
}

fn checks(server: &Server, rows: &[MySqlRow]) -> Vec<Check> {
    let mariadb = server.known_product().mariadb;
    let read = |row: &MySqlRow| {
        let clause = must(row, 1);
        let clause = if mariadb { clause } else { clause.replace("\\'", "'") };
        Check { name: must(row, 0), clause, of_column: must(row, 2) == "Column" }
    };
    rows.iter().map(read).collect()
}

fn keep_checks(relation: &mut Relation, table: &str, checks: Vec<Check>) {
    for check in checks {
        if relation.definition.columns.iter().any(|column| check.is_json(&column.name)) {
            continue;
        }
        let made = check.name.starts_with("CONSTRAINT_") || check.name.starts_with(&format!("{table}_chk_"));
        let name = Some(check.name).filter(|_| !made && !check.of_column);
        relation.definition.checks.push(RowCheck { name, sql: standard_sql::sql(&check.clause) });
    }
}

fn foreign_keys(relation: &mut Relation, rows: &[MySqlRow]) {
    let mut last = String::new();
    for row in rows {
        let (name, column, to_table, to) = (must(row, 0), must(row, 1), must(row, 2), must(row, 3));
        if name != last {
            relation.definition.foreign_keys.push(ForeignKey { columns: vec![], table: to_table, to: vec![] });
            last = name;
        }
        let key = relation.definition.foreign_keys.last_mut().expect("one was just added");
        key.columns.push(column);
        key.to.push(to);
    }
}

/// A key or an index.
#[derive(Clone, Debug)]
pub struct Key {
    pub name: String,
    pub unique: bool,
    /// Its columns; empty is an expression.
    pub columns: Vec<String>,
    /// Whether all of each column counts.
    pub whole: bool,
    /// Whether it finds and orders values, and not words or places.
    ordered: bool,
}

impl Key {
    /// Whether a foreign key made it, which calls it as itself or as its first column.
    pub fn is_of(&self, keys: &[ForeignKey]) -> bool {
        let named = self.name == self.columns[0] || self.name.contains("_ibfk_");
        named && !self.unique && keys.iter().any(|key| key.columns == self.columns)
    }
}

fn indexes(relation: &mut Relation, rows: &[MySqlRow]) {
    for row in rows {
        let name = must(row, 0);
        if relation.keys.last().is_none_or(|last| last.name != name) {
            let (unique, ordered) = (must(row, 1) == "0", ["BTREE", "HASH"].contains(&must(row, 4).as_str()));
            relation.keys.push(Key { name, unique, columns: vec![], whole: true, ordered });
        }
        let last = relation.keys.last_mut().expect("one was just added");
        last.whole &= text(row, 3).is_none() && text(row, 2).is_some();
        last.columns.push(must(row, 2));
    }
    let definition = &mut relation.definition;
    for key in &relation.keys {
        if key.name == "PRIMARY" {
            definition.key.clone_from(&key.columns);
        } else if key.unique && key.whole {
            definition.unique.push(key.columns.clone());
        } else if !key.unique
            && key.ordered
            && !key.columns.contains(&String::new())
            && !key.is_of(&definition.foreign_keys)
        {
            definition.indexes.push(Index { name: key.name.clone(), columns: key.columns.clone() });
        }
    }
}

impl Carried {
    /// What reads it.
    pub fn expression(&self) -> String {
        let name = quote(&self.name);
        if self.as_text { format!("cast({name} as char) as {name}") } else { name }
    }

    /// Whether it keeps other numbers than it is given.
    pub fn rounds(&self) -> bool {
        (self.declared.starts_with("float(") || self.declared.starts_with("double(")) && self.declared.contains(',')
    }
}

//! Types of the labels that a column may hold: found, made, or given more labels.

use crate::connectors::postgres::{
    statement::{literal, within},
    table_swap::{cut, run},
    types::KIND,
};
use engine_language::table::{Column, TableDefinition};
use sqlx::{PgConnection, Row};

/// Gives each column of labels a type in the schema. It is made before the rows come, and stays: it changes no row, and
/// other tables may share it.
pub async fn settle(
    on: &mut PgConnection,
    schema: &str,
    table: &str,
    definition: &mut TableDefinition,
) -> sqlx::Result<()> {
    for column in definition.columns.iter_mut().filter(|column| !column.labels.is_empty()) {
        let name = match column.native(KIND) {
            Some(native) => native.to_owned(),
            None => cut(&format!("{table}_{}", column.name), ""),
        };
        let name = settle_one(on, schema, &name, column).await?;
        column.native = Some(format!("{KIND}:{}", within(schema, &name)));
    }
    Ok(())
}

/// The name of a type that has just the column's labels, in their order.
async fn settle_one(on: &mut PgConnection, schema: &str, wanted: &str, column: &Column) -> sqlx::Result<String> {
    let mut name = wanted.to_owned();
    for again in 2.. {
        match labels(on, schema, &name).await? {
            None => {
                let each: Vec<String> = column.labels.iter().map(|label| literal(label)).collect();
                run(on, format!("create type {} as enum ({})", within(schema, &name), each.join(", "))).await?;
                return Ok(name);
            }
            Some(there) if there == column.labels => return Ok(name),
            Some(there) if !there.is_empty() && within_order(&there, &column.labels) => {
                for (before, label) in additions(&there, &column.labels) {
                    let place = before.map(|before| format!(" before {}", literal(before))).unwrap_or_default();
                    let add = literal(label);
                    run(on, format!("alter type {} add value if not exists {add}{place}", within(schema, &name)))
                        .await?;
                }
                return Ok(name);
            }
            Some(_) => name = cut(wanted, &format!("_{again}")),
        }
    }
    unreachable!("some name is free")
}

/// The labels of a type of that name; empty if it is of another sort.
async fn labels(on: &mut PgConnection, schema: &str, name: &str) -> sqlx::Result<Option<Vec<String>>> {
    let sql = "select coalesce((select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e \
               where e.enumtypid = t.oid), '{}') from pg_type t join pg_namespace n on n.oid = t.typnamespace \
               where n.nspname = $1 and t.typname = $2";
    let row = sqlx::query(sql).bind(schema).bind(name).fetch_optional(on).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Whether all labels that are there are among the wanted ones, in the same order.
fn within_order(there: &[String], wanted: &[String]) -> bool {
    let mut rest = wanted.iter();
    there.iter().all(|label| rest.any(|found| found == label))
}

/// The labels that are missing, each with the one that it is to stand before.
fn additions<'a>(there: &'a [String], wanted: &'a [String]) -> Vec<(Option<&'a str>, &'a str)> {
    let mut added = vec![];
    for (at, label) in wanted.iter().enumerate().filter(|(_, label)| !there.contains(label)) {
        let before = wanted[at..].iter().find(|later| there.contains(later));
        added.push((before.map(String::as_str), label.as_str()));
    }
    added
}

#[cfg(test)]
mod tests {
    use super::{additions, within_order};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn labels_are_added_where_they_belong() {
        let (there, wanted) = (words("b d"), words("a b c d e"));
        assert!(within_order(&there, &wanted) && !within_order(&words("d b"), &wanted));
        assert!(!within_order(&words("b x"), &wanted));
        let expected = vec![(Some("b"), "a"), (Some("d"), "c"), (None, "e")];
        assert_eq!(additions(&there, &wanted), expected);
    }
}

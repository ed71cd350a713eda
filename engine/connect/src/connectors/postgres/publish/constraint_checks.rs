//! Rules that each row of staging meets by itself.

use crate::{
    connectors::postgres::{describe::Relation, statement::quote, table_swap::run},
    hub::publication::{Mode, Target},
};
use sqlx::{PgConnection, Row};

/// Gives a staging table those rules of its table that a row meets or breaks alone, and that there is a key. Else a row would escape them where a later
/// one of the same key takes its place, and what is refused would depend on how rows are cut into batches. Says whether there are
/// others than that a value must be there.
pub async fn each_row(on: &mut PgConnection, stage: &str, there: &Relation, target: &Target) -> sqlx::Result<bool> {
    let (mut names, mut rules) = (vec![], vec![]);
    let Mode::Merge { key } = &target.mode else { return Ok(false) };
    for field in target.schema.fields() {
        let carried = there.columns.iter().find(|column| column.name == *field.name());
        // What is staged as text is another type there.
        let Some(carried) = carried.filter(|column| !column.kind.as_text) else { continue };
        let filled = there.definition.column(&carried.name).is_some_and(|column| !column.nullable);
        if filled || key.contains(&carried.name) {
            rules.push(format!("alter {} set not null", quote(&carried.name)));
        }
        names.push(carried.name.clone());
    }
    let sql = "select quote_ident(c.conname) || ' ' || pg_get_constraintdef(c.oid) from pg_constraint c \
               where c.conrelid = $1::text::oid and c.contype = 'c' and not exists (select from unnest(c.conkey) k (num) \
               join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.num where a.attname::text <> all ($2)) \
               order by c.conname";
    let found = sqlx::query(sql).bind(there.oid.to_string()).bind(names).fetch_all(&mut *on).await?;
    rules.extend(found.iter().map(|row| format!("add constraint {}", row.get::<String, _>(0))));
    if !rules.is_empty() {
        run(on, format!("alter table {stage} {}", rules.join(", "))).await?;
    }
    Ok(!found.is_empty())
}

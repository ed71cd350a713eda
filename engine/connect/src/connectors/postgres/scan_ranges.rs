//! Into which pieces a table is cut, so that several connections can read it at once.

use super::{describe::Relation, statement::within};
use sqlx::{PgConnection, Row};

/// Pages of 8 KiB that are worth a connection of their own.
const PART_PAGES: i64 = 1024;
/// Bytes of a page, unless the server was built for others.
const PAGE_BYTES: u64 = 8192;
/// Pieces of one table at most.
const MOST_PARTS: i64 = 16;

/// A piece of a table that one connection reads.
#[derive(Clone, Debug)]
pub struct Part {
    /// The relation, as SQL names it.
    pub from: String,
    /// Which of its rows.
    pub range: Option<String>,
}

impl Part {
    /// All of a relation.
    pub fn whole(from: impl Into<String>) -> Self {
        Self { from: from.into(), range: None }
    }
}

/// Leaves of a table, each in ranges of its pages, and the bytes of those pages, if they are known. The last range is
/// open, for the table may have grown.
///
/// Ranges by page are only fast from version 14 on. Views, foreign tables and tables with heirs are one piece. So are
/// partitioned tables whose leaves this role may not read as they stand, or sees other rows of.
pub async fn of(
    on: &mut PgConnection,
    schema: &str,
    table: &str,
    relation: &Relation,
    version: i32,
) -> sqlx::Result<(Vec<Part>, Option<u64>)> {
    let name = within(schema, table);
    let heirs = relation.inherited && relation.sort != "p";
    if version < 140_000 || !["r", "p", "m"].contains(&relation.sort.as_str()) || heirs || relation.guarded {
        return Ok((vec![Part::whole(name)], None));
    }
    // Foreign leaves have no pages, and neither have those of another storage than the heap.
    let sql = "select quote_ident(n.nspname) || '.' || quote_ident(c.relname), \
               case when a.amname = 'heap' then pg_relation_size(c.oid) / current_setting('block_size')::int8 end, \
               has_table_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage') and not row_security_active(c.oid) \
               from (select relid from pg_partition_tree($1::text::oid) where isleaf \
                     union select $1::text::oid::regclass where $2 <> 'p') l \
               join pg_class c on c.oid = l.relid join pg_namespace n on n.oid = c.relnamespace \
               left join pg_am a on a.oid = c.relam order by 1";
    let leaves = sqlx::query(sql).bind(relation.oid.to_string()).bind(&relation.sort).fetch_all(on).await?;
    if leaves.iter().any(|leaf| !leaf.get::<bool, _>(2)) {
        return Ok((vec![Part::whole(name)], None));
    }
    let pages = leaves.iter().map(|leaf| leaf.get::<Option<i64>, _>(1));
    let size_bytes = pages.sum::<Option<i64>>().map(|pages| pages.unsigned_abs() * PAGE_BYTES);
    Ok((leaves.iter().flat_map(|leaf| ranges(&leaf.get::<String, _>(0), leaf.get(1))).collect(), size_bytes))
}

fn ranges(from: &str, pages: Option<i64>) -> Vec<Part> {
    let pages = pages.unwrap_or(0);
    let count = (pages / PART_PAGES + 1).min(MOST_PARTS);
    if count == 1 {
        return vec![Part::whole(from)];
    }
    let bound = |i: i64| format!("'({},0)'::tid", i * (pages / count));
    let range = |i: i64| {
        let low = format!("ctid >= {}", bound(i));
        if i + 1 < count { format!("{low} and ctid < {}", bound(i + 1)) } else { low }
    };
    (0..count).map(|i| Part { from: from.to_owned(), range: Some(range(i)) }).collect()
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn ranges_meet_and_the_last_is_open() {
        let parts = ranges("t", Some(3 * 1024 + 5));
        let ranges: Vec<&str> = parts.iter().map(|part| part.range.as_deref().unwrap()).collect();
        assert_eq!(ranges.len(), 4);
        assert_eq!(ranges[0], "ctid >= '(0,0)'::tid and ctid < '(769,0)'::tid");
        assert_eq!(ranges[1], "ctid >= '(769,0)'::tid and ctid < '(1538,0)'::tid");
        assert_eq!(ranges[3], "ctid >= '(2307,0)'::tid");
        assert_eq!(super::ranges("t", Some(1_000_000)).len(), 16);
        assert!(super::ranges("t", None)[0].range.is_none());
    }
}

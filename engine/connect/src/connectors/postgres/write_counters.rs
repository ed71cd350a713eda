//! Whether a table was written, by the server's own counters.
//!
//! PostgreSQL counts the rows that were inserted, updated and deleted in each table. A session hands its counts in with
//! up to ten seconds of delay (`PGSTAT_IDLE_INTERVAL` in pgstat.c, since version 15), so equal counters stand for equal
//! rows only where no other session can still hold any back. What changes rows without a count shows in the numbers of
//! the table's file, its partitions and its columns, which are kept beside the counts.

use super::server::Server;
use crate::hub::error::Result;
use sqlx::{PgConnection, Row};

/// Versions from which on an idle session hands its counts in within [`DELAY`].
const SINCE: i32 = 150_000;

/// A little more than the longest time for which an idle session keeps its counts.
const DELAY: &str = "12s";

/// SQL for whether sessions of this role may hand their counts in at once.
pub const CAN_HAND_IN: &str = "coalesce(has_function_privilege(\
    to_regprocedure('pg_catalog.pg_stat_force_next_flush()'), 'execute'), false)";

/// SQL for whether a session of engine's holds no counts back: it orders them to be handed in with the commit, before
/// that begins, so that only one that is committing may have rows that are seen and not counted.
const HANDED_IN: &str = "(state in ('idle', 'idle in transaction') or state = 'active' and query not ilike 'commit%')";

/// The state of the server at one moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Which transactions are seen, and since when the server runs.
    pub instant: String,
    /// Whether the counters hold all that these transactions wrote.
    pub counted: bool,
}

/// The moment that it is now. The transactions are looked at before the sessions: whoever committed one of them and has
/// kept counts back is still seen there.
pub async fn moment(server: &Server, doing: &str) -> Result<Moment> {
    let instant = instant();
    // The state of other roles' sessions is hidden from most.
    let sql = format!(
        "select {instant}, current_setting('server_version_num')::int4 >= {SINCE} \
           and current_setting('track_counts')::bool and not pg_is_in_recovery() \
           and not exists (select from pg_stat_activity where datid = (select oid from pg_database \
             where datname = current_database()) and pid <> pg_backend_pid() \
             and coalesce(backend_type, '') not in ('autovacuum worker', 'autovacuum launcher') \
             and not (coalesce(backend_type, '') = 'walsender' and coalesce(state, '') = 'active') \
             and not coalesce(application_name = 'engine' and usename = current_user and {HANDED_IN} \
               and {CAN_HAND_IN}, false) \
             and not coalesce(state = 'idle' and state_change < clock_timestamp() - interval '{DELAY}', false))"
    );
    let rows = server.rows(doing, &sql, &[]).await?;
    Ok(Moment { instant: rows[0].get(0), counted: rows[0].get(1) })
}

/// SQL for which transactions are seen, and since when the server runs: a server that took over may count them anew.
pub fn instant() -> &'static str {
    "txid_current_snapshot()::text || ' ' || extract(epoch from pg_postmaster_start_time())::text"
}

/// The counters of each table and its partitions; `None` if its rows may change otherwise, as those of a view do, or if
/// they depend on who asks.
pub async fn of(server: &Server, on: &mut PgConnection, tables: &[&str]) -> sqlx::Result<Vec<Option<String>>> {
    if server.known_facts().version < SINCE {
        return Ok(vec![None; tables.len()]);
    }
    // Labels of enums and members of composite types are changed without a write to the tables that show them.
    let sql = "with recursive tree (n, oid) as (select a.n, r.oid from unnest($2::text[]) with ordinality a(name, n) \
                   join pg_class r on r.relname = a.name join pg_namespace s on s.oid = r.relnamespace and s.nspname = $1 \
                 union select t.n, i.inhrelid from pg_inherits i join tree t on i.inhparent = t.oid), \
               enums as (select coalesce(md5(string_agg(enumtypid || ':' || enumlabel, ',' order by oid)), '') as digest \
                 from pg_enum) \
               select t.n, string_agg(concat_ws(':', c.oid, coalesce(pg_relation_filenode(c.oid)::int8, 0), c.relnatts, \
                 pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid), \
                 pg_stat_get_tuples_deleted(c.oid)), ' ' order by c.oid) || ' ' || (select digest from enums) \
               from tree t join pg_class c on c.oid = t.oid group by t.n \
               having bool_and(c.relkind in ('r', 'p') and c.relpersistence <> 't' and not c.relrowsecurity \
                 and not exists (select from pg_attribute a \
                   join pg_type y on y.oid = a.atttypid left join pg_type e on e.oid = y.typelem \
                   left join pg_type b on b.oid = y.typbasetype \
                   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and (a.attgenerated = 'v' \
                     or y.typtype = 'c' or e.typtype = 'c' or b.typtype = 'c' \
                     or 'reg' in (left(y.typname, 3), left(e.typname, 3), left(b.typname, 3)))))";
    let mut counters = vec![None; tables.len()];
    for row in sqlx::query(sql).bind(server.schema()).bind(tables).fetch_all(on).await? {
        let number = usize::try_from(row.get::<i64, _>(0) - 1).unwrap_or_default();
        counters[number] = row.get(1);
    }
    Ok(counters)
}

/// Orders the session's counts to be handed in with the end of its next transaction, which otherwise takes up to ten
/// seconds. Where the role may not, its sessions count as others do.
pub async fn hand_in(server: &Server, on: &mut PgConnection) -> sqlx::Result<()> {
    if server.known_facts().hands_in {
        sqlx::query("select pg_catalog.pg_stat_force_next_flush()").execute(on).await?;
    }
    Ok(())
}

/// What [`of`] says of one table after so many rows were added to it, and nothing else happened.
pub fn after_append(counters: &str, rows: u64) -> Option<String> {
    let (table, enums) = counters.split_once(' ')?;
    if enums.contains(' ') {
        return None;
    }
    let mut numbers: Vec<String> = table.split(':').map(str::to_owned).collect();
    let inserted = numbers.get_mut(3)?;
    *inserted = (inserted.parse::<u64>().ok()? + rows).to_string();
    Some(format!("{} {enums}", numbers.join(":")))
}

#[cfg(test)]
mod tests {
    use super::after_append;

    #[test]
    fn rows_that_are_added_are_counted() {
        assert_eq!(after_append("16390:16390:2:5:1:0 ab", 3).as_deref(), Some("16390:16390:2:8:1:0 ab"));
        assert_eq!(after_append("16390:16390:2:5:1:0 16391:16391:2:5:1:0 ab", 3), None, "which part got them?");
    }
}

//! Queries against themselves: the rows for which a condition is true, false and unknown are all rows (TLP, Rigger and Su
//! 2020), and as many rows pass a filter as have its condition true (`NoREC`).

use super::{Both, cells::differ, fixture::Table, random::Random};

/// What is different between a query and itself, if anything.
pub async fn differs(random: &mut Random, tables: &[Table], both: &Both) -> Option<String> {
    let (a, b) = (random.pick(tables).name.clone(), random.pick(tables).name.clone());
    let join = *random.pick(&["join", "left join", "right join", "full join"]);
    let from = format!("{a} as a {join} {b} as b on a.k = b.k");
    let column = *random.pick(&["a.v", "b.v", "a.id", "b.id"]);
    let condition = match random.below(6) {
        0 => format!("{column} > 1"),
        1 => "a.v = b.v".to_owned(),
        2 => format!("{column} in (select v from {b})"),
        3 => format!("{column} not in (select v from {b} where id > 0)"),
        4 => format!("exists (select 1 from {b} as c where c.v < {column})"),
        _ => format!("{column} < (select max(c.v) from {b} as c where c.k = a.k)"),
    };
    let items = "a.id as p, b.id as q, a.v as r, b.v as s";
    let whole = format!("select {items} from {from}");
    let parts = format!(
        "{whole} where {condition} union all {whole} where not ({condition}) union all {whole} where ({condition}) is null"
    );
    let told = |what: &str, difference: String| format!("{what}: {whole} where {condition}\n    {difference}");
    let (whole_rows, part_rows) = (both.ours(&whole).await, both.ours(&parts).await);
    match (whole_rows, part_rows) {
        (Ok((_, whole_rows)), Ok((_, part_rows))) => {
            if let Some(difference) = differ(part_rows, whole_rows, false) {
                return Some(told("TLP", difference));
            }
        }
        (_, Err(why)) | (Err(why), _) => return Some(told("TLP", why)),
    }
    let filtered = both.ours(&format!("select count(*) as n from {from} where {condition}")).await;
    let counted = format!("select coalesce(sum(case when {condition} then 1 else 0 end), 0) as n from {from}");
    match (filtered, both.ours(&counted).await) {
        (Ok((_, filtered)), Ok((_, counted))) => differ(filtered, counted, false).map(|found| told("NoREC", found)),
        (Err(why), _) | (_, Err(why)) => Some(told("NoREC", why)),
    }
}

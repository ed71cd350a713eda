//! Random schemas, rows and queries: PostgreSQL is the oracle, and so is the query itself, written otherwise.
//!
//! `SECONDS_OF_FUZZING=600 cargo test … random_queries_for_a_while -- --ignored` goes on for ten minutes from a seed of the clock; `SEED=7` begins at one.

use super::{Both, Verdict, cells, fixture::Table, partition, random::Random};
use std::{
    fmt::Write as _,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Queries over one set of tables.
const QUERIES: usize = 40;

/// Tables with few values, so that rows meet, and many NULLs.
fn tables(random: &mut Random) -> Vec<Table> {
    let kinds = ["int", "int", "bigint", "text", "numeric(10,2)", "boolean", "date"];
    (0..3)
        .map(|at| {
            let mut columns = vec![("id".to_owned(), "int"), ("k".to_owned(), "int"), ("v".to_owned(), "int")];
            for extra in 0..random.below(3) {
                columns.push((format!("e{extra}"), *random.pick(&kinds)));
            }
            let rows = if random.once_in(8) { 0 } else { 1 + random.below(12) };
            let rows = (0..rows).map(|_| columns.iter().map(|(_, kind)| cell(random, kind)).collect()).collect();
            Table { name: format!("t{at}"), columns, rows }
        })
        .collect()
}

fn cell(random: &mut Random, kind: &str) -> Option<String> {
    if random.once_in(4) {
        return None;
    }
    let n = random.below(5);
    Some(match kind {
        "text" => ["a", "b", "", "aa", "B"][n].to_owned(),
        "numeric(10,2)" => ["0.00", "1.50", "-2.25", "3.00", "1.00"][n].to_owned(),
        "boolean" => ["true", "false"][n % 2].to_owned(),
        "date" => ["2024-01-01", "2024-02-29", "1999-12-31", "2024-01-02", "2020-05-05"][n].to_owned(),
        _ => ["0", "1", "2", "3", "-1"][n].to_owned(),
    })
}

/// A random query over some tables.
pub struct Query<'a> {
    random: &'a mut Random,
    tables: &'a [Table],
    /// Subqueries inside each other.
    depth: usize,
    names: usize,
}

/// What a select reads: names by which columns of type `int` can be asked for.
#[derive(Clone)]
struct From {
    sql: String,
    columns: Vec<String>,
}

impl Query<'_> {
    fn name(&mut self) -> String {
        self.names += 1;
        format!("r{}", self.names)
    }

    fn relation(&mut self) -> From {
        let name = self.name();
        if self.depth > 0 && self.random.once_in(5) {
            self.depth -= 1;
            let inner = self.select(&[], 2, false);
            self.depth += 1;
            return From {
                sql: format!("({inner}) as {name}(p, q)"),
                columns: vec![format!("{name}.p"), format!("{name}.q")],
            };
        }
        let table = self.random.pick(self.tables);
        let columns = ["id", "k", "v"].iter().map(|column| format!("{name}.{column}")).collect();
        From { sql: format!("{} as {name}", table.name), columns }
    }

    fn from(&mut self) -> From {
        let mut from = self.relation();
        while self.random.once_in(2) && from.columns.len() < 9 {
            let right = self.relation();
            let kind = *self.random.pick(&["join", "left join", "right join", "full join", "cross join"]);
            let shared = |from: &From| {
                ["id", "k", "v"].iter().all(|c| from.columns.iter().any(|n| n.ends_with(&format!(".{c}"))))
            };
            if kind == "cross join" {
                from.sql = format!("{} cross join {}", from.sql, right.sql);
            } else if self.random.once_in(3) && from.columns.len() == 3 && shared(&from) && shared(&right) {
                let key = *self.random.pick(&["id", "k", "id, k"]);
                from.sql = format!("{} {kind} {} using ({key})", from.sql, right.sql);
            } else {
                let (a, b) = (self.random.pick(&from.columns).clone(), self.random.pick(&right.columns).clone());
                // A full join takes nothing else in PostgreSQL.
                let op = if kind == "full join" { "=" } else { *self.random.pick(&["=", "=", "=", "<", ">=", "<>"]) };
                let both: Vec<String> = from.columns.iter().chain(&right.columns).cloned().collect();
                let more = if kind != "full join" && self.random.once_in(4) {
                    format!(" and {}", self.comparison(&both))
                } else {
                    String::new()
                };
                from.sql = format!("{} {kind} {} on {a} {op} {b}{more}", from.sql, right.sql);
            }
            from.columns.extend(right.columns);
        }
        if self.depth > 0 && self.random.once_in(8) {
            let name = self.name();
            let seen = from.columns.clone();
            self.depth -= 1;
            let inner = self.select(&seen, 2, true);
            self.depth += 1;
            let kind = *self.random.pick(&["cross join lateral", "left join lateral"]);
            let on = if kind.starts_with("left") { " on true" } else { "" };
            from.sql = format!("{} {kind} ({inner}) as {name}(p, q){on}", from.sql);
            from.columns.extend([format!("{name}.p"), format!("{name}.q")]);
        }

        from
    }

    fn value(&mut self, columns: &[String]) -> String {
        match self.random.below(9) {
            0 => self.random.below(4).to_string(),
            1 => "null::int".to_owned(),
            2 => format!("({} + {})", self.random.pick(columns).clone(), self.random.below(3)),
            3 => format!("coalesce({}, {})", self.random.pick(columns).clone(), self.random.pick(columns).clone()),
            4 => format!("-{}", self.random.pick(columns).clone()),
            _ => self.random.pick(columns).clone(),
        }
    }

    fn comparison(&mut self, columns: &[String]) -> String {
        let op = *self.random.pick(&["=", "<>", "<", ">", "<=", ">=", "is distinct from", "is not distinct from"]);
        let (a, b) = (self.value(columns), self.value(columns));
        format!("{a} {op} {b}")
    }

    /// A condition over the columns of this query and those around it.
    fn condition(&mut self, columns: &[String], outer: &[String]) -> String {
        let all: Vec<String> = columns.iter().chain(outer).cloned().collect();
        let seen = if outer.is_empty() || self.random.once_in(2) { columns.to_vec() } else { all.clone() };
        match self.random.below(14) {
            0 => format!("({} and {})", self.condition(columns, outer), self.condition(columns, outer)),
            1 => format!("({} or {})", self.condition(columns, outer), self.condition(columns, outer)),
            2 => format!("not ({})", self.condition(columns, outer)),
            3 => format!("{} is null", self.value(&seen)),
            4 => format!("({}) is not true", self.comparison(&seen)),
            5 => format!("{} in (0, 1, null)", self.value(&seen)),
            6..=9 if self.depth > 0 => self.subquery(&all),
            _ => self.comparison(&seen),
        }
    }

    fn subquery(&mut self, outer: &[String]) -> String {
        self.depth -= 1;
        let value = self.value(outer);
        let negated = if self.random.once_in(2) { "not " } else { "" };
        let found = match self.random.below(6) {
            0 | 1 => format!("{value} {negated}in ({})", self.select(outer, 1, true)),
            2 | 3 => format!("{negated}exists ({})", self.select(outer, 1, true)),
            4 => {
                let op = *self.random.pick(&["=", "<", ">=", "<>"]);
                let which = *self.random.pick(&["any", "all"]);
                format!("{value} {op} {which} ({})", self.select(outer, 1, true))
            }
            _ => format!("{value} = ({})", self.scalar(outer)),
        };
        self.depth += 1;
        found
    }

    /// A subquery that gives one value.
    fn scalar(&mut self, outer: &[String]) -> String {
        let from = self.from();
        let condition = self.condition(&from.columns, outer);
        let column = self.random.pick(&from.columns).clone();
        if self.random.once_in(4) {
            return format!("select {column} from {} where {condition} order by {column} limit 1", from.sql);
        }
        let aggregate = *self.random.pick(&["count(*)", "count(#)", "max(#)", "min(#)", "sum(#)", "count(distinct #)"]);
        format!("select {} from {} where {condition}", aggregate.replace('#', &column), from.sql)
    }

    /// A select of some columns of whole numbers.
    fn select(&mut self, outer: &[String], width: usize, correlated: bool) -> String {
        let outer = if correlated { outer } else { &[] };
        let from = self.from();
        let mut sql = String::new();
        let condition = if self.random.once_in(4) {
            String::new()
        } else {
            format!(" where {}", self.condition(&from.columns, outer))
        };
        match self.random.below(8) {
            0 | 1 => {
                let groups: Vec<String> =
                    (0..=self.random.below(2)).map(|_| self.random.pick(&from.columns).clone()).collect();
                let items = (0..width).map(|at| match groups.get(at) {
                    Some(group) if self.random.once_in(2) => group.clone(),
                    _ => self.aggregate(&from.columns),
                });
                let items = items.collect::<Vec<_>>().join(", ");
                let groups = match self.random.below(6) {
                    0 if width > 0 && !correlated => format!("rollup ({})", groups.join(", ")),
                    _ => groups.join(", "),
                };
                write!(sql, "select {items} from {}{condition} group by {groups}", from.sql).unwrap();
                if self.random.once_in(3) {
                    write!(sql, " having {} > {}", self.aggregate(&from.columns), self.random.below(3)).unwrap();
                }
            }
            2 if width > 0 => {
                let items: Vec<String> = (0..width).map(|_| self.aggregate(&from.columns)).collect();
                write!(sql, "select {} from {}{condition}", items.join(", "), from.sql).unwrap();
            }
            3 => {
                let other = self.from();
                let op =
                    *self.random.pick(&["union", "union all", "intersect", "except", "intersect all", "except all"]);
                let items = |query: &mut Self, columns: &[String]| {
                    (0..width).map(|_| query.value(columns)).collect::<Vec<_>>().join(", ")
                };
                let (first, second) = (items(self, &from.columns), items(self, &other.columns));
                write!(sql, "select {first} from {}{condition} {op} select {second} from {}", from.sql, other.sql)
                    .unwrap();
            }
            _ => {
                let distinct = if self.random.once_in(5) { "distinct " } else { "" };
                let items: Vec<String> = (0..width).map(|_| self.item(&from.columns, outer)).collect();
                write!(sql, "select {distinct}{} from {}{condition}", items.join(", "), from.sql).unwrap();
                if self.random.once_in(6) {
                    // All columns, so that ties are twins.
                    let all: Vec<String> = (1..=width).map(|at| at.to_string()).collect();
                    write!(sql, " order by {} limit {}", all.join(", "), self.random.below(4)).unwrap();
                    if self.random.once_in(3) {
                        write!(sql, " offset {}", self.random.below(2)).unwrap();
                    }
                }
            }
        }
        sql
    }

    fn item(&mut self, columns: &[String], outer: &[String]) -> String {
        let all: Vec<String> = columns.iter().chain(outer).cloned().collect();
        match self.random.below(10) {
            0 if self.depth > 0 => {
                self.depth -= 1;
                let scalar = self.scalar(&all);
                self.depth += 1;
                format!("({scalar})::int")
            }
            1 => format!(
                "case when {} then {} else {} end",
                self.condition(columns, outer),
                self.value(columns),
                self.value(columns)
            ),
            2 => {
                let column = self.random.pick(columns).clone();
                let order = columns.join(", ");
                let function = *self.random.pick(&["sum", "count", "max", "min"]);
                format!(
                    "({function}({column}) over (partition by {} order by {order}))::int",
                    self.random.pick(columns)
                )
            }
            3 => format!("(rank() over (order by {}))::int", self.random.pick(columns)),
            _ => self.value(&all),
        }
    }

    fn aggregate(&mut self, columns: &[String]) -> String {
        let column = self.value(columns);
        let aggregate = *self.random.pick(&["count(*)", "count(#)", "max(#)", "min(#)", "sum(#)", "count(distinct #)"]);
        let filter = if self.random.once_in(6) {
            format!(" filter (where {})", self.comparison(columns))
        } else {
            String::new()
        };
        format!("({}{filter})::int", aggregate.replace('#', &column))
    }
}

/// What was found over one set of tables.
async fn round(seed: u64, schema: &str, told: &mut String) -> (usize, usize) {
    let mut random = Random::new(seed);
    let tables = tables(&mut random);
    let mut both = Both::over(&tables, schema).await;
    let (mut same, mut refused) = (0, 0);
    for number in 0..QUERIES {
        let width = 1 + random.below(3);
        let mut query = Query { random: &mut random, tables: &tables, depth: 2, names: 0 };
        let sql = query.select(&[], width, false);
        match both.compare(&sql, &sql, false).await {
            Verdict::Same | Verdict::BothRefuse => same += 1,
            Verdict::Refused(why) if expected(&why) => refused += 1,
            verdict => writeln!(told, "seed {seed} query {number}:\n{sql}\n    {}\n", verdict.words()).unwrap(),
        }
        if let Some(difference) = partition::differs(&mut random, &tables, &both).await {
            writeln!(told, "seed {seed} query {number}: {difference}\n").unwrap();
        }
    }
    (same, refused)
}

/// Errors that are stated, or that depend on which rows are looked at first.
fn expected(why: &str) -> bool {
    why.contains("this subquery is not supported")
        || why.contains("cannot be planned")
        || why.contains("more than one row")
}

async fn rounds(seeds: impl Iterator<Item = u64>, until: Option<Instant>, schema: &str) {
    let (mut told, mut same, mut refused) = (String::new(), 0, 0);
    for seed in seeds {
        let (s, r) = round(seed, schema, &mut told).await;
        (same, refused) = (same + s, refused + r);
        if until.is_some_and(|until| Instant::now() > until) || told.len() > 20_000 {
            break;
        }
    }
    assert!(told.is_empty(), "{same} same, {refused} refused, and:\n{told}");
    assert!(refused * 10 < same, "{refused} of {} are refused", same + refused);
    #[expect(clippy::print_stdout, reason = "counts for whoever asks")]
    {
        println!("{same} random queries with the same rows, {refused} refused");
    }
    let _ = cells::parsed("[]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_queries_give_the_rows_that_postgresql_gives() {
    rounds(1..=4, None, "engine_random").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "goes on for as long as one likes"]
async fn random_queries_for_a_while() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let until = Instant::now() + Duration::from_secs(number("SECONDS_OF_FUZZING").unwrap_or(60));
    let first = number("SEED").unwrap_or(clock);
    rounds(first.., Some(until), "engine_random_long").await;
}

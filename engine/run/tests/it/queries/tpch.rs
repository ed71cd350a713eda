//! The 22 queries of TPC-H over a small shop that a generator of our own fills: PostgreSQL is the oracle.

use super::{fixture::Table, random::Random, run};

const NATIONS: [(&str, usize); 25] = [
    ("ALGERIA", 0),
    ("ARGENTINA", 1),
    ("BRAZIL", 1),
    ("CANADA", 1),
    ("EGYPT", 4),
    ("ETHIOPIA", 0),
    ("FRANCE", 3),
    ("GERMANY", 3),
    ("INDIA", 2),
    ("INDONESIA", 2),
    ("IRAN", 4),
    ("IRAQ", 4),
    ("JAPAN", 2),
    ("JORDAN", 4),
    ("KENYA", 0),
    ("MOROCCO", 0),
    ("MOZAMBIQUE", 0),
    ("PERU", 1),
    ("CHINA", 2),
    ("ROMANIA", 3),
    ("SAUDI ARABIA", 4),
    ("VIETNAM", 2),
    ("RUSSIA", 3),
    ("UNITED KINGDOM", 3),
    ("UNITED STATES", 1),
];
const REGIONS: [&str; 5] = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"];
const COLOURS: [&str; 5] = ["green", "forest", "red", "blue", "almond"];
const SUPPLIERS: usize = 40;
const PARTS: usize = 120;
const CUSTOMERS: usize = 150;
const ORDERS: usize = 900;

type Cells = Vec<Option<String>>;

fn cells(values: &[String]) -> Cells {
    values.iter().cloned().map(Some).collect()
}

fn table(name: &str, columns: &[(&str, &'static str)], rows: Vec<Cells>) -> Table {
    let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
    Table { name: name.to_owned(), columns, rows }
}

fn money(random: &mut Random, most: usize) -> String {
    format!("{}.{:02}", random.below(most), random.below(100))
}

fn day(number: usize) -> String {
    let date = chrono::NaiveDate::from_ymd_opt(1992, 1, 1).unwrap() + chrono::Days::new(number as u64);
    date.to_string()
}

fn small() -> Vec<Table> {
    let regions = REGIONS.iter().enumerate().map(|(at, name)| cells(&[at.to_string(), (*name).to_owned()]));
    let nations = NATIONS.iter().enumerate();
    let nations = nations.map(|(at, (name, region))| cells(&[at.to_string(), (*name).to_owned(), region.to_string()]));
    vec![
        table("region", &[("r_regionkey", "int"), ("r_name", "text")], regions.collect()),
        table("nation", &[("n_nationkey", "int"), ("n_name", "text"), ("n_regionkey", "int")], nations.collect()),
    ]
}

fn suppliers(random: &mut Random) -> Table {
    let columns = [
        ("s_suppkey", "int"),
        ("s_name", "text"),
        ("s_address", "text"),
        ("s_nationkey", "int"),
        ("s_phone", "text"),
        ("s_acctbal", "numeric(15,2)"),
        ("s_comment", "text"),
    ];
    let row = |at: usize| {
        let comment = if random.once_in(6) { "the Customer had Complaints" } else { "fine" };
        let nation = random.below(NATIONS.len());
        cells(&[
            at.to_string(),
            format!("Supplier#{at:09}"),
            format!("street {at}"),
            nation.to_string(),
            format!("{}-{at:03}", 10 + nation),
            money(random, 9000),
            comment.to_owned(),
        ])
    };
    table("supplier", &columns, (1..=SUPPLIERS).map(row).collect())
}

fn parts(random: &mut Random) -> Vec<Table> {
    let columns = [
        ("p_partkey", "int"),
        ("p_name", "text"),
        ("p_mfgr", "text"),
        ("p_brand", "text"),
        ("p_type", "text"),
        ("p_size", "int"),
        ("p_container", "text"),
        ("p_retailprice", "numeric(15,2)"),
    ];
    let kinds = ["PROMO BRUSHED BRASS", "ECONOMY ANODIZED STEEL", "MEDIUM POLISHED TIN", "SMALL PLATED BRASS"];
    let containers = ["SM CASE", "SM BOX", "MED BAG", "MED BOX", "LG JAR"];
    let (mut rows, mut stock) = (vec![], vec![]);
    for at in 1..=PARTS {
        let brand = ["12", "23", "45", "34"][random.below(4)];
        rows.push(cells(&[
            at.to_string(),
            format!("{} {}", random.pick(&COLOURS), random.pick(&COLOURS)),
            format!("Manufacturer#{}", 1 + random.below(5)),
            format!("Brand#{brand}"),
            (*random.pick(&kinds)).to_owned(),
            (1 + random.below(50)).to_string(),
            (*random.pick(&containers)).to_owned(),
            money(random, 2000),
        ]));
        for next in 0..3 {
            let supplier = 1 + (at * 7 + next * 11) % SUPPLIERS;
            stock.push(cells(&[
                at.to_string(),
                supplier.to_string(),
                random.below(100).to_string(),
                money(random, 1000),
            ]));
        }
    }
    let of_stock =
        [("ps_partkey", "int"), ("ps_suppkey", "int"), ("ps_availqty", "int"), ("ps_supplycost", "numeric(15,2)")];
    vec![table("part", &columns, rows), table("partsupp", &of_stock, stock)]
}

fn customers(random: &mut Random) -> Table {
    let columns = [
        ("c_custkey", "int"),
        ("c_name", "text"),
        ("c_address", "text"),
        ("c_nationkey", "int"),
        ("c_phone", "text"),
        ("c_acctbal", "numeric(15,2)"),
        ("c_mktsegment", "text"),
        ("c_comment", "text"),
    ];
    let row = |at: usize| {
        let nation = random.below(NATIONS.len());
        cells(&[
            at.to_string(),
            format!("Customer#{at:09}"),
            format!("road {at}"),
            nation.to_string(),
            format!("{}-{at:03}", 10 + nation),
            money(random, 9000),
            (*random.pick(&["BUILDING", "AUTOMOBILE", "MACHINERY"])).to_owned(),
            "none".to_owned(),
        ])
    };
    table("customer", &columns, (1..=CUSTOMERS).map(row).collect())
}

fn orders(random: &mut Random) -> Vec<Table> {
    let of_orders = [
        ("o_orderkey", "int"),
        ("o_custkey", "int"),
        ("o_orderstatus", "text"),
        ("o_totalprice", "numeric(15,2)"),
        ("o_orderdate", "date"),
        ("o_orderpriority", "text"),
        ("o_shippriority", "int"),
        ("o_comment", "text"),
    ];
    let of_lines = [
        ("l_orderkey", "int"),
        ("l_partkey", "int"),
        ("l_suppkey", "int"),
        ("l_quantity", "numeric(15,2)"),
        ("l_extendedprice", "numeric(15,2)"),
        ("l_discount", "numeric(15,2)"),
        ("l_tax", "numeric(15,2)"),
        ("l_returnflag", "text"),
        ("l_linestatus", "text"),
        ("l_shipdate", "date"),
        ("l_commitdate", "date"),
        ("l_receiptdate", "date"),
        ("l_shipmode", "text"),
    ];
    let priorities = ["1-URGENT", "2-HIGH", "3-MEDIUM", "5-LOW"];
    let (mut rows, mut lines) = (vec![], vec![]);
    for at in 1..=ORDERS {
        let placed = random.below(2400);
        let comment = if random.once_in(5) { "very special odd requests" } else { "plain" };
        rows.push(cells(&[
            at.to_string(),
            // A third of the customers has no orders.
            (1 + random.below(CUSTOMERS * 2 / 3)).to_string(),
            (*random.pick(&["F", "O", "P"])).to_owned(),
            money(random, 300_000),
            day(placed),
            (*random.pick(&priorities)).to_owned(),
            "0".to_owned(),
            comment.to_owned(),
        ]));
        for _ in 0..=random.below(6) {
            let part = 1 + random.below(PARTS);
            let supplier = 1 + (part * 7 + random.below(3) * 11) % SUPPLIERS;
            let shipped = placed + 1 + random.below(60);
            lines.push(cells(&[
                at.to_string(),
                part.to_string(),
                supplier.to_string(),
                format!("{}.00", 1 + random.below(50)),
                money(random, 90_000),
                format!("0.{:02}", random.below(11)),
                format!("0.{:02}", random.below(9)),
                (*random.pick(&["R", "A", "N"])).to_owned(),
                (*random.pick(&["O", "F"])).to_owned(),
                day(shipped),
                day(placed + 20 + random.below(40)),
                day(shipped + 1 + random.below(30)),
                (*random.pick(&["MAIL", "SHIP", "AIR", "REG AIR", "TRUCK"])).to_owned(),
            ]));
        }
    }
    vec![table("orders", &of_orders, rows), table("lineitem", &of_lines, lines)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_tpch_gives_the_rows_that_postgresql_gives() {
    let mut random = Random::new(22);
    let mut tables = small();
    tables.push(suppliers(&mut random));
    tables.extend(parts(&mut random));
    tables.push(customers(&mut random));
    tables.extend(orders(&mut random));
    run("tpch", &tables, "engine_tpch").await;
}

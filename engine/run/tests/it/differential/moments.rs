//! Functions of dates, times and intervals, patterns, and functions of groups.

use super::expressions::{STATED, compare, over_columns};

const STAMPS: [&str; 7] = [
    "timestamp '2024-02-29 23:59:59.999999'",
    "timestamp '2026-01-31 00:00:00'",
    "timestamp '1969-12-31 12:05:09.5'",
    "timestamp '9999-12-31 01:00:00'",
    "timestamp '2000-12-31 13:00:00'",
    "timestamp '0001-01-01 00:00:00'",
    "cast(null as timestamp)",
];

#[tokio::test]
async fn fields_of_moments() {
    let others = [
        "date '2024-02-29'",
        "date '2021-01-03'",
        "timestamptz '2026-03-29 01:30:00+00'",
        "time '23:30:15.25'",
        "interval '1 year 14 months 40 days 30:20:10.5'",
        "interval '-1 month -3 days 00:00:01'",
    ];
    let fields = [
        "microseconds",
        "milliseconds",
        "second",
        "minute",
        "hour",
        "day",
        "week",
        "month",
        "quarter",
        "year",
        "decade",
        "century",
        "millennium",
        "dow",
        "isodow",
        "doy",
        "isoyear",
        "epoch",
        "julian",
        "timezone",
    ];
    let mut templates = vec![];
    for value in STAMPS.iter().chain(&others) {
        for field in fields {
            for template in [
                format!("extract({field} from {{a}})"),
                format!("date_part('{field}', {{a}})"),
                format!("date_trunc('{field}', {{a}})"),
            ] {
                templates.push((template, vec![(*value).to_owned()]));
            }
        }
    }
    over_columns(templates, "fields", 700, STATED).await;
}

#[tokio::test]
async fn functions_of_moments() {
    let mut templates = vec![];
    let zones = ["'UTC'", "'Europe/Berlin'", "'America/New_York'", "'+05:30'", "'Asia/Kolkata'"];
    for a in STAMPS {
        for b in STAMPS {
            for template in ["age({a}, {b})", "{a} - {b}", "{a} < {b}", "date_bin('15 minutes', {a}, {b})", "{a} = {b}"]
            {
                templates.push((template.to_owned(), vec![a.to_owned(), b.to_owned()]));
            }
        }
        for zone in zones {
            templates.push((format!("{{a}} at time zone {zone}"), vec![a.to_owned()]));
            templates.push((format!("cast({{a}} as timestamptz) at time zone {zone}"), vec![a.to_owned()]));
        }
    }
    let intervals = [
        "interval '1 month'",
        "interval '30 days'",
        "interval '-5 days 30 hours'",
        "interval '720 hours'",
        "interval '1 year -1 day'",
    ];
    for a in intervals {
        for b in intervals {
            for sign in ["=", "<", ">=", "+", "-"] {
                templates.push((format!("{{a}} {sign} {{b}}"), vec![a.to_owned(), b.to_owned()]));
            }
        }
        for template in [
            "justify_hours({a})",
            "justify_days({a})",
            "justify_interval({a})",
            "{a} * 1.5",
            "{a} / 7",
            "-{a}",
            "{a} * 0.1",
            "0.3 * {a}",
            "{a} / 0",
        ] {
            templates.push((template.to_owned(), vec![a.to_owned()]));
        }
    }
    over_columns(templates, "functions-of-moments", 400, STATED).await;
}

const PATTERNS: [&str; 23] = [
    "YYYY-MM-DD HH24:MI:SS",
    "YYYY-MM",
    "Mon DD, YYYY",
    "FMMonth FMDDth",
    "Day",
    "HH12:MI am",
    "Q",
    "IYYY-IW",
    "DDD",
    "J",
    "MS US",
    "SSSS",
    "YY Y YYY",
    "CC",
    "D ID",
    "WW W",
    "RM",
    "\"week\" IW",
    "DY dy Dy",
    "MONTH month",
    "FF3",
    "Y,YYY",
    "BC",
];

const LAYOUTS: [&str; 18] = [
    "9",
    "999",
    "9999.99",
    "FM9999.99",
    "FM999,999,990.00",
    "9,999,999.9",
    "0000",
    "FM0000",
    "S999.9",
    "999.9S",
    "MI999.9",
    "999.9MI",
    "0.99",
    "FM990.0",
    "99D9",
    "999G999",
    "FM9.9",
    "$9,999.00",
];

const TEXTS: [(&str, &str); 14] = [
    ("2026-02-28", "YYYY-MM-DD"),
    ("20260228", "YYYYMMDD"),
    ("28/02/2026", "DD/MM/YYYY"),
    ("28 Feb 2026", "DD Mon YYYY"),
    ("February 28, 2026", "Month DD, YYYY"),
    ("2026-02-30", "YYYY-MM-DD"),
    ("26-2-8", "YY-MM-DD"),
    ("2026 045", "YYYY DDD"),
    ("2026-02-28 13:14:15", "YYYY-MM-DD HH24:MI:SS"),
    ("2026-02-28 1:14 pm", "YYYY-MM-DD HH12:MI am"),
    ("2026-02-28 13:14:15.678", "YYYY-MM-DD HH24:MI:SS.MS"),
    ("2026-13-01", "YYYY-MM-DD"),
    ("abc", "YYYY"),
    ("12/31/99", "MM/DD/YY"),
];

const CALLS: [&str; 54] = [
    "make_date(2024, 2, 29)",
    "make_date(2023, 2, 29)",
    "make_time(23, 59, 59.5)",
    "make_timestamp(2026, 1, 31, 12, 30, 1.25)",
    "make_interval(1, 2, 3, 4, 5, 6, 7.5)",
    "make_interval(0, 14)",
    "to_timestamp(1767225600.5)",
    "interval '90' day",
    "interval '1-2'",
    "interval '1 day 2 hours ago'",
    "interval 'P1Y2M3DT4H5M6.5S'",
    "interval '1.5 days'",
    "interval '2.5 months'",
    "interval '1 fortnight'",
    "1e3",
    "1.5e-3",
    "2 ^ 3",
    "2 ^ 0.5",
    "2.0 ^ 3",
    "7 / 2",
    "-7 / 2",
    "-7 % 3",
    "mod(-7, 3)",
    "1 / 0",
    "1.0 / 0",
    "round(2.5)",
    "round(-2.5)",
    "round(2.5::float8)",
    "2.7::int",
    "2.5::int",
    "2.5::float8::int",
    "round(1.255, 2)",
    "1.1 + 2.2",
    "'5' + 1",
    "'abc' = 1",
    "cast('12' as text) = 12",
    "case when true then 'a' else 1 end",
    "coalesce(null, 1, 2.5)",
    "greatest(1, 2.5)",
    "1 || 'a'",
    "1.50 || 'x'",
    "timestamp '2026-01-01' || ''",
    "0.1::float8 || ''",
    "true || ''",
    "concat(1, 2.50, 'x')",
    "upper(1)",
    "'abc'::varchar(2)",
    "'ab  '::char(4) = 'ab'",
    "2147483647 + 1",
    "9223372036854775807 + 1",
    "1.5 in (1, 1.5)",
    "'0.0'::float8 = '-0.0'::float8",
    "'nan'::float8 = 'nan'::float8",
    "date '2026-01-01' < '2026-02-01'",
];

#[tokio::test]
async fn patterns() {
    let mut expressions = vec![];
    for stamp in STAMPS {
        expressions.extend(PATTERNS.map(|pattern| format!("to_char({stamp}, '{pattern}')")));
    }
    let numbers = ["0", "1", "-1", "12.34", "-0.5", "1234567.891", "999.995", "0.05", "-1234.5", "1e5"];
    for number in numbers {
        expressions.extend(LAYOUTS.map(|layout| format!("to_char(cast({number} as numeric(20, 4)), '{layout}')")));
    }
    for (text, pattern) in TEXTS {
        expressions.push(format!("to_date('{text}', '{pattern}')"));
        expressions.push(format!("to_timestamp('{text}', '{pattern}')"));
    }
    expressions.extend(CALLS.map(str::to_owned));
    compare(expressions, "patterns", 400, STATED).await;
}

#[tokio::test]
async fn functions_of_groups() {
    let sets = [
        "(values (cast(1 as int)), (2), (2), (null), (7))",
        "(values (cast(2147483647 as int)), (2147483647), (1))",
        "(values (cast(9223372036854775807 as bigint)), (9223372036854775807), (3))",
        "(values (cast(1.25 as numeric(10,2))), (-0.5), (null), (99999999.99))",
        "(values (cast(1.5 as double precision)), (2.25), (null), (-3))",
        "(values (cast(null as numeric(5,2))))",
        "(values (cast(3 as smallint)), (4))",
        "(values (cast(0.1 as real)), (0.2))",
    ];
    let calls = [
        "sum(x)",
        "avg(x)",
        "count(x)",
        "min(x)",
        "max(x)",
        "sum(distinct x)",
        "avg(distinct x)",
        "variance(x)",
        "var_pop(x)",
        "stddev(x)",
        "stddev_pop(x)",
        "sum(x) filter (where x > 1)",
        "percentile_cont(0.5) within group (order by x)",
        "percentile_cont(0.3) within group (order by x desc)",
        "percentile_disc(0.5) within group (order by x)",
        "mode() within group (order by x)",
        "corr(x, x * 2)",
        "regr_slope(x, x + 1)",
        "covar_samp(x, x)",
        "regr_count(x, x)",
        "regr_r2(x, x)",
        "sum(x) / count(x)",
        "sum(x * 1.5)",
        "avg(x) * 2",
        "bool_and(x > 0)",
        "bool_or(x > 5)",
        "every(x > 0)",
        "string_agg(cast(x as text), ',' order by x)",
        "sum(x + 1)",
        "sum(-x)",
    ];
    let mut expressions = vec![];
    for set in sets {
        expressions.extend(calls.map(|call| format!("(select {call} from {set} as t(x))")));
    }
    for text in ["interval '1 day'", "interval '1 month 3 days'"] {
        let set = format!("(values ({text}), (interval '5 hours'), (null)) as t(x)");
        expressions.extend(["sum(x)", "avg(x)", "min(x)", "max(x)"].map(|call| format!("(select {call} from {set})")));
    }
    compare(expressions, "groups", 200, STATED).await;
}

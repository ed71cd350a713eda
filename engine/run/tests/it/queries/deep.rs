//! Expressions of thousands of operators, on stacks as the program has them.

use super::fixture;

/// As many operators as a generated query may have.
const OPERATORS: usize = 2000;

fn answer(sql: String) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(64 << 20).build();
    let runtime = runtime.unwrap();
    let work = async move {
        let session = fixture::session(&fixture::shop());
        let batches = session.query(&sql).await.unwrap().collect().await.unwrap();
        let rows: Vec<_> = batches.iter().flat_map(super::cells::rows).collect();
        format!("{rows:?}")
    };
    runtime.block_on(runtime.spawn(work)).unwrap()
}

#[test]
fn thousands_of_concatenations_do_not_overflow_the_stack() {
    let sum = vec!["s"; OPERATORS].join(" || ");
    let expected = format!("[[Text(\"{}\")]]", "two".repeat(OPERATORS));
    assert_eq!(answer(format!("select {sum} as t from a where id = 2")), expected);
}

#[test]
fn thousands_of_conditions_do_not_overflow_the_stack() {
    let any: Vec<String> = (0..OPERATORS).map(|at| format!("id = {at}")).collect();
    assert_eq!(answer(format!("select count(*) as n from a where {}", any.join(" or "))), "[[Number(\"6\")]]");
}

#[test]
fn thousands_of_sums_and_products_are_planned() {
    let sum: Vec<String> = (0..OPERATORS).map(|at| format!("{} id", ["+", "-"][at % 2])).collect();
    assert_eq!(answer(format!("select id {} + 0.5 as n from a where id = 2", sum.join(" "))), "[[Number(\"2.5\")]]");
    let factors = vec!["* 1"; OPERATORS].join(" ");
    assert_eq!(answer(format!("select sum(id {factors}) as n from a where id {factors} = 2")), "[[Number(\"2\")]]");
}

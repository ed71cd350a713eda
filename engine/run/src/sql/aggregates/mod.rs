//! Functions of a group that PostgreSQL computes otherwise than DataFusion.
//!
//! <https://www.postgresql.org/docs/current/functions-aggregate.html>

mod distinct;
mod finish;
mod intervals;
mod moments;
mod ordered;
mod totals;

use datafusion::logical_expr::AggregateUDF;

/// All of them.
pub fn functions() -> Vec<AggregateUDF> {
    let totals = [totals::Total::sum(), totals::Total::average()].map(AggregateUDF::new_from_impl);
    totals.into_iter().chain(moments::functions()).chain(ordered::functions()).collect()
}

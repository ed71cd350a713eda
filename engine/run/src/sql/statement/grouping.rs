//! Names that stand twice in `rollup`, `cube`, `grouping sets`: DataFusion makes two columns of them, of which it refuses one.

use datafusion::sql::sqlparser::ast::Expr;

/// The most elements of a `cube` that are written out, with which there are as many sets as two to their power.
const MOST: usize = 10;

/// What a query groups by, where each set names a column once. A column that stands outside of the sets is in all of them.
pub fn distinct(grouped: &mut [Expr]) {
    let is_set = |expr: &Expr| matches!(expr, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_));
    let outside: Vec<Expr> = grouped.iter().filter(|expr| !is_set(expr)).cloned().collect();
    for expr in grouped {
        let sets = match expr {
            Expr::Rollup(parts) if repeats(parts.iter().flatten(), &outside) => prefixes(parts),
            Expr::Cube(parts) if parts.len() <= MOST && repeats(parts.iter().flatten(), &outside) => choices(parts),
            Expr::GroupingSets(sets) if sets.iter().any(|set| repeats(set, &outside)) => sets.clone(),
            _ => continue,
        };
        *expr = Expr::GroupingSets(sets.into_iter().map(|set| once(set, &outside)).collect());
    }
}

fn repeats<'a>(exprs: impl IntoIterator<Item = &'a Expr>, outside: &[Expr]) -> bool {
    let mut seen: Vec<&Expr> = outside.iter().collect();
    exprs.into_iter().any(|expr| {
        seen.contains(&expr) || {
            seen.push(expr);
            false
        }
    })
}

/// The sets of a `rollup`.
fn prefixes(parts: &[Vec<Expr>]) -> Vec<Vec<Expr>> {
    (0..=parts.len()).rev().map(|length| parts[..length].concat()).collect()
}

/// The sets of a `cube`.
fn choices(parts: &[Vec<Expr>]) -> Vec<Vec<Expr>> {
    let chosen = |bits: usize| parts.iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0);
    (0..1 << parts.len()).rev().map(|bits| chosen(bits).flat_map(|(_, part)| part.clone()).collect()).collect()
}

fn once(set: Vec<Expr>, outside: &[Expr]) -> Vec<Expr> {
    let mut kept: Vec<Expr> = vec![];
    for expr in set {
        if !outside.contains(&expr) && !kept.contains(&expr) {
            kept.push(expr);
        }
    }
    kept
}

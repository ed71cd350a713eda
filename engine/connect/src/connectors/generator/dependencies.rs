//! Which columns a column is made from, and that none is made from itself.

use super::{fake::KNOWN, literal::words};
use engine_language::{
    code,
    config::generator::{GeneratedColumn, Generator, Maker},
    diagnostic::Diagnostic,
    name::{Name, nearest},
};
use std::collections::BTreeMap;

type Cell<'a> = (&'a Name, &'a str);

/// Complains of a fake word that is not known, and of a column that depends on itself.
pub fn check(generators: &BTreeMap<Name, Generator>) -> Result<(), Diagnostic> {
    let mut done = vec![];
    for generator in generators.values() {
        for column in &generator.columns {
            known_word(column)?;
            visit(generators, (&generator.name.value, &column.name.value), &mut vec![], &mut done)?;
        }
    }
    Ok(())
}

fn known_word(column: &GeneratedColumn) -> Result<(), Diagnostic> {
    let Maker::Fake(word) = &column.maker else { return Ok(()) };
    if KNOWN.contains(&word.as_str()) {
        return Ok(());
    }
    let problem = Diagnostic::error(&code::E0012, word.span, format!("there is no fake `{}`", word.value));
    Err(match nearest(word, KNOWN.iter().copied()) {
        Some(near) => problem.fix("a word with a similar name exists", word.span, format!("\"{near}\"")),
        None => problem.hint(format!("known: {}", KNOWN.join(", "))),
    })
}

fn visit<'a>(
    generators: &'a BTreeMap<Name, Generator>,
    cell: Cell<'a>,
    path: &mut Vec<Cell<'a>>,
    done: &mut Vec<Cell<'a>>,
) -> Result<(), Diagnostic> {
    if done.contains(&cell) {
        return Ok(());
    }
    let found = generators.get(cell.0).and_then(|g| g.columns.iter().find(|c| c.name.value == cell.1));
    let Some(column) = found else { return Ok(()) };
    if let Some(start) = path.iter().position(|before| *before == cell) {
        let names = path[start..].iter().chain([&cell]).map(|(g, c)| format!("{g}.{c}"));
        let message = format!("these columns are made from each other: {}", names.collect::<Vec<_>>().join(" → "));
        return Err(
            Diagnostic::error(&code::E0012, column.span, message).hint("one of them has to do without the other")
        );
    }
    path.push(cell);
    for next in made_from(generators, cell.0, column) {
        visit(generators, next, path, done)?;
    }
    path.pop();
    done.push(cell);
    Ok(())
}

fn made_from<'a>(
    generators: &'a BTreeMap<Name, Generator>,
    name: &'a Name,
    column: &'a GeneratedColumn,
) -> Vec<Cell<'a>> {
    let own = &generators[name].columns;
    let mentioned = |text: &str, columns: &'a [GeneratedColumn]| -> Vec<&'a str> {
        let words = words(text);
        columns.iter().map(|c| c.name.value.as_str()).filter(|c| words.iter().any(|word| word == c)).collect()
    };
    let mut cells: Vec<Cell<'a>> = vec![];
    match &column.maker {
        // A reference to an earlier row of the same generator is no circle.
        Maker::References { generator, column, .. } if generator.value != *name => {
            cells.push((&generator.value, column));
        }
        Maker::After { generator, column, .. } | Maker::Near { generator, column, .. } => {
            cells.push((generator.as_ref().map_or(name, |to| &to.value), &column.value));
        }
        Maker::Sql(text) => {
            cells.extend(mentioned(text, own).into_iter().filter(|c| *c != column.name.value).map(|c| (name, c)));
            for (other, generator) in generators.iter().filter(|(other, _)| *other != name) {
                if words(text).iter().any(|word| word == other.as_str()) {
                    cells.extend(mentioned(text, &generator.columns).into_iter().map(|c| (other, c)));
                }
            }
        }
        _ => {}
    }
    if let Some(when) = &column.when {
        cells.extend(mentioned(when, own).into_iter().map(|c| (name, c)));
    }
    cells
}

//! `engine check --online`: asks the systems for their tables, and says what drifted.

use crate::{
    context::{Context, Loaded},
    exit_status::{CliError, Result},
    interrupt::cancellable,
    terminal::{Style, format, report::action},
};
use engine_language::config::lock;
use engine_run::{
    discover::{self, Tables},
    systems::Systems,
};
use std::{fs, io::ErrorKind, path::Path};

/// Asks, compares with what was known, and writes `project/schema.lock`.
pub fn ask(context: &Context, loaded: &mut Loaded) -> Result<Tables> {
    let systems = Systems::connect(&loaded.project, &context.root, &mut loaded.problems);
    if loaded.problems.has_errors() {
        context.draw(&loaded.project, &loaded.problems, loaded.took);
        return Err(CliError::Problems);
    }
    let sources = loaded.project.sources.keys().cloned().collect();
    let project = loaded.project.clone();
    let found = cancellable(context.terminal, |cancel| async move {
        tokio::select! {
            found = discover::tables(&project, &systems, &sources) => found.map_err(CliError::from),
            () = cancel.cancelled() => Err(engine_run::error::Error::Cancelled.into()),
        }
    })?;
    let drift = drift(&loaded.project.tables, &found);
    for line in &drift {
        context.terminal.note(&action(context.terminal, Style::Warn, "Drifted", line));
    }
    write(context, &found, drift.len())?;
    Ok(found)
}

/// What differs, a line each.
fn drift(known: &Tables, found: &Tables) -> Vec<String> {
    let mut lines = vec![];
    for (name, table) in found {
        let Some(before) = known.get(name) else {
            lines.push(format!("+ {name}   new, {}", format::counted(table.columns.len() as u64, "column")));
            continue;
        };
        for column in &table.columns {
            match before.column(&column.name) {
                None => lines.push(format!("+ {name}.{}   {}, new", column.name, column.kind)),
                Some(old) if old.kind != column.kind => {
                    lines.push(format!("~ {name}.{}   was {}, is {}", column.name, old.kind, column.kind));
                }
                Some(old) if old.nullable != column.nullable => {
                    let now = if column.nullable { "may be NULL now" } else { "is never NULL now" };
                    lines.push(format!("~ {name}.{}   {now}", column.name));
                }
                Some(_) => {}
            }
        }
        let gone = before.columns.iter().filter(|column| table.column(&column.name).is_none());
        lines.extend(gone.map(|column| format!("- {name}.{}   {}, gone", column.name, column.kind)));
        if before.key != table.key {
            lines.push(format!("~ {name}   key was ({}), is ({})", before.key.join(", "), table.key.join(", ")));
        }
    }
    let gone = known.keys().filter(|name| !found.contains_key(*name));
    lines.extend(gone.map(|name| format!("- {name}   not there")));
    lines
}

fn write(context: &Context, found: &Tables, drifted: usize) -> Result<()> {
    let path = Path::new("project/schema.lock");
    let doing = || format!("writing `{}`", context.shown(path));
    let text = lock::text(found);
    let file = context.root.join(path);
    match fs::read_to_string(&file) {
        Ok(before) if before == text => {}
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(CliError::io(doing())(error)),
        _ => fs::write(&file, &text).map_err(CliError::io(doing()))?,
    }
    let said = format!("{}   {}, {drifted} drifted", context.shown(path), format::counted(found.len() as u64, "table"));
    context.terminal.note(&action(context.terminal, Style::Good, "Locked", &said));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Tables, drift};
    use engine_language::{
        column::ColumnType,
        id::TableId,
        table::{Column, TableDefinition},
    };

    fn table(columns: &[(&str, ColumnType)]) -> TableDefinition {
        let columns = columns.iter().map(|(name, kind)| Column::new(*name, kind.clone())).collect();
        TableDefinition { columns, ..TableDefinition::default() }
    }

    #[test]
    fn every_kind_of_drift_is_said() {
        let known = Tables::from([
            (TableId::new("s", "a"), table(&[("x", ColumnType::Int), ("y", ColumnType::Int)])),
            (TableId::new("s", "gone"), table(&[])),
        ]);
        let mut now = table(&[("x", ColumnType::BigInt), ("z", ColumnType::Date)]);
        now.key = vec!["x".into()];
        let found =
            Tables::from([(TableId::new("s", "a"), now), (TableId::new("s", "b"), table(&[("q", ColumnType::Int)]))]);
        let expected = [
            "~ s.a.x   was int, is bigint",
            "+ s.a.z   date, new",
            "- s.a.y   int, gone",
            "~ s.a   key was (), is (x)",
            "+ s.b   new, 1 column",
            "- s.gone   not there",
        ];
        assert_eq!(drift(&known, &found), expected);
        assert!(drift(&found, &found).is_empty());
    }
}

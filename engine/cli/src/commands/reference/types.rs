//! What becomes of each type between each pair of systems.

use engine_connect::hub::{
    policy::Unrepresentable,
    registry::Registry,
    type_map::{Read, TypeMap},
};
use engine_language::column::ColumnType;
use std::fmt::Write as _;

/// The page.
pub fn page() -> String {
    let mut text =
        "# Types\n\nWhat carries each type of each system, and what it is in a copy. A value that its column cannot \
                    carry exactly is an\nerror that names table, column and row, or what `types` says.\n"
            .to_owned();
    let systems: Vec<(&str, TypeMap)> = Registry::builtin().types().filter(|(_, map)| map.declares.is_some()).collect();
    for (from, map) in systems.iter().filter(|(_, map)| !map.reads.is_empty()) {
        let names: Vec<&str> = systems.iter().map(|(name, _)| *name).collect();
        let head =
            format!("\n## From {from}\n\n| {from} | carried as | in {} | cannot be carried |\n", names.join(" | in "));
        text.push_str(&head);
        text.push_str(&"|---".repeat(names.len() + 3));
        text.push_str("|\n");
        for read in &map.reads {
            row(&mut text, from, map, read, &systems);
        }
    }
    text.push_str(&treatments());
    text
}

fn row(text: &mut String, from: &str, map: &TypeMap, read: &Read, systems: &[(&str, TypeMap)]) {
    write!(text, "| {} | `{}` |", read.native, read.carried).expect("text can be written to");
    for (to, target) in systems {
        let cell = if *to == from && map.passes { "as it is".to_owned() } else { declared(target, &read.carried) };
        write!(text, " {cell} |").expect("text can be written to");
    }
    let odd: Vec<String> = read.odd.iter().map(|key| format!("`{key}`")).collect();
    writeln!(text, " {} |", odd.join(", ")).expect("text can be written to");
}

fn declared(target: &TypeMap, kind: &ColumnType) -> String {
    let declares = target.declares.expect("only systems that declare types are asked");
    declares(kind).map_or_else(|| "refused".to_owned(), |words| format!("`{words}`"))
}

/// The keys of `types`.
fn treatments() -> String {
    let mut text = "\n## Values that cannot be carried\n\nEach is an error unless `types` of the connection, or of one of its \
                    columns, lets it become NULL. A run counts them,\nand says so. A column of numbers may be carried as another \
                    type, too.\n\n```toml\n[connections.shop]\ntype = \"postgres\"\ntypes = { nan = \"null\", \
                    columns.\"readings.taken_at\" = { infinity = \"null\" }, columns.\"readings.value\" = { as = \"text\" } }\n```\n\n\
                    | key | values |\n|---|---|\n"
        .to_owned();
    for oddity in Unrepresentable::ALL {
        writeln!(text, "| `{oddity}` | {} |", oddity.meaning()).expect("text can be written to");
    }
    text
}

//! Functions are short, and traits are narrow.

use super::each;

/// Lines of a function, from its name to its last brace.
const MOST_LINES: usize = 70;
/// Methods of a public trait.
const MOST_METHODS: usize = 10;
/// Methods of a trait of the hub, which each connector has to have.
const MOST_METHODS_OF_THE_HUB: usize = 8;

#[test]
fn functions_are_short() {
    each(|_, text| {
        let long = blocks(text, is_function).filter(|block| block.lines.len() > MOST_LINES);
        let long: Vec<String> = long.map(|block| format!("`{}` has {} lines", block.name, block.lines.len())).collect();
        (!long.is_empty()).then(|| format!("{}; at most {MOST_LINES}", long.join(", ")))
    });
}

#[test]
fn public_traits_have_few_methods() {
    each(|path, text| {
        let hub = path.to_str()?.contains("connect/src/hub/");
        let most = if hub { MOST_METHODS_OF_THE_HUB } else { MOST_METHODS };
        let wide = blocks(text, is_public_trait).map(|block| (block.name, methods(&block)));
        let (name, count) = wide.into_iter().find(|(_, count)| *count > most)?;
        Some(format!("`{name}` has {count} methods; at most {most}"))
    });
}

/// An item with a body, from the line of its name to that of its last brace.
struct Block<'a> {
    name: &'a str,
    indent: usize,
    lines: Vec<&'a str>,
}

/// The items of a text, as rustfmt writes it, whose first line is of a kind: its last brace stands below its first word.
fn blocks<'a>(text: &'a str, kind: fn(&'a str) -> Option<&'a str>) -> impl Iterator<Item = Block<'a>> {
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<(usize, &str)> = lines.iter().enumerate().filter_map(|(i, line)| Some((i, kind(line)?))).collect();
    starts.into_iter().filter_map(move |(start, name)| {
        let indent = lines[start].len() - lines[start].trim_start().len();
        let opened = lines[start..].iter().position(|line| line.ends_with(['{', '}', ';']))? + start;
        if !lines[opened].ends_with('{') {
            return None;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines[opened..].iter().position(|line| **line == closing)? + opened;
        Some(Block { name, indent, lines: lines[start..=end].to_vec() })
    })
}

/// The word behind one that begins an item, where only what may stand before it does.
fn named<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let (before, after) = line.trim_start().split_once(word)?;
    let allowed = |part: &str| matches!(part, "pub" | "const" | "async" | "unsafe") || part.starts_with("pub(");
    let before = before.replace("in ", "in-");
    before.split_whitespace().all(allowed).then(|| after.split(['(', '<', ':', ' ']).next().unwrap_or_default())
}

fn is_function(line: &str) -> Option<&str> {
    named(line, "fn ")
}

fn is_public_trait(line: &str) -> Option<&str> {
    named(line, "trait ").filter(|_| line.trim_start().starts_with("pub"))
}

fn methods(block: &Block<'_>) -> usize {
    let indent = " ".repeat(block.indent + 4);
    let own = block.lines.iter().filter_map(|line| line.strip_prefix(&indent));
    own.filter(|line| !line.starts_with(' ') && is_function(line).is_some()).count()
}

#[test]
fn long_functions_are_found() {
    let of = |lines: usize| {
        let body = "        if true {\n        }\n".repeat(lines / 2 - 1);
        format!(
            "impl A {{\n    pub(in crate::a) async fn long<T>(t: T) -> T {{\n{body}    }}\n\n    fn short() {{}}\n}}\n"
        )
    };
    let long = |text: &str| -> Vec<(String, usize)> {
        blocks(text, is_function).map(|block| (block.name.to_owned(), block.lines.len())).collect()
    };
    assert_eq!(long(&of(70)), [("long".to_owned(), 70)]);
    assert_eq!(long(&of(72)), [("long".to_owned(), 72)]);
    assert_eq!(long("fn many(\n    a: A,\n) -> B\nwhere\n    A: C,\n{\n    a\n}\n"), [("many".to_owned(), 8)]);
    assert_eq!(long("trait A {\n    fn a(&self);\n}\n// a fn that is none {\n"), []);
}

#[test]
fn wide_traits_are_found() {
    let wide = "pub trait Wide: Send {\n    fn a(&self);\n    async fn b(&self) {\n        fn inner() {}\n    }\n    fn c();\n}\n";
    let found: Vec<(&str, usize)> = blocks(wide, is_public_trait).map(|block| (block.name, methods(&block))).collect();
    assert_eq!(found, [("Wide", 3)]);
    assert_eq!(blocks("trait Narrow {\n    fn a();\n}\n", is_public_trait).count(), 0);
}

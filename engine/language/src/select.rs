//! dbt's selection syntax: `+name`, `2+name+1`, `@name`, `tag:x`, `path:models/x`, `source:shop.orders+`, globs.

use crate::{
    code,
    diagnostic::Diagnostic,
    graph::{Graph, Node},
    id::{NodeId, NodeKind},
    name::nearest,
    project::Project,
};
use globset::{GlobBuilder, GlobMatcher};
use std::{borrow::Cow, collections::BTreeSet};

/// The nodes that a selection names: the union of `include`, or everything if that is empty, without `exclude`.
///
/// Within one argument, spaces mean union and commas intersection. The diagnostic has no place: the caller knows
/// whether it was typed or stands in a file.
pub fn select<S: AsRef<str>>(project: &Project, include: &[S], exclude: &[S]) -> Result<BTreeSet<NodeId>, Diagnostic> {
    let mut nodes =
        if include.is_empty() { project.graph.nodes.keys().cloned().collect() } else { union(project, include)? };
    let excluded = union(project, exclude)?;
    nodes.retain(|id| !excluded.contains(id));
    if nodes.is_empty() {
        let typed: Vec<&str> = include.iter().map(AsRef::as_ref).collect();
        let message = if typed.is_empty() {
            "the project has nothing to select".to_owned()
        } else {
            format!("`{}` selects nothing", typed.join(" "))
        };
        return Err(Diagnostic::error(&code::E0430, None, message).hint("`engine ls` shows what there is"));
    }
    Ok(nodes)
}

fn union<S: AsRef<str>>(project: &Project, arguments: &[S]) -> Result<BTreeSet<NodeId>, Diagnostic> {
    let mut nodes = BTreeSet::new();
    for argument in arguments.iter().map(AsRef::as_ref) {
        // A name may hold spaces and commas.
        if let Some(term) = parse(project, argument).ok().filter(|term| is_exact(project, term)) {
            nodes.extend(reached(&project.graph, &term, exact(project, &term)));
            continue;
        }
        for part in argument.split_whitespace() {
            nodes.extend(intersection(project, part)?);
        }
    }
    Ok(nodes)
}

fn intersection(project: &Project, part: &str) -> Result<BTreeSet<NodeId>, Diagnostic> {
    let mut terms = part.split(',');
    let mut nodes = term(project, terms.next().unwrap_or_default())?;
    for other in terms {
        let other = term(project, other)?;
        nodes.retain(|id| other.contains(id));
    }
    Ok(nodes)
}

/// A term taken apart: `2+name+1`.
struct Term<'a> {
    /// `@`: what reads it, and all that these read.
    whole: bool,
    /// How many steps towards what it reads.
    up: usize,
    /// How many steps towards what reads it.
    down: usize,
    method: Option<&'a str>,
    value: &'a str,
}

fn parse<'a>(project: &Project, text: &'a str) -> Result<Term<'a>, Diagnostic> {
    let there = |id: NodeId| project.graph.nodes.contains_key(&id);
    let named = |text: &str| NodeId::named(text).any(there);
    let of_kind = |text: &str| {
        let kind = text.split_once(':').and_then(|(kind, name)| Some((NodeKind::of_word(kind)?, name)));
        kind.is_some_and(|(kind, name)| NodeId::named_of(kind, name).any(there))
    };
    if named(text) {
        return Ok(Term { whole: false, up: 0, down: 0, method: None, value: text });
    }
    let wrong = |why: &str| {
        Diagnostic::error(&code::E0432, None, format!("`{text}` cannot be read as a selection: {why}"))
            .hint("it looks like `name`, `+name`, `name+`, `2+name+1`, `@name` or `tag:x`")
    };
    let (whole, rest) = text.strip_prefix('@').map_or((false, text), |rest| (true, rest));
    let steps = |digits: &str| match digits {
        "" => Ok(usize::MAX),
        _ => digits.parse().map_err(|_| wrong("that is no number of steps")),
    };
    let leading = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (up, rest) = match rest[leading..].strip_prefix('+') {
        Some(after) => (steps(&rest[..leading])?, after),
        None => (0, rest),
    };
    // A name may end like a number of steps.
    let ends = named(rest) || of_kind(rest);
    let trailing = rest.bytes().rev().take_while(u8::is_ascii_digit).count();
    let cut = rest.len() - trailing;
    let (down, rest) = match rest[..cut].strip_suffix('+').filter(|_| !ends) {
        Some(before) => (steps(&rest[cut..])?, before),
        None => (0, rest),
    };
    let (method, value) = match rest.split_once(':') {
        Some((method, value)) if !named(rest) => (Some(method), value),
        _ => (None, rest),
    };
    if value.is_empty() {
        return Err(wrong("it names nothing"));
    }
    if whole && (up > 0 || down > 0) {
        return Err(wrong("`@` stands alone, without `+`"));
    }
    Ok(Term { whole, up, down, method, value })
}

fn term(project: &Project, text: &str) -> Result<BTreeSet<NodeId>, Diagnostic> {
    let term = parse(project, text)?;
    let found = find(project, &term)?;
    if found.is_empty() {
        return Err(unknown(&project.graph, &term));
    }
    Ok(reached(&project.graph, &term, found))
}

/// Nodes, and those that a term reaches from them.
fn reached(graph: &Graph, term: &Term<'_>, mut nodes: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    if term.whole {
        nodes.extend(graph.all_descendants(&nodes, None));
        nodes.extend(graph.all_ancestors(&nodes, None));
    }
    let above = graph.all_ancestors(&nodes, Some(term.up));
    let below = graph.all_descendants(&nodes, Some(term.down));
    nodes.extend(above.into_iter().chain(below));
    nodes
}

const METHODS: &[&str] = &[
    "tag",
    "path",
    "file",
    "source",
    "generator",
    "model",
    "seed",
    "replication",
    "test",
    "config.materialized",
    "resource_type",
];

fn is_exact(project: &Project, term: &Term<'_>) -> bool {
    !exact(project, term).is_empty()
}

/// The nodes that a term names as they are called, without globs.
fn exact(project: &Project, term: &Term<'_>) -> BTreeSet<NodeId> {
    let nodes = &project.graph.nodes;
    let there = |id: &NodeId| nodes.contains_key(id);
    match term.method {
        None => {
            let named: BTreeSet<NodeId> = NodeId::named(term.value).filter(there).collect();
            let made: BTreeSet<NodeId> = named.iter().filter(|id| is_made(id)).cloned().collect();
            if made.is_empty() { named } else { made }
        }
        Some("tag") => keep(project, |node| node.tags.iter().any(|tag| tag == term.value)),
        Some("path") => keep(project, |node| node.path.as_deref().is_some_and(|path| lies_in(path, term.value))),
        Some("file") => keep(project, |node| file_of(node) == Some(term.value)),
        Some(method) => {
            let Some(kind) = NodeKind::of_word(method) else { return BTreeSet::new() };
            let one = NodeId::named_of(kind, term.value).find(there);
            one.into_iter().chain(keep(project, |node| in_group(&node.id, kind, term.value))).collect()
        }
    }
}

/// Whether a name alone means the node before it means generators and tables of sources.
fn is_made(id: &NodeId) -> bool {
    !matches!(id, NodeId::Generator(_) | NodeId::Source { .. })
}

/// Whether a node is a table of the source, or of the replication, of that name.
fn in_group(id: &NodeId, kind: NodeKind, group: &str) -> bool {
    matches!(id, NodeId::Source { .. } | NodeId::Copy { .. }) && id.kind() == kind && id.in_sql().0 == group
}

fn keep(project: &Project, keep: impl Fn(&Node) -> bool) -> BTreeSet<NodeId> {
    project.graph.nodes.values().filter(|node| keep(node)).map(|node| node.id.clone()).collect()
}

fn find(project: &Project, term: &Term<'_>) -> Result<BTreeSet<NodeId>, Diagnostic> {
    let exact = exact(project, term);
    if !exact.is_empty() && !is_glob(term.value) {
        return Ok(exact);
    }
    let matcher = glob(term.value)?;
    let found = match term.method {
        None => plain(project, term.value, &matcher),
        Some("tag") => keep(project, |node| node.tags.iter().any(|tag| matcher.is_match(tag))),
        Some("path") => {
            keep(project, |node| node.path.as_deref().is_some_and(|path| under(path, term.value, &matcher)))
        }
        Some("file") => keep(project, |node| file_of(node).is_some_and(|file| matcher.is_match(file))),
        Some("resource_type") => keep(project, |node| node.id.kind().word() == term.value),
        Some("config.materialized") => keep(project, |node| {
            project.model(&node.id).is_some_and(|model| model.config.materialized.word() == term.value)
        }),
        Some(method) => match NodeKind::of_word(method) {
            Some(kind) => keep(project, |node| node.id.kind() == kind && matcher.is_match(&*node.id.name())),
            None => return Err(unknown_method(method)),
        },
    };
    Ok(exact.into_iter().chain(found).collect())
}

/// A name alone: models, seeds, copied tables and tests; if there is none of that name, generators and tables of sources.
fn plain(project: &Project, value: &str, matcher: &GlobMatcher) -> BTreeSet<NodeId> {
    let is = |node: &Node| {
        let in_path = || value.contains('/') && node.path.as_deref().is_some_and(|path| under(path, value, matcher));
        matcher.is_match(&*node.id.name()) || in_path()
    };
    let found = keep(project, |node| is_made(&node.id) && is(node));
    if found.is_empty() { keep(project, is) } else { found }
}

/// The last part of a node's path.
fn file_of(node: &Node) -> Option<&str> {
    node.path.as_deref()?.rsplit('/').next()
}

fn is_glob(value: &str) -> bool {
    value.contains(['*', '?', '[', '{', '\\'])
}

/// Whether a path is the one given, lies below it, or matches it as a glob.
fn under(path: &str, given: &str, matcher: &GlobMatcher) -> bool {
    lies_in(path, given) || matcher.is_match(path)
}

/// Whether a path is the one given or lies below it.
fn lies_in(path: &str, given: &str) -> bool {
    let given = given.strip_prefix("project/").unwrap_or(given).trim_end_matches('/');
    let below = path.strip_prefix(given).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below || path.strip_suffix(".sql") == Some(given)
}

fn glob(value: &str) -> Result<GlobMatcher, Diagnostic> {
    let glob = GlobBuilder::new(value).literal_separator(false).build().map_err(|error| {
        Diagnostic::error(&code::E0432, None, format!("`{value}` is no glob: {}", error.kind()))
            .hint("`*` stands for any text, `?` for one character")
    })?;
    Ok(glob.compile_matcher())
}

fn unknown_method(method: &str) -> Diagnostic {
    if matches!(method, "state" | "result" | "source_status") {
        let message = format!("`{method}:` compares with the artifacts of an earlier run, and is not supported yet");
        return Diagnostic::error(&code::E0433, None, message).hint("name the nodes, or use `tag:` or `path:`");
    }
    let diagnostic = Diagnostic::error(&code::E0432, None, format!("there is no method `{method}:`"));
    match nearest(method, METHODS.iter().copied()) {
        Some(near) => diagnostic.hint(format!("a similar one is `{near}:`")),
        None => diagnostic.hint(format!("there are {}", METHODS.join(", "))),
    }
}

fn unknown(graph: &Graph, term: &Term<'_>) -> Diagnostic {
    let nodes = || graph.nodes.values();
    let candidates: BTreeSet<Cow<'_, str>> = match term.method {
        Some("tag") => nodes().flat_map(|node| &node.tags).map(Cow::from).collect(),
        Some("path") => nodes().filter_map(|node| node.path.as_deref()).flat_map(folders).map(Cow::from).collect(),
        Some("file") => nodes().filter_map(file_of).map(Cow::from).collect(),
        Some("resource_type") => nodes().map(|node| node.id.kind().word().into()).collect(),
        Some("config.materialized") => BTreeSet::new(),
        Some(kind) => nodes().filter(|node| node.id.kind().word() == kind).map(|node| node.id.name()).collect(),
        None => nodes().map(|node| node.id.name()).collect(),
    };
    let what = term.method.unwrap_or("node");
    let diagnostic = Diagnostic::error(&code::E0431, None, format!("no {what} is called `{}`", term.value));
    match nearest(term.value, candidates) {
        Some(near) => diagnostic.hint(format!("a similar name is `{near}`")),
        None => diagnostic.hint("`engine ls` shows what there is"),
    }
}

/// A path, and every folder that it lies in.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(i, _)| &path[..i]).chain([path])
}

//! dbt's selection syntax: `+name`, `2+name+1`, `@name`, `tag:x`, `path:models/x`, `source:shop.orders+`, globs.

use crate::{
    code,
    diagnostic::Diagnostic,
    graph::{Graph, Node, NodeId, NodeKind},
    name::nearest,
    project::Project,
};
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeSet;

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
        if project.graph.nodes.keys().any(|id| id.name.as_str() == argument) {
            nodes.extend(term(project, argument)?);
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

fn parse(text: &str) -> Result<Term<'_>, Diagnostic> {
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
    let trailing = rest.bytes().rev().take_while(u8::is_ascii_digit).count();
    let cut = rest.len() - trailing;
    let (down, rest) = match rest[..cut].strip_suffix('+') {
        Some(before) => (steps(&rest[cut..])?, before),
        None => (0, rest),
    };
    let (method, value) = match rest.split_once(':') {
        Some((method, value)) => (Some(method), value),
        None => (None, rest),
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
    let exact = project.graph.nodes.keys().any(|id| id.name.as_str() == text);
    let term = if exact { Term { whole: false, up: 0, down: 0, method: None, value: text } } else { parse(text)? };
    let found = find(project, &term)?;
    if found.is_empty() {
        return Err(unknown(&project.graph, &term));
    }
    let graph = &project.graph;
    let mut nodes: BTreeSet<NodeId> = found.iter().cloned().collect();
    if term.whole {
        nodes.extend(found.iter().flat_map(|id| graph.descendants(id, None)));
        let above: Vec<NodeId> = nodes.iter().flat_map(|id| graph.ancestors(id, None)).collect();
        nodes.extend(above);
    }
    nodes.extend(found.iter().flat_map(|id| graph.ancestors(id, Some(term.up))));
    nodes.extend(found.iter().flat_map(|id| graph.descendants(id, Some(term.down))));
    Ok(nodes)
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

fn find(project: &Project, term: &Term<'_>) -> Result<Vec<NodeId>, Diagnostic> {
    let matcher = glob(term.value)?;
    let by_name = |kind: NodeKind| {
        let prefix = format!("{}.", term.value);
        let matcher = &matcher;
        move |id: &NodeId| {
            let name = id.name.as_str();
            let group = matches!(kind, NodeKind::Source | NodeKind::Replication) && name.starts_with(&prefix);
            id.kind == kind && (group || name == term.value || matcher.is_match(name))
        }
    };
    let all = |keep: &dyn Fn(&Node) -> bool| {
        project.graph.nodes.values().filter(|node| keep(node)).map(|node| node.id.clone()).collect()
    };
    Ok(match term.method {
        None => plain(&project.graph, term.value, &matcher),
        Some("tag") => all(&|node| node.tags.iter().any(|tag| tag == term.value || matcher.is_match(tag))),
        Some("path") => all(&|node| node.path.as_deref().is_some_and(|path| under(path, term.value, &matcher))),
        Some("file") => all(&|node| {
            node.path.as_deref().and_then(|path| path.rsplit('/').next()).is_some_and(|file| matcher.is_match(file))
        }),
        Some("source") => all(&|node| by_name(NodeKind::Source)(&node.id)),
        Some("generator") => all(&|node| by_name(NodeKind::Generator)(&node.id)),
        Some("model") => all(&|node| by_name(NodeKind::Model)(&node.id)),
        Some("seed") => all(&|node| by_name(NodeKind::Seed)(&node.id)),
        Some("replication") => all(&|node| by_name(NodeKind::Replication)(&node.id)),
        Some("test") => all(&|node| by_name(NodeKind::Test)(&node.id)),
        Some("resource_type") => all(&|node| node.id.kind.word() == term.value),
        Some("config.materialized") => all(&|node| {
            let model = project.models.get(&node.id.name).filter(|_| node.id.kind == NodeKind::Model);
            model.is_some_and(|model| model.config.materialized.word() == term.value)
        }),
        Some(method) => return Err(unknown_method(method)),
    })
}

/// A name alone: models, seeds, copied tables and tests; if there is none of that name, generators and tables of sources.
fn plain(graph: &Graph, value: &str, matcher: &GlobMatcher) -> Vec<NodeId> {
    let is = |id: &NodeId| {
        let in_path = || {
            let path = graph.nodes.get(id).and_then(|node| node.path.as_deref());
            value.contains('/') && path.is_some_and(|path| under(path, value, matcher))
        };
        id.name.as_str() == value || matcher.is_match(id.name.as_str()) || in_path()
    };
    let made = |id: &&NodeId| !matches!(id.kind, NodeKind::Generator | NodeKind::Source);
    let found: Vec<NodeId> = graph.nodes.keys().filter(made).filter(|id| is(id)).cloned().collect();
    if found.is_empty() { graph.nodes.keys().filter(|id| is(id)).cloned().collect() } else { found }
}

/// Whether a path is the one given, lies below it, or matches it as a glob.
fn under(path: &str, given: &str, matcher: &GlobMatcher) -> bool {
    let given = given.strip_prefix("project/").unwrap_or(given).trim_end_matches('/');
    let below = path.strip_prefix(given).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below || path.strip_suffix(".sql") == Some(given) || matcher.is_match(path)
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
    let candidates: BTreeSet<&str> = match term.method {
        Some("tag") => graph.nodes.values().flat_map(|node| &node.tags).map(String::as_str).collect(),
        Some("path") => graph.nodes.values().filter_map(|node| node.path.as_deref()).flat_map(folders).collect(),
        Some("file") => graph.nodes.values().filter_map(|node| node.path.as_deref()?.rsplit('/').next()).collect(),
        Some("resource_type") => graph.nodes.keys().map(|id| id.kind.word()).collect(),
        Some("config.materialized") => BTreeSet::new(),
        Some(kind) => graph.nodes.keys().filter(|id| id.kind.word() == kind).map(|id| id.name.as_str()).collect(),
        None => graph.nodes.keys().map(|id| id.name.as_str()).collect(),
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

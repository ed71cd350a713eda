//! The graph as a picture: dagre places, we draw.

use crate::graph::Subgraph;
use dagre::{
    EdgeLabel, LayoutOptions, NodeLabel, Point, RankDir,
    graph::{Graph, GraphOptions},
};
use engine_language::graph::{NodeId, NodeKind};
use std::fmt::Write as _;

const HEIGHT: f64 = 34.0;
const MARGIN: f64 = 16.0;
/// Columns of a character in the label's font, generously.
const CHARACTER: f64 = 7.6;

const STYLE: &str = "text{font:13px ui-sans-serif,system-ui,sans-serif;fill:#1f2328}rect{stroke-width:1.2}\
path{fill:none;stroke:#8c959f;stroke-width:1.2}marker path{fill:#8c959f;stroke:none}\
.generator{fill:#fff8c5;stroke:#bf8700}.source{fill:#ddf4ff;stroke:#0969da}.seed{fill:#fbefff;stroke:#8250df}\
.replication{fill:#dafbe1;stroke:#1a7f37}.model{fill:#fff;stroke:#57606a}.test{fill:#ffebe9;stroke:#cf222e}\
@media(prefers-color-scheme:dark){svg{background:#0d1117}rect{fill-opacity:.9}}";

/// What a box is besides its name and kind.
pub struct Boxed {
    /// A class that says how it stands.
    pub class: String,
    /// Where it leads.
    pub href: String,
}

/// The whole picture, to be looked at by itself.
pub fn svg(drawn: &Subgraph<'_>) -> String {
    picture(drawn, &format!("<style>{STYLE}</style>\n"), &|_| None)
}

/// The same for a page, which brings its own style: boxes lead to other pages.
pub fn linked(drawn: &Subgraph<'_>, boxed: &dyn Fn(&NodeId) -> Option<Boxed>) -> String {
    picture(drawn, "", boxed)
}

fn picture(drawn: &Subgraph<'_>, style: &str, boxed: &dyn Fn(&NodeId) -> Option<Boxed>) -> String {
    let nodes = drawn.nodes();
    let graph = placed(drawn, &nodes);
    let boxes: Vec<(&NodeId, Rect)> =
        nodes.iter().filter_map(|id| Some((id, Rect::of(graph.node(&id.to_string())?)?))).collect();
    let width = boxes.iter().map(|(_, rect)| rect.x + rect.width).fold(0.0, f64::max) + MARGIN;
    let height = boxes.iter().map(|(_, rect)| rect.y + HEIGHT).fold(0.0, f64::max) + MARGIN;
    // A picture with links in it is no single image to those who hear it.
    let role = if style.is_empty() { "group" } else { "img" };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"{role}\" aria-label=\"graph of {} nodes\">\n{style}\
         <defs><marker id=\"to\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
        boxes.len()
    );
    for id in &nodes {
        for parent in drawn.reads(id) {
            let edge = graph.edge(&parent.to_string(), &id.to_string(), None);
            text.push_str(&line(edge.map_or(&[], |edge| &edge.points)));
        }
    }
    for (id, rect) in &boxes {
        text.push_str(&rect.drawn(id, boxed(id).as_ref()));
    }
    text.push_str("</svg>\n");
    text
}

fn placed(drawn: &Subgraph<'_>, nodes: &[NodeId]) -> Graph<NodeLabel, EdgeLabel> {
    let mut graph = Graph::with_options(GraphOptions { directed: true, multigraph: false, compound: false });
    for id in nodes {
        let label = NodeLabel { width: width(id), height: HEIGHT, ..NodeLabel::default() };
        graph.set_node(id.to_string(), Some(label));
    }
    for id in nodes {
        for parent in drawn.reads(id) {
            graph.set_edge(parent.to_string(), id.to_string(), Some(EdgeLabel::default()), None);
        }
    }
    let options = LayoutOptions {
        rankdir: RankDir::LR,
        nodesep: 18.0,
        ranksep: 56.0,
        marginx: MARGIN,
        marginy: MARGIN,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut graph, Some(options));
    graph
}

fn width(id: &NodeId) -> f64 {
    let characters = u32::try_from(id.name().chars().count()).unwrap_or(u32::MAX);
    f64::from(characters) * CHARACTER + 24.0
}

struct Rect {
    x: f64,
    y: f64,
    width: f64,
}

impl Rect {
    fn of(label: &NodeLabel) -> Option<Self> {
        Some(Self { x: label.x? - label.width / 2.0, y: label.y? - HEIGHT / 2.0, width: label.width })
    }

    fn drawn(&self, id: &NodeId, boxed: Option<&Boxed>) -> String {
        let Self { x, y, width } = self;
        let (name, kind) = (escaped(&id.name()), kind(id.kind()));
        let class = boxed.map_or(String::new(), |boxed| format!(" {}", escaped(&boxed.class)));
        let (open, close) = match boxed {
            Some(Boxed { href, class }) => {
                let said = format!("{kind} {name}, {}", escaped(class));
                (format!("<a href=\"{}\" id=\"n-{kind}-{name}\" aria-label=\"{said}\">", escaped(href)), "</a>")
            }
            None => ("<g>".to_owned(), "</g>"),
        };
        format!(
            "{open}<title>{kind} {name}</title><rect class=\"{kind}{class}\" x=\"{x:.1}\" y=\"{y:.1}\" \
             width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"5\"/><text x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{name}</text>{close}\n",
            x + width / 2.0,
            y + HEIGHT / 2.0 + 4.5,
        )
    }
}

fn kind(kind: NodeKind) -> &'static str {
    kind.word()
}

fn line(points: &[Point]) -> String {
    let mut path = String::new();
    for (i, point) in points.iter().enumerate() {
        let letter = if i == 0 { 'M' } else { 'L' };
        write!(path, "{letter}{:.1} {:.1}", point.x, point.y).expect("a string takes all");
    }
    if path.is_empty() { path } else { format!("<path d=\"{path}\" marker-end=\"url(#to)\"/>\n") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

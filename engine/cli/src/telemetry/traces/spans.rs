//! A run as spans: the run itself, its nodes below it, and below each node the operators of its query.

use engine_run::{
    clock::{Clock as _, SystemClock},
    report::{NodeReport, Report, Status},
    service::{Reading, Work},
    sql::operators::Operator,
};
use serde_json::{Value, json};
use std::env;

/// Spans of one run.
struct Trace<'a> {
    id: String,
    reading: &'a Reading,
    spans: Vec<Value>,
}

/// From when to when, in microseconds since 1970 UTC.
#[derive(Clone, Copy)]
struct Between(i64, i64);

/// The body of a request to `/v1/traces`.
pub fn of(work: &Work, reading: &Reading, report: &Report) -> Value {
    let mut trace = Trace { id: trace_id(&report.run), reading, spans: vec![] };
    trace.run(work, report);
    for node in &report.nodes {
        trace.node(&report.run, node);
    }
    let service = env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "engine".to_owned());
    let version = env!("CARGO_PKG_VERSION");
    let resource = json!([text("service.name", &service), text("service.version", version)]);
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "engine", "version": version }, "spans": trace.spans }],
    }] })
}

impl Trace<'_> {
    fn run(&mut self, work: &Work, report: &Report) {
        let ended = SystemClock.now_us();
        let began = ended.saturating_sub(i64::try_from(report.took.as_micros()).unwrap_or(i64::MAX));
        let began = report.nodes.iter().map(|node| node.started_us).fold(began, i64::min);
        let name = work.schedule.as_deref().unwrap_or("run");
        let cause = work.job.as_ref().map_or("continuous", |job| job.cause.word());
        let attributes = [
            text("engine.run", &report.run),
            text("engine.target", self.reading.project.target.as_str()),
            text("engine.cause", cause),
        ];
        let failed = report.nodes.iter().any(|node| node.status == Status::Failed);
        let id = span_id(&report.run, "");
        self.add(json!({ "name": name, "spanId": id, "attributes": attributes }), Between(began, ended));
        self.end(failed.then_some("some node failed"));
    }

    fn node(&mut self, run: &str, node: &NodeReport) {
        let name = node.node.to_string();
        let took = i64::try_from(node.took.as_micros()).unwrap_or(i64::MAX);
        let between = Between(node.started_us, node.started_us.saturating_add(took));
        let status = match node.status {
            Status::Succeeded => "succeeded",
            Status::Reused => "reused",
            Status::Failed => "failed",
            Status::Skipped => "skipped",
        };
        let mut attributes = vec![text("engine.node", &name), text("engine.status", status)];
        attributes.extend(node.rows.map(|rows| number("engine.rows", rows)));
        attributes.extend((node.rejected > 0).then(|| number("engine.rejected_rows", node.rejected)));
        let (id, parent) = (span_id(run, &name), span_id(run, ""));
        self.add(json!({ "name": name, "spanId": id, "parentSpanId": parent, "attributes": attributes }), between);
        let why = node.failure.as_ref().map(|failure| self.reading.mask.text(&failure.diagnostic.message));
        self.end(why.as_deref());
        for (at, operator) in node.operators.iter().enumerate() {
            self.operator(&id, at, operator, between);
        }
    }

    fn operator(&mut self, node: &str, at: usize, operator: &Operator, within: Between) {
        let parent = operator.into.map_or_else(|| node.to_owned(), |into| span_id(node, &into.to_string()));
        let mut attributes =
            vec![number("engine.busy_us", u64::try_from(operator.busy.as_micros()).unwrap_or(u64::MAX))];
        attributes.extend(operator.rows.map(|rows| number("engine.rows", rows)));
        attributes.extend((operator.spilled_bytes > 0).then(|| number("engine.spilled_bytes", operator.spilled_bytes)));
        let id = span_id(node, &at.to_string());
        let span = json!({ "name": operator.name, "spanId": id, "parentSpanId": parent, "attributes": attributes });
        // One that does not count its time is there as long as its query.
        let began = operator.started_us.unwrap_or(within.0);
        self.add(span, Between(began, operator.ended_us.unwrap_or(within.1).max(began)));
        self.end(None);
    }

    fn add(&mut self, mut span: Value, between: Between) {
        span["traceId"] = json!(self.id);
        // One that is internal to its service.
        span["kind"] = json!(1);
        span["startTimeUnixNano"] = json!(nanoseconds(between.0));
        span["endTimeUnixNano"] = json!(nanoseconds(between.1));
        self.spans.push(span);
    }

    /// Says how the last one ended.
    fn end(&mut self, failed: Option<&str>) {
        if let Some(span) = self.spans.last_mut() {
            span["status"] = failed.map_or(json!({ "code": 1 }), |why| json!({ "code": 2, "message": why }));
        }
    }
}

/// A ULID has as many bits as a trace's id.
fn trace_id(run: &str) -> String {
    let bits = ulid::Ulid::from_string(run).map_or_else(|_| 0, |id| id.0);
    format!("{bits:032x}")
}

fn span_id(of: &str, part: &str) -> String {
    blake3::hash(format!("{of} {part}").as_bytes()).to_hex()[..16].to_owned()
}

/// As text, because JSON's numbers are too small for it.
fn nanoseconds(at_us: i64) -> String {
    at_us.max(0).saturating_mul(1000).to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

//! Numbers for Prometheus. Labels are names of the project's: never an id of a run.

use engine_run::{
    check::declared,
    event::Event,
    history::checks,
    report::{Report, RunOutcome, Status},
    service::{Reading, Service, Watcher, Work},
};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{fs, time::Duration};

const SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0];

/// Begins to count; what the process counted before is lost.
pub fn install() -> PrometheusHandle {
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS);
    let recorder = builder.expect("there are buckets").build_recorder();
    let handle = recorder.handle();
    let _ = metrics::set_global_recorder(recorder);
    describe();
    gauge!("engine_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    handle
}

fn describe() {
    describe_counter!("engine_runs_total", "Runs that ended, by schedule and outcome");
    describe_histogram!("engine_run_duration_seconds", "How long runs took");
    describe_gauge!("engine_runs_working", "Runs at work");
    describe_histogram!("engine_run_start_delay_seconds", "From when a run was due to when it began");
    describe_counter!("engine_nodes_total", "Nodes that ended, by how");
    describe_counter!("engine_node_rows_total", "Rows that were written");
    describe_counter!("engine_node_rejected_rows_total", "Rows that went to the dead letters");
    describe_gauge!("engine_node_last_success_timestamp_seconds", "When a node was last made");
    describe_gauge!("engine_stream_behind_messages", "How far a stream is behind the end of its topic");
    describe_gauge!("engine_schedule_paused", "Whether somebody paused a schedule");
    describe_gauge!("engine_schedule_next_timestamp_seconds", "When a schedule is due next");
    describe_gauge!("engine_checks_failing", "Checks that break, as of their last run");
    describe_gauge!("engine_project_broken", "Whether the project on disk has errors");
    describe_counter!("engine_http_requests_total", "Requests, by route and status");
    describe_histogram!("engine_http_request_duration_seconds", "How long answers took");
    describe_counter!("engine_logins_total", "Tries to sign in, by outcome");
}

/// Counts what happens in runs.
#[derive(Clone, Copy, Debug)]
pub struct RunMetrics;

impl Watcher for RunMetrics {
    fn hear(&self, work: &Work, at_us: i64, event: &Event) {
        match event {
            Event::RunStarted { .. } => {
                if let Some(job) = work.job.as_ref().filter(|job| job.failures == 0 && job.cuts == 0) {
                    let delay = seconds_since(at_us, job.ready_us.max(job.tick.at_us));
                    histogram!("engine_run_start_delay_seconds", "schedule" => schedule(work)).record(delay);
                }
            }
            Event::StepFinished(report) => {
                let node = report.node.to_string();
                let status = match report.status {
                    Status::Succeeded => "succeeded",
                    Status::Reused => "reused",
                    Status::Failed => "failed",
                    Status::Skipped => "skipped",
                };
                counter!("engine_nodes_total", "node" => node.clone(), "status" => status).increment(1);
                if report.status == Status::Succeeded {
                    counter!("engine_node_rows_total", "node" => node.clone()).increment(report.rows.unwrap_or(0));
                    gauge!("engine_node_last_success_timestamp_seconds", "node" => node.clone()).set(seconds(at_us));
                }
                if report.rejected > 0 {
                    counter!("engine_node_rejected_rows_total", "node" => node).increment(report.rejected);
                }
            }
            _ => {}
        }
    }

    fn ended(&self, work: &Work, _: &Reading, report: &Report) {
        let outcome = match report.outcome {
            RunOutcome::Succeeded => "succeeded",
            RunOutcome::Failed => "failed",
            RunOutcome::Cancelled => "cancelled",
        };
        counter!("engine_runs_total", "schedule" => schedule(work), "outcome" => outcome).increment(1);
        histogram!("engine_run_duration_seconds", "schedule" => schedule(work)).record(report.took.as_secs_f64());
    }
}

fn schedule(work: &Work) -> String {
    work.schedule.clone().unwrap_or_default()
}

/// A request was answered.
pub fn answered(path: &str, status: u16, took: Duration) {
    counter!("engine_http_requests_total", "path" => path.to_owned(), "status" => status.to_string()).increment(1);
    histogram!("engine_http_request_duration_seconds", "path" => path.to_owned()).record(took.as_secs_f64());
}

/// Somebody tried to sign in.
pub fn signed_in(outcome: &'static str) {
    counter!("engine_logins_total", "outcome" => outcome).increment(1);
}

/// All numbers, those that are looked up included.
pub fn render(service: &Service, handle: &PrometheusHandle) -> String {
    let reading = service.reading();
    let target = reading.project.target.as_str();
    #[expect(clippy::cast_precision_loss, reason = "numbers of runs and messages for a graph")]
    let number = |number: u64| number as f64;
    gauge!("engine_runs_working").set(number(service.live().len() as u64));
    gauge!("engine_project_broken").set(f64::from(u8::from(service.broken().is_some())));
    let records = service.history().schedules(target).unwrap_or_default();
    for name in reading.project.schedules.keys() {
        let paused = records.get(name.as_str()).is_some_and(|record| record.paused.is_some());
        gauge!("engine_schedule_paused", "schedule" => name.to_string()).set(f64::from(u8::from(paused)));
        if let Some(tick) = service.next(name.as_str(), 1).first() {
            gauge!("engine_schedule_next_timestamp_seconds", "schedule" => name.to_string()).set(seconds(tick.at_us));
        }
    }
    for (node, behind) in service.behind() {
        gauge!("engine_stream_behind_messages", "node" => node).set(number(behind));
    }
    let failing = service.history().checks(target, None).unwrap_or_default();
    let failing = checks::current(failing, &declared(&reading.project, &reading.mask));
    let failing = failing.iter().filter(|check| check.failing > 0).count() as u64;
    gauge!("engine_checks_failing").set(number(failing));
    process();
    handle.run_upkeep();
    handle.render()
}

/// What Prometheus' own libraries say of a process, where the system tells it.
fn process() {
    let Some(stat) = fs::read_to_string("/proc/self/statm").ok() else { return };
    let pages: Option<f64> = stat.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    if let Some(pages) = pages {
        gauge!("process_resident_memory_bytes").set(pages * 4096.0);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(f64::from(u32::try_from(files.count()).unwrap_or(u32::MAX)));
    }
}

fn seconds(at_us: i64) -> f64 {
    Duration::from_micros(at_us.max(0).unsigned_abs()).as_secs_f64()
}

fn seconds_since(now_us: i64, then_us: i64) -> f64 {
    seconds(now_us.saturating_sub(then_us))
}

//! What the service tells other systems: alerts to webhooks, traces to an OpenTelemetry collector, metrics to Prometheus.

pub mod alerts;
pub mod metrics;
pub mod traces;

//! Sends word of failed and late runs to webhooks. Each is tried until it arrives, or for about a day.

use crate::terminal::format::utc;
use engine_run::{history::alerts::Alert, schedule::backoff, service::Service};
use serde_json::json;
use std::{future::pending, time::Duration};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

/// Failures are looked for at least so often.
const OFTEN: Duration = Duration::from_secs(5);
const FIRST_WAIT: Duration = Duration::from_secs(5);
const MOST_TRIES: u32 = 30;
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends, without end.
pub async fn send(service: Service) {
    let mut pulse = service.pulse();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .user_agent(concat!("engine/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    loop {
        let target = service.reading().project.target.as_str().to_owned();
        for alert in service.history().alerts(&target, service.now_us()).unwrap_or_default() {
            let (service, agent, target) = (service.clone(), agent.clone(), target.clone());
            let _ = spawn_blocking(move || one(&service, &agent, &target, &alert)).await;
        }
        let changed = async {
            if pulse.changed().await.is_err() {
                pending::<()>().await;
            }
        };
        let _ = timeout(OFTEN, changed).await;
        // Whatever beats the pulse does so often; once a moment is enough.
        sleep(Duration::from_millis(200)).await;
    }
}

fn one(service: &Service, agent: &ureq::Agent, target: &str, alert: &Alert) {
    let reading = service.reading();
    let schedule = reading.project.schedules.get(alert.schedule.as_str());
    let Some(webhook) = schedule.and_then(|schedule| schedule.webhook.as_ref()) else {
        let _ = service.history().alert_done(alert.id, "given up");
        return;
    };
    let text = format!("engine: schedule `{}` {}: {}", alert.schedule, alert.kind, alert.said);
    let body = json!({
        "text": text,
        "schedule": alert.schedule,
        "kind": alert.kind,
        "message": alert.said,
        "target": target,
        "run": alert.run,
        "at": utc(alert.at_us),
    });
    let sent = agent.post(webhook.expose()).header("content-type", "application/json").send(body.to_string());
    let written = match sent {
        Ok(_) => service.history().alert_done(alert.id, "sent"),
        // The error's own words may hold the address, and that may hold a secret.
        Err(_) if alert.tries + 1 >= MOST_TRIES => {
            tracing::error!(schedule = alert.schedule, "the webhook cannot be reached; an alert is given up");
            service.history().alert_done(alert.id, "given up")
        }
        Err(_) => {
            let wait = backoff::wait(FIRST_WAIT, alert.tries + 1, alert.id).as_micros();
            tracing::warn!(schedule = alert.schedule, "the webhook cannot be reached; trying again");
            let wait = i64::try_from(wait).unwrap_or(i64::MAX);
            service.history().alert_again(alert.id, service.now_us().saturating_add(wait))
        }
    };
    if let Err(error) = written {
        tracing::warn!(%error, "the state of an alert is not written down");
    }
}

//! `engine serve`: schedules, streams and the web page, until told to stop.

mod reload;
mod service_log;

use crate::{
    args::{LogOutput, Serve},
    artifacts::watcher::ArtifactsWriter,
    commands::user,
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    interrupt, run_session,
    telemetry::{alerts, metrics, traces::Traces},
    terminal::{Style, report::action},
    web::{self, auth::origin::Origin},
};
use engine_language::name::Name;
use engine_run::{
    clock::SystemClock,
    history::{
        History,
        lock::{self, RunLock, Taken},
        users::Role,
    },
    service::{self, Broken, Service, Watcher},
};
use service_log::ServiceLog;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// After the grace period, runs that were cancelled and pages that are being sent may take so long.
const LAST: Duration = Duration::from_secs(8);

/// Serves until told to stop.
pub fn serve(context: &Context, args: &Serve) -> Result {
    let made = context.made()?;
    let _serving = alone(&made)?;
    let history = Arc::new(History::open(&made)?);
    user::first(context, &history)?;
    refuse_first_password(&history, args)?;
    run_session::discover(context)?;
    let log = Arc::new(ServiceLog::new(context, args.log));
    let prometheus = metrics::install();
    let traces = Arc::new(Traces::of_environment());
    let watchers: Vec<Arc<dyn Watcher>> =
        vec![log.clone(), Arc::new(metrics::RunMetrics), Arc::new(ArtifactsWriter::new(&made)), traces.clone()];
    let options = service::Options {
        root: context.root.clone(),
        world: Arc::new(context.world.clone()),
        target: context.global.target.as_deref().map(Name::new),
        vars: context.global.vars.iter().cloned().collect(),
        discovered: Arc::new(context.discovered.get().cloned().unwrap_or_default()),
        watchers,
    };
    let service = Service::open(options, history, Arc::new(SystemClock)).map_err(|broken| refuse(context, &broken))?;
    let warnings = service.reading();
    context.draw(&warnings.project, &warnings.warnings, Duration::ZERO);
    interrupt::cancellable_within(context.terminal, args.grace + LAST, async |stop| {
        let listener =
            TcpListener::bind(args.listen).await.map_err(CliError::io(format!("listening on {}", args.listen)))?;
        let address = listener.local_addr().map_err(CliError::io("listening"))?;
        let web = web::open(
            &service,
            context,
            Origin::new(address, args.url.clone(), args.trusted_proxies.clone()),
            prometheus,
        )?;
        log.serving(&service, address, args.url.as_deref());
        let closing = CancellationToken::new();
        let page = tokio::spawn(web::serve(web, listener, closing.clone()));
        let files = tokio::spawn(reload::reload(context.clone(), log.clone(), service.clone(), args.poll));
        let alerts = tokio::spawn(alerts::send(service.clone()));
        service.serve(stop, args.grace).await;
        closing.cancel();
        files.abort();
        alerts.abort();
        let _ = tokio::time::timeout(LAST, page).await;
        traces.finish();
        log.stopped();
        Ok(ExitStatus::Done)
    })
}

/// The lock that keeps a second service out.
fn alone(made: &Path) -> Result<RunLock> {
    match lock::take_named(made, "serve.lock")? {
        Taken::Ours(lock) => Ok(lock),
        Taken::By(other) => {
            let other = other.map_or(String::new(), |id| format!(", by process {id}"));
            let hint = "stop that one first; one service serves one project".to_owned();
            Err(CliError::usage(format!("this project is served already{other}"), hint))
        }
    }
}

/// Whoever still has the password that was made up at the first start is only served on this machine.
fn refuse_first_password(history: &History, args: &Serve) -> Result<()> {
    let users = history.users()?;
    let first = users.iter().find(|user| user.role == Role::Admin && user.first_password);
    match first {
        Some(user) if !args.listen.ip().is_loopback() => {
            let message = format!("`{}` still has the first password, so only this machine is served", user.name);
            let hint = "sign in at http://127.0.0.1:8420 and change it, or `engine user passwd NAME --password-stdin`";
            Err(CliError::usage(message, hint.to_owned()))
        }
        _ => Ok(()),
    }
}

fn refuse(context: &Context, broken: &Broken) -> CliError {
    context.draw(&broken.project, &broken.problems, Duration::ZERO);
    let text = "engine serve begins when the project has no errors";
    context.terminal.say(&action(context.terminal, Style::Bad, "Refused", text));
    CliError::Problems
}

/// Whether lines are for people.
fn for_people(log: LogOutput) -> bool {
    log == LogOutput::Text
}

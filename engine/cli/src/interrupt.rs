//! Ctrl-C: the first cancels, and after two seconds or a second one the program ends anyway.

use crate::{
    exit_status::{CliError, Result},
    terminal::Terminal,
};
use std::{future::Future, io, process, thread, time::Duration};
use tokio::{runtime, signal, time};
use tokio_util::sync::CancellationToken;

/// The stack of whoever plans and evaluates queries: an expression of thousands of operators calls itself as often.
const STACK: usize = 64 << 20;
/// Publishing is one step in the target, so ending at any instant leaves the old table or the new one.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Queries that were given up have so long to remove what they spilled.
const LAST: Duration = Duration::from_millis(500);
/// Threads beyond one a core: a query may keep each core busy without looking up, and who cancels must get a turn.
const SPARE_THREADS: usize = 3;

/// Runs something that Ctrl-C can cancel.
pub fn cancellable<T, F>(terminal: Terminal, work: impl FnOnce(CancellationToken) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    cancellable_within(terminal, PATIENCE, work)
}

/// The same for what may take so long to end.
#[expect(clippy::exit, reason = "whoever presses Ctrl-C twice, or waited for two seconds, means it")]
pub fn cancellable_within<T, F>(
    terminal: Terminal,
    patience: Duration,
    work: impl FnOnce(CancellationToken) -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(cores + SPARE_THREADS)
        .enable_all()
        .thread_stack_size(STACK)
        .build()
        .map_err(CliError::io("starting threads"))?;
    let cancel = CancellationToken::new();
    let (token, done) = (cancel.clone(), CancellationToken::new());
    let _done = done.clone().drop_guard();
    // A thread of its own, which no query can starve.
    thread::spawn(move || {
        if listen(terminal, patience, &token, &done) {
            process::exit(130);
        }
    });
    let result = stacker::grow(STACK, || runtime.block_on(work(cancel)));
    runtime.shutdown_timeout(LAST);
    result
}

/// Cancels when Ctrl-C is pressed; answers whether the whole process is to end, and not the work by itself.
fn listen(terminal: Terminal, patience: Duration, cancel: &CancellationToken, done: &CancellationToken) -> bool {
    let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() else { return false };
    let meant = async {
        interrupted().await?;
        cancel.cancel();
        terminal.note(&format!("\n{:>12} what is running; Ctrl-C again stops at once", "Stopping"));
        let _ = time::timeout(patience, interrupted()).await;
        io::Result::Ok(())
    };
    runtime.block_on(async {
        tokio::select! {
            meant = meant => meant.is_ok(),
            () = done.cancelled() => false,
        }
    })
}

#[cfg(unix)]
async fn interrupted() -> io::Result<()> {
    let mut terminated = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = signal::ctrl_c() => result,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> io::Result<()> {
    signal::ctrl_c().await
}

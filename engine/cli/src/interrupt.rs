//! Ctrl-C: the first cancels, and after two seconds or a second one the program ends anyway.

use crate::{stop::Result, stop::Stop, terminal::Terminal};
use std::{future::Future, process, time::Duration};
use tokio::{runtime, signal, time};
use tokio_util::sync::CancellationToken;

/// Publishing is one step in the target, so ending at any instant leaves the old table or the new one.
const PATIENCE: Duration = Duration::from_millis(1800);

/// Runs something that Ctrl-C can cancel.
pub fn cancellable<T, F>(terminal: Terminal, work: impl FnOnce(CancellationToken) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(8 << 20)
        .build()
        .map_err(Stop::io("starting threads"))?;
    let cancel = CancellationToken::new();
    runtime.spawn(listen(terminal, cancel.clone()));
    let result = runtime.block_on(work(cancel));
    // Blocking work that was cancelled may still be in a system call.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

#[expect(clippy::exit, reason = "whoever presses Ctrl-C twice, or waited for two seconds, means it")]
async fn listen(terminal: Terminal, cancel: CancellationToken) {
    if interrupted().await.is_err() {
        return;
    }
    cancel.cancel();
    terminal.note("\n     Stopping what is running; again to stop at once");
    tokio::select! {
        _ = interrupted() => {}
        () = time::sleep(PATIENCE) => {}
    }
    process::exit(130);
}

#[cfg(unix)]
async fn interrupted() -> std::io::Result<()> {
    let mut terminated = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = signal::ctrl_c() => result,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> std::io::Result<()> {
    signal::ctrl_c().await
}

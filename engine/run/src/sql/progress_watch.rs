//! Ends a query in which nothing moves any more. That is a fault of the query engine, and never that of a slow system.
//!
//! It ends if for a long time its readers all wait for it, none of its scans waits for a system, no scan and not the query
//! gave a batch, and the whole process used next to no processor time.

use super::refusal::Refusal;
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::{
        config::ConfigOptions,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    error::Result,
    execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
        metrics::MetricsSet,
    },
    sql::sqlparser::tokenizer::Span,
};
use engine_language::code;
use futures::{Stream, StreamExt, task::AtomicWaker};
use std::{
    any::Any,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};
use tokio::task::AbortHandle;

/// Looks at a query before it is ended, in the time that is given. A machine that was asleep does not look.
const LOOKS: u32 = 20;
/// The share of one core's time that a process may use in which nothing moves: one part in so many.
const IDLE: u32 = 100;

/// The processor time that the process has used.
type Processor = fn() -> Option<Duration>;

/// Watches each query's operators; the last of the rules.
#[derive(Debug)]
pub struct WatchProgress {
    /// How long nothing moves.
    pub longest: Duration,
}

impl PhysicalOptimizerRule for WatchProgress {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        watched(plan, self.longest, processor_time)
    }

    fn name(&self) -> &'static str {
        "engine_progress"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn watched(plan: Arc<dyn ExecutionPlan>, longest: Duration, used: Processor) -> Result<Arc<dyn ExecutionPlan>> {
    let mut operators = vec![];
    gather(plan.as_ref(), &mut operators);
    let watch = Arc::new(Watch { longest, used, operators, state: Mutex::default() });
    let leaf = |node: Arc<dyn ExecutionPlan>| {
        if node.children().is_empty() {
            Transformed::yes(WatchedExec::around(node, &watch, Side::Scan))
        } else {
            Transformed::no(node)
        }
    };
    let plan = plan.transform_up(|node| Ok(leaf(node))).data()?;
    Ok(WatchedExec::around(plan, &watch, Side::Query))
}

fn gather(plan: &dyn ExecutionPlan, operators: &mut Vec<String>) {
    operators.push(plan.name().to_owned());
    for child in plan.children() {
        gather(child.as_ref(), operators);
    }
}

/// What moves in one query.
#[derive(Debug)]
struct Watch {
    longest: Duration,
    used: Processor,
    /// Their names, from the last to the first.
    operators: Vec<String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Batches that scans and the query gave, and rows of the scans alone.
    moved: u64,
    rows: usize,
    /// Scans that have not come to their end, and those of them that wait for their systems or are at work.
    scans: usize,
    reading: usize,
    /// Streams of the query that have not come to their end, and those of them whose readers wait.
    open: usize,
    waiting: usize,
    wakers: Vec<Arc<AtomicWaker>>,
    watching: Option<AbortHandle>,
    /// Why it has to end.
    stalled: Option<Refusal>,
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to look, once. The task ends with the query.
    fn begin(self: &Arc<Self>) {
        let mut state = self.state();
        if state.watching.is_some() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let looking = runtime.spawn(look(Arc::downgrade(self), self.longest / LOOKS));
            state.watching = Some(looking.abort_handle());
        }
    }

    /// Batches so far, if nothing but the query itself can be what is waited for.
    fn seen(&self) -> Option<u64> {
        let state = self.state();
        (state.open > 0 && state.waiting == state.open && state.reading == 0).then_some(state.moved)
    }

    fn end(&self) {
        let mut state = self.state();
        let hint = format!(
            "this is a fault of the query engine; with more `[limits] memory` it may not come to it. {} readers wait for {}; its scans gave {} rows, and {} of them are not asked for more",
            state.waiting,
            self.operators.join(", "),
            state.rows,
            state.scans
        );
        let message = format!("the query stood still for {:?}: nothing was read, computed or given", self.longest);
        state.stalled = Some(Refusal::new(&code::E0315, Span::empty(), message).hint(hint));
        state.wakers.iter().for_each(|waker| waker.wake());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(looking) = self.state().watching.take() {
            looking.abort();
        }
    }
}

/// Looks from time to time, and ends what has not moved.
async fn look(watch: Weak<Watch>, every: Duration) {
    let mut still: Option<(u64, Duration, u32)> = None;
    loop {
        tokio::time::sleep(every).await;
        let Some(watch) = watch.upgrade() else { return };
        still = match (watch.seen(), (watch.used)(), still) {
            (Some(moved), Some(used), Some((before, since, looks)))
                if before == moved && used.saturating_sub(since) <= watch.longest / IDLE =>
            {
                Some((moved, since, looks + 1))
            }
            (Some(moved), Some(used), _) => Some((moved, used, 0)),
            _ => None,
        };
        if still.is_some_and(|(_, _, looks)| looks >= LOOKS) {
            return watch.end();
        }
    }
}

/// The processor time of this process, where the system tells it.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program may hold blanks and parentheses; the times are the 14th and 15th field, in hundredths.
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
}

/// Where batches are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Scan,
    Query,
}

/// An operator whose batches are counted; for others it is that operator.
#[derive(Debug)]
struct WatchedExec {
    inner: Arc<dyn ExecutionPlan>,
    watch: Arc<Watch>,
    side: Side,
}

impl WatchedExec {
    fn around(inner: Arc<dyn ExecutionPlan>, watch: &Arc<Watch>, side: Side) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { inner, watch: watch.clone(), side })
    }
}

impl DisplayAs for WatchedExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_as(kind, f)
    }
}

impl ExecutionPlan for WatchedExec {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(self.inner.as_ref())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.inner.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.inner.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inner.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let inner = self.inner.clone().replace_children(children, options)?;
        Ok(Self::around(inner, &self.watch, self.side))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn with_new_state(&self, state: Arc<dyn Any + Send + Sync>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Self::around(self.inner.with_new_state(state)?, &self.watch, self.side))
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Self::around(self.inner.clone().reset_state()?, &self.watch, self.side))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.inner.execute(partition, context)?;
        let waker = Arc::new(AtomicWaker::new());
        match self.side {
            Side::Scan => self.watch.state().scans += 1,
            Side::Query => {
                self.watch.begin();
                let mut state = self.watch.state();
                state.open += 1;
                state.wakers.push(waker.clone());
            }
        }
        let (watch, side) = (self.watch.clone(), self.side);
        Ok(Box::pin(WatchedStream { rows, watch, side, waker, waits: false, open: true }))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.inner.metrics()
    }
}

struct WatchedStream {
    rows: SendableRecordBatchStream,
    watch: Arc<Watch>,
    side: Side,
    waker: Arc<AtomicWaker>,
    waits: bool,
    open: bool,
}

impl WatchedStream {
    fn wait(&mut self, state: &mut State, waits: bool) {
        let count = match self.side {
            Side::Scan => &mut state.reading,
            Side::Query => &mut state.waiting,
        };
        match (self.waits, waits) {
            (false, true) => *count += 1,
            (true, false) => *count -= 1,
            _ => {}
        }
        self.waits = waits;
    }

    fn close(&mut self, state: &mut State) {
        self.wait(state, false);
        if std::mem::take(&mut self.open) {
            match self.side {
                Side::Scan => state.scans -= 1,
                Side::Query => state.open -= 1,
            }
        }
    }
}

impl Stream for WatchedStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let watch = self.watch.clone();
        if self.side == Side::Query {
            self.waker.register(context.waker());
        }
        let mut state = watch.state();
        if let (Side::Query, Some(refusal)) = (self.side, state.stalled.clone()) {
            self.close(&mut state);
            return Poll::Ready(Some(Err(refusal.into())));
        }
        // A scan that is at work inside of this call is not waited for.
        self.wait(&mut state, true);
        drop(state);
        let polled = self.rows.poll_next_unpin(context);
        let mut state = watch.state();
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => self.close(&mut state),
            Poll::Ready(Some(given)) => {
                state.moved += 1;
                if let (Side::Scan, Ok(batch)) = (self.side, given) {
                    state.rows += batch.num_rows();
                }
                self.wait(&mut state, false);
            }
        }
        polled
    }
}

impl RecordBatchStream for WatchedStream {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

impl Drop for WatchedStream {
    fn drop(&mut self) {
        let watch = self.watch.clone();
        self.close(&mut watch.state());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::{
        arrow::datatypes::Schema,
        physical_plan::{
            coalesce_partitions::CoalescePartitionsExec, placeholder_row::PlaceholderRowExec,
            stream::RecordBatchStreamAdapter,
        },
    };
    use futures::stream;

    const LONGEST: Duration = Duration::from_millis(200);
    /// Long enough for it to be ended, if it is.
    const ENOUGH: Duration = Duration::from_secs(1);
    const AT_MOST: Duration = Duration::from_secs(30);

    /// What waits without an end when it is asked.
    #[derive(Debug)]
    struct Waits(Arc<dyn ExecutionPlan>, Vec<Arc<dyn ExecutionPlan>>);

    impl DisplayAs for Waits {
        fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Waits")
        }
    }

    impl ExecutionPlan for Waits {
        fn name(&self) -> &'static str {
            "Waits"
        }

        fn properties(&self) -> &Arc<PlanProperties> {
            self.0.properties()
        }

        fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
            self.1.iter().collect()
        }

        fn apply_expressions(
            &self,
            _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
        ) -> Result<TreeNodeRecursion> {
            Ok(TreeNodeRecursion::Continue)
        }

        fn replace_children(
            self: Arc<Self>,
            children: Vec<Arc<dyn ExecutionPlan>>,
            _: ReplaceChildrenOptions,
        ) -> Result<Arc<dyn ExecutionPlan>> {
            Ok(Arc::new(Self(self.0.clone(), children)))
        }

        fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
            Ok(Arc::new(Self(self.0.clone(), children)))
        }

        fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
            Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream::pending())))
        }
    }

    fn row() -> Arc<dyn ExecutionPlan> {
        Arc::new(PlaceholderRowExec::new(Arc::new(Schema::empty())))
    }

    async fn first(plan: Arc<dyn ExecutionPlan>, used: Processor, within: Duration) -> Option<Result<RecordBatch>> {
        let mut rows = watched(plan, LONGEST, used).unwrap().execute(0, Arc::default()).unwrap();
        tokio::time::timeout(within, rows.next()).await.ok()?
    }

    const IDLE_PROCESS: Processor = || Some(Duration::from_secs(1));

    #[tokio::test]
    async fn what_waits_for_itself_is_ended() {
        let error = first(Arc::new(Waits(row(), vec![row()])), IDLE_PROCESS, AT_MOST).await.unwrap().unwrap_err();
        let refusal = Refusal::of(&error).unwrap();
        assert_eq!(refusal.code.id, "E0315");
        assert!(refusal.hint.as_ref().unwrap().contains("Waits, PlaceholderRowExec"), "{refusal}");
    }

    #[tokio::test]
    async fn what_waits_for_a_system_is_not() {
        let scan: Arc<dyn ExecutionPlan> = Arc::new(Waits(row(), vec![]));
        assert!(first(Arc::new(CoalescePartitionsExec::new(scan)), IDLE_PROCESS, ENOUGH).await.is_none());
    }

    #[tokio::test]
    async fn what_computes_or_cannot_be_measured_is_not() {
        let busy =
            || Some(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default() * 1000);
        assert!(first(Arc::new(Waits(row(), vec![row()])), busy, ENOUGH).await.is_none());
        assert!(first(Arc::new(Waits(row(), vec![row()])), || None, ENOUGH).await.is_none());
    }

    #[tokio::test]
    async fn what_waits_for_its_reader_is_not() {
        let mut rows = watched(row(), LONGEST, IDLE_PROCESS).unwrap().execute(0, Arc::default()).unwrap();
        tokio::time::sleep(ENOUGH).await;
        assert!(rows.next().await.unwrap().is_ok());
        tokio::time::sleep(ENOUGH).await;
        assert!(rows.next().await.is_none());
    }

    #[test]
    fn the_processor_time_is_read() {
        assert_eq!(processor_time().is_some(), cfg!(target_os = "linux"));
    }
}

//! Dead letters: looked at, tried again, let go.

use crate::{
    error::{Error, Result},
    event::Events,
    runner::Runner,
    sql::session::Session,
    steps::{step_run::StepRun, stream::replay},
};
use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch},
        compute::cast,
        datatypes::{DataType, Int32Type, Int64Type},
    },
    prelude::DataFrame,
};
use engine_connect::hub::{
    publication::{Commit, DeadLetter, PublishRequest},
    rejected::RejectedRow,
    source::{ReadRequest, TableRequest},
};
use engine_language::{
    graph::NodeId,
    template::{RunInfo, quote::literal},
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub use crate::steps::stream::replay::Replayed;

/// The table that holds them, in each target.
const TABLE: &str = "engine_dead_letters";
/// So many are held at once.
const PAGE: usize = 1000;

/// Which dead letters of a stream model: all, or those of these places, each a partition and an offset.
#[derive(Clone, Debug)]
pub struct Letters {
    /// The model.
    pub model: NodeId,
    /// Empty is all.
    pub places: Vec<(u32, i64)>,
}

impl Runner {
    /// A query over the dead letters of a stream model, which it names `letters`; `None` if there never were any.
    pub async fn query_letters(&self, letters: &Letters, sql: &str) -> Result<Option<DataFrame>> {
        let Some(session) = self.letters(letters).await? else { return Ok(None) };
        Ok(Some(session.query(sql).await?))
    }

    async fn letters(&self, letters: &Letters) -> Result<Option<Session>> {
        let (_, target) = self.systems.locate(&self.project, &letters.model)?;
        let request = TableRequest::all(TABLE);
        if target.readable()?.describe(&request).await?.is_none() {
            return Ok(None);
        }
        let mut reading = target.open(ReadRequest { tables: vec![request] }).await?;
        let open = reading.tables.pop().expect("one table was asked for");
        let session = self.sessions.clone().single().open();
        session.register("models", TABLE, open.provider)?;
        let mut sql = format!("select * from models.{TABLE} where pipeline = {}", literal(&letters.model.name()));
        if !letters.places.is_empty() {
            let one = |(partition, offset): &(u32, i64)| format!("(partition = {partition} and \"offset\" = {offset})");
            let places: Vec<String> = letters.places.iter().map(one).collect();
            sql = format!("{sql} and ({})", places.join(" or "));
        }
        let view = session.query(&sql).await?.into_view();
        session.register("models", "letters", view)?;
        Ok(Some(session))
    }

    /// Tries dead letters again, page by page. The caller holds the run lock.
    pub async fn replay(&self, letters: &Letters, run: RunInfo) -> Result<Replayed> {
        let model = self.project.model(&letters.model).expect("only models have dead letters").clone();
        let run = StepRun {
            runner: self.clone(),
            run,
            events: Events::default(),
            reuse: Arc::new(self.reuse()),
            cancel: CancellationToken::new(),
        };
        let (mut all, mut after) = (Replayed::default(), None);
        loop {
            let page = self.page(letters, after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = Some(DeadLetter { source: last.source.clone(), partition: last.partition, offset: last.offset });
            let done = replay::replay(&run, &letters.model, &model, page).await?;
            all = Replayed { settled: all.settled + done.settled, refused: all.refused + done.refused };
        }
    }

    /// Lets dead letters go, page by page, and says how many they were. The caller holds the run lock.
    pub async fn drop_letters(&self, letters: &Letters, run: &RunInfo) -> Result<u64> {
        let (_, target) = self.systems.locate(&self.project, &letters.model)?;
        let mut dropped = 0;
        loop {
            let page = self.page(letters, None).await?;
            if page.is_empty() {
                return Ok(dropped);
            }
            dropped += page.len() as u64;
            let of = |row: RejectedRow| DeadLetter { source: row.source, partition: row.partition, offset: row.offset };
            let pipeline = letters.model.model().cloned();
            let publisher = target.begin(PublishRequest { run: run.id.clone(), tables: vec![], pipeline }).await?;
            publisher.commit(Commit { settled: page.into_iter().map(of).collect(), ..Commit::default() }).await?;
        }
    }

    /// The next dead letters behind a place, in the order of their places.
    async fn page(&self, letters: &Letters, after: Option<&DeadLetter>) -> Result<Vec<RejectedRow>> {
        let behind = after.map_or("true".to_owned(), |after| {
            let (source, partition, offset) = (literal(&after.source), after.partition, after.offset);
            format!(
                "source > {source} or (source = {source} and (partition > {partition} \
                 or (partition = {partition} and \"offset\" > {offset})))"
            )
        });
        let columns = "source, partition, \"offset\", payload, reason";
        let sql = format!("select {columns} from letters where {behind} order by 1, 2, 3 limit {PAGE}");
        let Some(frame) = self.query_letters(letters, &sql).await? else { return Ok(vec![]) };
        Ok(frame.collect().await?.iter().map(rows).collect::<Result<Vec<_>>>()?.concat())
    }
}

fn rows(batch: &RecordBatch) -> Result<Vec<RejectedRow>> {
    let wrong = || Error::State(format!("the columns of `{TABLE}` are not as they were made"));
    let (source, reason) = (batch.column(0).as_string_opt::<i32>(), batch.column(4).as_string_opt::<i32>());
    let payload = batch.column(3).as_binary_opt::<i32>();
    // Systems have their own widths of numbers.
    let partition = cast(batch.column(1), &DataType::Int32).map_err(|_| wrong())?;
    let offset = cast(batch.column(2), &DataType::Int64).map_err(|_| wrong())?;
    let (Some(source), Some(reason), Some(payload)) = (source, reason, payload) else { return Err(wrong()) };
    let (partition, offset) = (partition.as_primitive::<Int32Type>(), offset.as_primitive::<Int64Type>());
    let row = |i| RejectedRow {
        source: source.value(i).to_owned(),
        partition: partition.value(i).unsigned_abs(),
        offset: offset.value(i),
        payload: payload.value(i).to_vec(),
        reason: reason.value(i).to_owned(),
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

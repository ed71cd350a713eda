//! Dead letters through their model once more.

use super::{
    Stream,
    batch::{CommitError, Part, messages, reason},
    parts::Parts,
};
use crate::{
    error::{Error, Result},
    report::{NodeReport, Status},
    steps::{step_run::StepRun, write_mode::write_mode},
};
use datafusion::arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{Int32Type, Int64Type},
};
use engine_connect::hub::{publication::DeadLetter, rejected::RejectedRow, source::OpenTable};
use engine_language::{graph::NodeId, model::Model};

/// What a dead letter does not hold.
const NOT_KEPT: [&str; 3] = ["_key", "_timestamp", "_headers"];

/// How many came through, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Their rows were written, and they are no dead letters any more.
    pub settled: u64,
    /// They stay, with the reason of now.
    pub refused: u64,
}

/// Decodes dead letters of a stream model again, and writes the rows of those that fit now, letting them go in the same
/// transaction. The position of the stream does not move.
pub async fn replay(run: &StepRun, node: &NodeId, model: &Model, letters: Vec<RejectedRow>) -> Result<Replayed> {
    let stream = Stream::new(run, node, model)?;
    // Those of a topic that the model read before are not its own any more.
    let letters: Vec<RejectedRow> =
        letters.into_iter().filter(|row| row.source == stream.request.table.as_str()).collect();
    let Some(open) = again(&stream, &letters).await? else {
        return Err(Error::State(format!("`{}` cannot decode a message by itself", stream.topic.name())));
    };
    let mut replay = Replay {
        stream: &stream,
        refused: open.rejected.take(),
        report: NodeReport::new(node.clone(), Status::Succeeded, 0),
    };
    let messages = messages(&open, run).await?;
    replay.through(&messages, &letters).await.map_err(|error| explained(error, model))?;
    let settled = letters.len().saturating_sub(replay.refused.len());
    replay.keep(&messages).await?;
    Ok(Replayed { settled: settled as u64, refused: replay.refused.len() as u64 })
}

/// The letters as messages: from their topic, where the model reads what a letter does not keep.
async fn again(stream: &Stream<'_>, letters: &[RejectedRow]) -> Result<Option<OpenTable>> {
    let Some(topics) = stream.source.topics() else { return Ok(None) };
    if !needs(stream.model).is_empty() {
        let whole = topics.fetch(&stream.request, letters.to_vec()).await?;
        if whole.is_some() {
            return Ok(whole);
        }
    }
    Ok(topics.decode(&stream.request, letters.to_vec()).await?)
}

/// What the model seems to read that a dead letter does not hold.
fn needs(model: &Model) -> Vec<&'static str> {
    NOT_KEPT.into_iter().filter(|name| model.rendered.sql.contains(name)).collect()
}

struct Replay<'a> {
    stream: &'a Stream<'a>,
    refused: Vec<RejectedRow>,
    report: NodeReport,
}

impl Replay<'_> {
    /// Writes all rows, cutting in two what is refused.
    async fn through(&mut self, messages: &RecordBatch, letters: &[RejectedRow]) -> Result<()> {
        let mut parts = Parts::of(messages.num_rows());
        while let Some(range) = parts.next().filter(|range| !range.is_empty()) {
            let part = messages.slice(range.start, range.len());
            let settled = places(&part, self.stream.request.table.as_str());
            let part =
                Part { messages: part, advance: None, rejected: vec![], settled, mode: write_mode(self.stream.model) };
            match self.stream.sink.commit(&self.stream.topic, &part, &mut self.report).await {
                Ok(()) => {}
                Err(CommitError::Rows(error, _)) if range.len() == 1 => {
                    let place = &part.settled[0];
                    let letter =
                        letters.iter().find(|row| row.partition == place.partition && row.offset == place.offset);
                    self.refused.extend(letter.map(|row| RejectedRow { reason: reason(&error), ..row.clone() }));
                }
                Err(CommitError::Rows(_, blamed)) => parts.cut(range, blamed),
                Err(CommitError::Whole(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Keeps the reasons of now.
    async fn keep(&mut self, messages: &RecordBatch) -> Result<()> {
        if self.refused.is_empty() {
            return Ok(());
        }
        let none = Part {
            messages: messages.slice(0, 0),
            advance: None,
            rejected: self.refused.clone(),
            settled: vec![],
            mode: write_mode(self.stream.model),
        };
        let kept = self.stream.sink.commit(&self.stream.topic, &none, &mut self.report).await;
        kept.map_err(|refused| match refused {
            CommitError::Rows(error, _) | CommitError::Whole(error) => error,
        })
    }
}

/// Where messages come from.
fn places(messages: &RecordBatch, source: &str) -> Vec<DeadLetter> {
    let partitions = messages.column_by_name("_partition").map(AsArray::as_primitive::<Int32Type>);
    let offsets = messages.column_by_name("_offset").map(AsArray::as_primitive::<Int64Type>);
    let (Some(partitions), Some(offsets)) = (partitions, offsets) else { return vec![] };
    let place = |row| DeadLetter {
        source: source.to_owned(),
        partition: partitions.value(row).unsigned_abs(),
        offset: offsets.value(row),
    };
    (0..messages.num_rows()).map(place).collect()
}

/// Says why a model that reads what a dead letter does not hold cannot be replayed.
fn explained(error: Error, model: &Model) -> Error {
    let needs = needs(model);
    match error {
        Error::Project(problem) if !needs.is_empty() => {
            let hint = format!(
                "a dead letter keeps no {}: read the message again from its topic, `engine run {} --from OFFSET`",
                needs.join(", "),
                model.name
            );
            Error::Project(Box::new(problem.hint(hint)))
        }
        other => other,
    }
}

//! What of a batch is refused, found within one transaction of the target.

use super::{
    ErrorBudget,
    batch::{Batch, CommitError, Part, Sink, Tally, blamed, count},
    parts::Parts,
};
use crate::{
    error::{Error, Result},
    report::NodeReport,
};
use datafusion::arrow::array::RecordBatch;
use engine_connect::hub::publication::{Commit, Mode, Publication};
use engine_language::graph::NodeId;

/// What came of the pieces of a part.
#[derive(Default)]
struct Sifted {
    publisher: Option<Box<dyn Publication>>,
    taken: Vec<(Tally, usize)>,
}

impl Sink<'_> {
    /// Writes a part of which some row is refused, in pieces of one publication: the messages that are to blame go to the dead
    /// letters, all in one commit. `false` if the target cannot do that, and nothing was written.
    pub async fn bisect(
        &self,
        batch: &Batch<'_>,
        part: &Part,
        blamed_row: Option<usize>,
        (error_budget, report): (&mut ErrorBudget, &mut NodeReport),
    ) -> Result<bool> {
        if part.mode == Mode::Replace {
            return Ok(false);
        }
        let mut counted = error_budget.clone();
        let (mut sifted, mut rejected) = (Sifted::default(), part.rejected.clone());
        let mut pieces = Parts::of(part.messages.num_rows());
        let whole = pieces.next().expect("there is one part at first");
        pieces.cut(whole, blamed_row);
        while let Some(range) = pieces.next() {
            let piece = part.messages.slice(range.start, range.len());
            match self.take(&mut sifted, batch.topic, (&piece, &part.mode)).await {
                Ok(true) => counted.taken(range.len() as u64),
                Ok(false) => return Ok(false),
                Err(CommitError::Rows(_, blamed)) if range.len() > 1 => pieces.cut(range, blamed),
                Err(CommitError::Rows(error, _)) => {
                    let letter = self.letter(batch, &piece, error).await?;
                    counted.refused(&letter)?;
                    rejected.push(letter);
                }
                Err(CommitError::Whole(error)) => return Err(error),
            }
        }
        // Without any row there is nothing to publish in one.
        let Some(publisher) = sifted.publisher else { return Ok(false) };
        let refused = rejected.len();
        let (advance, settled) = (part.advance.clone(), part.settled.clone());
        let commit = Commit { advance, rejected, settled, ..Commit::default() };
        match publisher.commit(commit).await.map_err(blamed) {
            Ok(_) => {}
            // A rule that the target only looks at in the end.
            Err(CommitError::Rows(..)) => return Ok(false),
            Err(CommitError::Whole(error)) => return Err(error),
        }
        *error_budget = counted;
        count(report, 0, refused);
        for (tally, messages) in sifted.taken {
            tally.count(report);
            count(report, messages, 0);
        }
        Ok(true)
    }

    /// Takes a piece into the publication; `false` if the target cannot.
    async fn take(
        &self,
        sifted: &mut Sifted,
        topic: &NodeId,
        (piece, mode): (&RecordBatch, &Mode),
    ) -> Result<bool, CommitError> {
        let made = self.make(topic, piece).await?;
        let publisher = match &mut sifted.publisher {
            Some(publisher) => publisher,
            none => none.insert(self.target.begin(self.publication(&made, mode.clone())).await?),
        };
        let Some(chunks) = publisher.chunks() else { return Ok(false) };
        let table = &self.place.table;
        if let Err(refused) = self.stage(&**publisher, &made).await {
            chunks.forget(table).await.map_err(|error| CommitError::Whole(Error::from(error)))?;
            return Err(refused);
        }
        chunks.take(table).await.map_err(blamed)?;
        sifted.taken.push((made.tally(), piece.num_rows()));
        Ok(true)
    }
}

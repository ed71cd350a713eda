//! Comparing source and copy before anybody can see the copy.

use super::{Copied, Job, Passing};
use crate::{
    error::{Error, Result},
    report::{Compared, Verdict},
};
use datafusion::catalog::TableProvider;
use engine_connect::{
    arrow::digest::{Digest, Digester},
    hub::publication::{Mode, Publication},
};
use engine_language::{code, config::replication::Verify, diagnostic::Diagnostic, name::Name};
use futures::{StreamExt, TryStreamExt, stream};
use std::sync::Arc;

/// Tables that are compared at once.
const AT_ONCE: usize = 4;

impl Job<'_> {
    /// Compares each table as the project asks; the first difference is an error.
    pub(super) async fn verify(
        &self,
        tables: &[Passing],
        copied: &[Copied],
        publisher: &dyn Publication,
    ) -> Result<Vec<Verdict>> {
        let verdicts = tables.iter().zip(copied).map(|(table, copied)| async move {
            let verdict = self.verdict(table, copied, publisher).await?;
            self.agree(table, &verdict)?;
            Ok::<_, Error>(verdict)
        });
        // Collected first: a stream over borrows of the items would not be general enough for the runtime.
        let verdicts: Vec<_> = verdicts.collect();
        stream::iter(verdicts).buffered(AT_ONCE).try_collect().await
    }

    async fn verdict(&self, table: &Passing, copied: &Copied, publisher: &dyn Publication) -> Result<Verdict> {
        let name = &table.place.table;
        let replaced = !publisher.replaced(name).is_empty();
        if self.replication.verify != Verify::Count && !replaced {
            if let Some(here) = copied.to
                && let Some(inside) = publisher.server_digest()
                && let Some(there) = inside.digest(name).await?
            {
                return self.inside(table, copied, Verdict::of(here, there, Compared::Target)).await;
            }
            if let Some(here) = copied.digest.filter(|_| table.mode == Mode::Replace) {
                let there = self.read_back(seen(publisher, name).await?).await?;
                return Ok(Verdict::of(here, there, Compared::ReadBack));
            }
        }
        let here = match &table.all {
            Some(all) => self.count(all.provider.clone()).await?,
            None => copied.rows,
        };
        let there = self.count(seen(publisher, name).await?).await?;
        let rows = |rows| Digest { rows, sum: 0 };
        Ok(Verdict::of(rows(here), rows(there), Compared::Count))
    }

    /// Adds the source's own word to the target's, where both are asked for.
    async fn inside(&self, table: &Passing, copied: &Copied, told: Verdict) -> Result<Verdict> {
        if self.replication.verify != Verify::Both || told.source != told.target {
            return Ok(told);
        }
        let (Some(here), Some(there)) = (copied.from, table.open.digest().await?) else {
            return Ok(told);
        };
        // Both agree with the rows that passed: then they agree with each other. Otherwise the source's word is shown.
        if here == there {
            return Ok(Verdict { compared: Compared::Both, ..told });
        }
        Ok(Verdict::of(there, here, Compared::Both))
    }

    fn agree(&self, table: &Passing, verdict: &Verdict) -> Result<()> {
        if verdict.source == verdict.target {
            return Ok(());
        }
        let (source, target) = (verdict.source, verdict.target);
        let message = format!("the copy of `{}` is not what was read: {source} against {target}", table.node.name());
        let problem = Diagnostic::error(&code::E0312, self.replication.name.span, message);
        let hint = match verdict.compared {
            Compared::Count if table.all.is_some() => {
                format!(
                    "the copy was changed by others: copy it anew by `engine run {} --full-refresh`",
                    table.node.name()
                )
            }
            _ => "nothing was published; please report this".to_owned(),
        };
        Err(Error::Project(Box::new(problem.hint(hint))))
    }

    /// How many rows there are.
    pub(super) async fn count(&self, rows: Arc<dyn TableProvider>) -> Result<u64> {
        let session = self.run.runner.sessions.open();
        Ok(session.context.read_table(rows)?.count().await? as u64)
    }

    async fn read_back(&self, rows: Arc<dyn TableProvider>) -> Result<Digest> {
        let session = self.run.runner.sessions.open();
        let frame = session.context.read_table(rows)?;
        Ok(Digester::drain(frame.execute_stream().await?).await?)
    }
}

/// What was written of a table, as early as it can be seen.
async fn seen(publisher: &dyn Publication, table: &Name) -> Result<Arc<dyn TableProvider>> {
    match publisher.written(table).await? {
        Some(rows) => Ok(rows),
        None => Ok(publisher.preview(table).await?.rows),
    }
}

impl Verdict {
    fn of(source: Digest, target: Digest, compared: Compared) -> Self {
        Self { source, target, compared }
    }
}

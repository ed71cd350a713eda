//! The step that readers see.

use super::{
    Staged,
    apply::Applied,
    resolve_commit,
    system_tables::{self, LETTERS, PUBLICATIONS},
};
use crate::{
    connectors::mysql::{
        describe,
        server::{change, run},
        server_error::number,
        statement::quote,
    },
    hub::{
        error::{Blame, Result},
        publication::{Commit, Mode},
    },
};
use engine_language::name::Name;
use sqlx::MySqlConnection;
use std::{sync::atomic::Ordering, time::Duration};

/// How often the tables are asked for at once, without keeping anybody waiting.
const TRIES: u32 = 25;
/// How often they are asked for while others queue behind for a second.
const WAITS: u32 = 60;
/// How often what belongs to a step begins anew after a deadlock.
const FINISHES: u32 = 5;
/// How often a lost answer is asked for.
const QUESTIONS: u64 = 60;

impl Staged {
    /// Puts whole tables in their places, and says whether what belongs to that is done too. If not, it will be: by the next
    /// who asks for the position, or recovers.
    pub(super) async fn rename(&self, commit: &Commit) -> Result<bool> {
        let connection = self.pool.clone();
        let mut connection = connection.take().await;
        let on = connection.on();
        let fault = |error| self.server.fault("publishing", error);
        self.hold(on, commit).await?;
        if !self.intend(on, commit).await.map_err(fault)? {
            return Err(self.gone());
        }
        fail::fail_point!("mysql::intended");
        if let Err(error) = self.swap(on).await {
            self.lost(error).await?;
            return Ok(true);
        }
        fail::fail_point!("mysql::renamed");
        for _ in 0..FINISHES {
            match resolve_commit::finish(on, &self.id).await {
                Ok(()) => return Ok(true),
                Err(error) if number(&error) == Some(1213) => {}
                Err(error) => {
                    tracing::debug!(%error, "published, and asked again what belongs to it");
                    return Ok(self.lost(error).await.is_ok());
                }
            }
        }
        Ok(false)
    }

    /// Notes what is about to be, and what belongs to it; says whether the dead letters that are to go are there.
    async fn intend(&self, on: &mut MySqlConnection, commit: &Commit) -> sqlx::Result<bool> {
        let run_id = self.publication.run.as_str();
        let pipeline = self.publication.pipeline.as_ref().map_or("", Name::as_str);
        let letters = [resolve_commit::letters(&self.id), resolve_commit::settled(&self.id)];
        for table in letters.iter().filter(|_| !commit.rejected.is_empty() || !commit.settled.is_empty()) {
            run(on, format!("create table {} like {LETTERS}", quote(table))).await?;
        }
        run(on, "start transaction").await?;
        system_tables::dead_letters(on, &letters[0], (pipeline, run_id), &commit.rejected).await?;
        if !system_tables::settle_letters(on, pipeline, &commit.settled, Some(&letters[1])).await? {
            return Ok(false);
        }
        let position = commit.advance.as_ref().map(|move_on| move_on.to.0.to_string());
        let moves = if position.is_some() { "?, ?" } else { "null, null" };
        let rows: Vec<String> =
            self.renames().map(|(_, stage, _)| stage.rows.load(Ordering::Relaxed).to_string()).collect();
        let mut values = vec![];
        for ((target, _, staged), rows) in self.renames().zip(&rows) {
            values.extend([self.id.as_str(), run_id, target.table.as_str(), rows, staged]);
            values.extend(position.iter().flat_map(|position| [pipeline, position]));
        }
        let each = vec![format!("(?, ?, ?, ?, ?, 'intended', {moves})"); rows.len()].join(", ");
        change(on, &format!("insert into {PUBLICATIONS} values {each}"), &values).await?;
        run(on, "commit").await?;
        Ok(true)
    }

    /// Each target, its staging, and the table that takes its place.
    fn renames(&self) -> impl Iterator<Item = (&crate::hub::publication::Target, &super::Stage, &str)> {
        let made = match self.applied.get() {
            Some(Applied::Whole(made)) => made.as_slice(),
            _ => &[],
        };
        self.pairs().zip(made).map(|((target, stage), made)| (target, stage, made.as_str()))
    }

    /// Renames all tables at once, when nobody reads them.
    async fn swap(&self, on: &mut MySqlConnection) -> sqlx::Result<()> {
        // MySQL waits for a second at least.
        let patience = u8::from(!self.server.known_product().mariadb);
        run(on, format!("set lock_wait_timeout = {patience}")).await?;
        for attempt in 1..=TRIES + WAITS {
            let sql = self.renaming(on).await?;
            match run(on, sql).await {
                Ok(()) => break,
                // Others hold a table, or have just made or replaced it.
                Err(error) if matches!(number(&error), Some(1205 | 1213 | 1050 | 1146)) && attempt < TRIES + WAITS => {}
                Err(error) => return Err(error),
            }
            let queue = attempt >= TRIES;
            if attempt == TRIES {
                run(on, "set lock_wait_timeout = 1").await?;
            }
            tokio::time::sleep(Duration::from_millis(if queue { 1000 } else { 20 })).await;
        }
        run(on, "set lock_wait_timeout = 120").await
    }

    /// The statement that puts all tables in their places, as they are now.
    async fn renaming(&self, on: &mut MySqlConnection) -> sqlx::Result<String> {
        let mut renames = vec![];
        for (target, stage, made) in self.renames() {
            let table = quote(target.table.as_str());
            let there = describe::is_there(&self.server, on, target.table.as_str()).await?;
            if there && target.mode != Mode::Replace {
                // Its rows are not among those that are to be its own.
                return Err(sqlx::Error::InvalidArgument(format!("another run has made {table} meanwhile")));
            }
            if there {
                renames.push(format!("{table} to {}", quote(&format!("{}_old", stage.name))));
            }
            renames.push(format!("{} to {table}", quote(made)));
        }
        Ok(format!("rename table {}", renames.join(", ")))
    }

    /// Commits the open transaction.
    pub(super) async fn commit_rows(&self, commit: &Commit) -> Result<()> {
        let connection = self.pool.clone();
        let mut connection = connection.take().await;
        let on = connection.on();
        let fault = |error| self.server.fault("publishing", error);
        let (run_id, pipeline) = (self.publication.run.as_str(), &self.publication.pipeline);
        self.hold(on, commit).await?;
        if let (Some(pipeline), Some(move_on)) = (pipeline, &commit.advance) {
            system_tables::advance(on, pipeline.as_str(), &move_on.to, run_id).await.map_err(fault)?;
        }
        let pipeline = pipeline.as_ref().map_or("", Name::as_str);
        if !system_tables::settle_letters(on, pipeline, &commit.settled, None).await.map_err(fault)? {
            return Err(self.gone());
        }
        system_tables::dead_letters(on, LETTERS, (pipeline, run_id), &commit.rejected).await.map_err(fault)?;
        let sql = format!(
            "insert into {PUBLICATIONS} (`publication`, `run`, `table_name`, `rows`, `stage`, `state`) \
             values (?, ?, ?, ?, ?, 'done') on duplicate key update `rows` = values(`rows`), `state` = 'done'"
        );
        for (target, stage) in self.pairs() {
            let rows = stage.rows.load(Ordering::Relaxed).to_string();
            let values = [self.id.as_str(), run_id, target.table.as_str(), &rows, &stage.name];
            change(on, &sql, &values).await.map_err(fault)?;
        }
        if self.stages.is_empty() {
            // By this it is found again if the answer is lost.
            change(on, &sql, &[&self.id, run_id, "", "0", ""]).await.map_err(fault)?;
        }
        fail::fail_point!("mysql::publishing");
        if let Err(error) = run(on, "commit").await {
            self.lost(error).await?;
        }
        fail::fail_point!("mysql::published");
        Ok(())
    }

    /// Asks what became of the step whose answer was lost; `error` is what came instead. An error, if it was not done.
    async fn lost(&self, error: sqlx::Error) -> Result<()> {
        let doing = "publishing";
        match (number(&error), error) {
            (_, sqlx::Error::InvalidArgument(why)) => {
                return Err(self.server.error(doing, Blame::Rival, why).later());
            }
            // The server has refused it.
            (Some(number), error) if ![1053, 1927, 1317].contains(&number) => {
                return Err(self.server.fault(doing, error));
            }
            (_, error) => {
                for attempt in 0..QUESTIONS {
                    tokio::time::sleep(Duration::from_millis(50 * (attempt + 1).min(20))).await;
                    match self.ask_again().await {
                        Ok(Some(true)) => return Ok(()),
                        Ok(Some(false)) => return Err(self.server.fault(doing, error).later()),
                        Ok(None) | Err(_) => {}
                    }
                }
            }
        }
        let run = &self.publication.run;
        let hint = format!("the next run finds out; until then look into {PUBLICATIONS} for run `{run}`");
        Err(self.server.error(doing, Blame::System, "the server's answer was lost").hint(hint))
    }

    /// Whether it was published; `None` while its old session still is at work.
    async fn ask_again(&self) -> Result<Option<bool>> {
        let doing = "asking for a lost answer";
        let mut on = self.server.connect(doing).await?;
        let fault = |error| self.server.fault(doing, error);
        if !system_tables::lock(&self.server, &mut on, &self.id, 1).await.map_err(fault)? {
            return Ok(None);
        }
        resolve_commit::settle(&self.server, &mut on, &self.id).await.map(Some).map_err(fault)
    }
}

//! Digests of what was written, made inside the server.

use super::{Staged, stage::Stage};
use crate::{
    arrow::digest::{Digest, RowDigester},
    connectors::postgres::{
        describe::Carried,
        encode::Shape,
        server::Server,
        server_digest::{self, ServerDigester},
        statement::{among, within},
        types::Wire,
    },
    hub::{
        error::Result,
        publication::{Mode, Target},
    },
};
use sqlx::{AssertSqlSafe, Row};

/// Whether a table takes rows as they are inserted.
const PLAIN: &str = "select c.relkind = 'r' and not c.relhasrules and not c.relrowsecurity and not c.relhassubclass \
                       and not exists (select from pg_trigger where tgrelid = c.oid and not tgisinternal) \
                       and not exists (select from pg_attribute where attrelid = c.oid and attgenerated <> '') \
                     from pg_class c where c.oid = $1::text::oid";

impl Stage {
    /// Digests rows here as the server does it; `None` if it does not, or other rows stand beside those of staging.
    pub fn server_digester(&self, server: &Server, target: &Target) -> Option<Box<dyn RowDigester>> {
        let digested = self.digested(server, target)?;
        let columns: Vec<(Shape, &Carried)> = digested.iter().map(|(shape, column)| (shape.clone(), column)).collect();
        Some(Box::new(ServerDigester::new(&columns)?))
    }

    /// How the columns that are digested were written, in the order of the rows.
    fn digested(&self, server: &Server, target: &Target) -> Option<Vec<(Shape, Carried)>> {
        if !server.hashes() || !matches!(target.mode, Mode::Replace | Mode::Merge { .. }) {
            return None;
        }
        let there = self.there.iter().flat_map(|there| &there.columns);
        let written = |shape: Shape| {
            let mut column = self.columns.iter().find(|column| column.name == shape.name)?.clone();
            column.kind.wire = shape.wire.clone();
            column.kind.as_text &= shape.wire == Wire::Text;
            // What was staged as text is another thing in the table.
            let cast = there.clone().any(|there| there.name == shape.name && there.kind.as_text);
            (target.mode == Mode::Replace || !cast).then_some((shape, column))
        };
        self.shapes(server, target).ok()?.into_iter().map(written).collect()
    }
}

impl Staged {
    /// The digest of the rows that were written, as the table holds them or will hold them.
    pub async fn digest_inside(&self, target: &Target, stage: &Stage) -> Result<Option<Digest>> {
        let schema = self.server.schema();
        let staged = within(schema, &stage.name);
        let from = match &target.mode {
            Mode::Merge { key } => {
                let table = within(schema, target.table.as_str());
                format!("{table} as engine_there where {}", among(&staged, key))
            }
            _ => staged,
        };
        let digested = stage.digested(&self.server, target).unwrap_or_default();
        let columns: Vec<&Carried> = digested.iter().map(|(_, column)| column).collect();
        let Some(sql) = server_digest::sql(&columns, &from).filter(|_| !columns.is_empty()) else { return Ok(None) };
        let fault = |error| self.fault(target, stage, error);
        let row = if target.mode == Mode::Replace {
            let mut on = self.server.connect(&format!("digesting `{}`", target.table)).await?;
            let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut on).await.map_err(fault)?;
            self.server.give_back(on);
            row
        } else {
            self.apply().await?;
            let mut on = self.connection.lock().await;
            sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *on).await.map_err(fault)?
        };
        Ok(server_digest::digest(row.get(0), &row.get::<String, _>(1)))
    }

    /// The digest of rows that are appended, as they count in the digest of the whole table; `None` if the table makes
    /// other rows of them.
    pub async fn digest_added(&self, target: &Target, stage: &Stage) -> Result<Option<Digest>> {
        let Some(there) = stage.there.as_ref().filter(|_| self.server.hashes()) else { return Ok(None) };
        let same = there.columns.len() == stage.columns.len()
            && there.columns.iter().all(|column| {
                stage.columns.iter().any(|staged| {
                    staged.name == column.name && staged.declared == column.declared && !column.kind.as_text
                })
            });
        let columns: Vec<&Carried> = there.columns.iter().collect();
        let staged = within(self.server.schema(), &stage.name);
        let sql = server_digest::sql(&columns, &staged).filter(|_| same && target.mode == Mode::Append);
        let Some(sql) = sql else { return Ok(None) };
        let fault = |error| self.fault(target, stage, error);
        let mut on = self.server.connect(&format!("digesting `{}`", target.table)).await?;
        let plain = sqlx::query(PLAIN).bind(there.oid.to_string()).fetch_one(&mut on).await.map_err(fault)?;
        let digest = if plain.get(0) {
            let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut on).await.map_err(fault)?;
            server_digest::digest(row.get(0), &row.get::<String, _>(1))
        } else {
            None
        };
        self.server.give_back(on);
        Ok(digest)
    }
}

//! PostgreSQL as the oracle: each expression's value as its text, with its type.

use super::values::Outcome;
use sqlx::{
    AssertSqlSafe, Column, Connection, Executor, PgConnection, Row, TypeInfo, ValueRef, postgres::PgRow, raw_sql,
};

/// A connection.
pub struct Postgres(PgConnection);

impl Postgres {
    pub async fn connect() -> Self {
        let url = std::env::var("ENGINE_TEST_POSTGRES_URL").expect(
            "ENGINE_TEST_POSTGRES_URL is not set: `scripts/services up`, then `eval \"$(scripts/services env)\"`",
        );
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let settings = "set timezone = 'UTC'; set intervalstyle = 'iso_8601'; set extra_float_digits = 1; set datestyle = 'ISO, MDY'";
        connection.execute(raw_sql(settings)).await.unwrap();
        Self(connection)
    }

    /// The value of each expression, or its error.
    pub async fn expressions(&mut self, expressions: &[&str]) -> Vec<Outcome> {
        let mut outcomes = vec![];
        let mut waiting: Vec<&[&str]> = expressions.chunks(64).rev().collect();
        while let Some(some) = waiting.pop() {
            match self.rows_of(&format!("select {}", some.join(", "))).await {
                Ok(rows) => outcomes.extend(cells(&rows[0])),
                Err(error) if some.len() == 1 => outcomes.push(Outcome::Error(error)),
                Err(_) => {
                    let (first, second) = some.split_at(some.len() / 2);
                    waiting.extend([second, first]);
                }
            }
        }
        outcomes
    }

    /// The rows of a query.
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Outcome>>, String> {
        Ok(self.rows_of(sql).await?.iter().map(cells).collect())
    }

    async fn rows_of(&mut self, sql: &str) -> Result<Vec<PgRow>, String> {
        raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.0).await.map_err(|error| error.to_string())
    }
}

fn cells(row: &PgRow) -> Vec<Outcome> {
    let cell = |at: usize| {
        let kind = row.column(at).type_info().name().to_lowercase();
        let value = row.try_get_raw(at).unwrap();
        let text = (!value.is_null()).then(|| value.as_str().unwrap().to_owned());
        Outcome::Value { kind, text }
    };
    (0..row.columns().len()).map(cell).collect()
}

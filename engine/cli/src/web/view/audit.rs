//! Who did what.

use super::Data;
use crate::web::http_error::HttpError;
use engine_run::history::audit;
use schemars::JsonSchema;
use serde::Serialize;

/// Deeds of a page.
const DEEDS: u32 = 100;

/// The audit trail, newest first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Audit {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// What was done.
    pub deeds: Vec<Deed>,
    /// The deed before which older ones are.
    pub older: Option<i64>,
}

/// Something that somebody did.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Deed {
    /// Its number.
    pub id: i64,
    /// When.
    pub at_us: i64,
    /// Who.
    pub who: String,
    /// From which address.
    pub address: String,
    /// What was done, such as `paused`.
    pub did: String,
    /// To what.
    pub what: String,
}

impl From<audit::Deed> for Deed {
    fn from(deed: audit::Deed) -> Self {
        let audit::Deed { id, at_us, who, address, did, what } = deed;
        Self { id, at_us, who, address, did, what }
    }
}

/// What was done before that deed.
pub fn audit(data: &Data, before: Option<i64>) -> Result<Audit, HttpError> {
    let deeds = data.records.deeds(before.unwrap_or(i64::MAX), DEEDS)?;
    let older = deeds.last().filter(|_| deeds.len() == DEEDS as usize).map(|deed| deed.id);
    Ok(Audit { now_us: data.service.now_us(), deeds: deeds.into_iter().map(Deed::from).collect(), older })
}

//! `/api/v1`: the same for machines.

pub mod health;
pub mod nodes;
pub mod runs;
pub mod schedules;

use crate::web::http_error::HttpError;
use axum::body::Bytes;
use serde::de::DeserializeOwned;

/// What a machine sends; nothing is the default.
pub fn body<T: DeserializeOwned + Default>(bytes: &Bytes) -> Result<T, HttpError> {
    if bytes.is_empty() {
        return Ok(T::default());
    }
    // A list would be read as the fields in their order.
    let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes);
    object
        .and_then(|object| serde_json::from_value(object.into()))
        .map_err(|error| HttpError::bad_request(format!("the body is not as it should be: {error}")))
}

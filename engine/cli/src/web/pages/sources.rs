//! `/sources`: every connection: what it is, whether it answers, its tables, how fresh they are, how far streams are
//! behind.

use crate::web::{http_error::HttpError, layout::Layout, request::RequestContext, response, view::source};
use axum::{extract::Path, response::Response};

page!(Page, "sources.html", source::Sources);

/// Shows them.
pub async fn sources(request: RequestContext) -> Response {
    response::show(request, |request| {
        Ok(Page { layout: Layout::new(request, "Sources"), view: source::sources(&request.web)? })
    })
    .await
}

/// Tries a connection.
pub async fn test(request: RequestContext, Path(name): Path<String>) -> Response {
    let done = tried(&request, name).await;
    response::redirect_or_error(&request, done.map(|()| "/sources".to_owned()))
}

async fn tried(request: &RequestContext, name: String) -> Result<(), HttpError> {
    let reading = request.web.service.reading();
    source::try_connection(&request.web, &reading, &name).await?;
    request.blocking(move |request| request.audit("tried", &name)).await
}

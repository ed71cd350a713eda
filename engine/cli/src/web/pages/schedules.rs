//! `/schedules`: what runs when; pausing, running, backfilling.

use crate::web::{
    form::Fields,
    http_error::HttpError,
    layout::Layout,
    request::RequestContext,
    response,
    view::schedule::{self, time},
};
use axum::{extract::Path, response::Response};
use engine_run::{options::RunOptions, schedule::record::JobRequest, service::Trigger};

page!(Page, "schedules.html", schedule::Schedules);

/// Shows them.
pub async fn schedules(request: RequestContext) -> Response {
    response::show(request, |request| {
        Ok(Page { layout: Layout::new(request, "Schedules"), view: schedule::schedules(&request.web)? })
    })
    .await
}

/// Runs a schedule now.
pub async fn run(request: RequestContext, Path(name): Path<String>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        let options = RunOptions { full_refresh: fields.ticked("full_refresh"), ..RunOptions::default() };
        let job = JobRequest { options, ..JobRequest::default() };
        let trigger = Trigger { schedule: Some(name.clone()), request: job, asked_by: request.identity.named() };
        request.web.service.trigger(trigger)?;
        request.audit("ran", &name)?;
        Ok(fields.next("/schedules"))
    });
    response::redirect_or_error(&request, done.await)
}

/// Pauses it.
pub async fn pause(request: RequestContext, Path(name): Path<String>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        request.web.service.pause(&name, &request.identity.named())?;
        request.audit("paused", &name)?;
        Ok(fields.next("/schedules"))
    });
    response::redirect_or_error(&request, done.await)
}

/// Lets it go on.
pub async fn resume(request: RequestContext, Path(name): Path<String>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        request.web.service.resume(&name)?;
        request.audit("resumed", &name)?;
        Ok(fields.next("/schedules"))
    });
    response::redirect_or_error(&request, done.await)
}

/// Runs intervals of the past.
pub async fn backfill(request: RequestContext, Path(name): Path<String>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        let (from, to) = (time(fields.text("from"))?, time(fields.text("to"))?);
        let (_, count) = request.web.service.backfill(&name, from, to, &request.identity.named())?;
        request.audit("backfilled", &format!("{name}, {count} intervals"))?;
        Ok("/schedules".to_owned())
    });
    response::redirect_or_error(&request, done.await)
}

/// Takes back what waits of a backfill.
pub async fn cancel_backfill(request: RequestContext, Path(id): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        request.web.service.unwant(None, Some(&id), &request.identity.named())?;
        request.audit("cancelled the backfill", &id)?;
        Ok("/schedules".to_owned())
    });
    response::redirect_or_error(&request, done.await)
}

/// Takes back a run that waits.
pub async fn cancel_job(request: RequestContext, Path(id): Path<i64>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        if request.web.service.unwant(Some(id), None, &request.identity.named())? == 0 {
            return Err(HttpError::conflict("it does not wait any more"));
        }
        request.audit("took back", &format!("job {id}"))?;
        Ok(fields.next("/runs"))
    });
    response::redirect_or_error(&request, done.await)
}

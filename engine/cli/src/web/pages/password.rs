//! `/password`: one's own password.

use crate::web::{
    auth::password, form::Fields, http_error::HttpError, layout::Layout, request::RequestContext, response,
    view::session,
};
use axum::{http::StatusCode, response::Response};

page!(Page, "password.html", session::Password);

/// The form.
pub async fn page(request: RequestContext) -> Response {
    response::show(request, |request| {
        Ok(Page { layout: Layout::new(request, "Password"), view: session::Password { error: None } })
    })
    .await
}

/// Changes it, and ends all other sessions.
pub async fn change(request: RequestContext, fields: Fields) -> Response {
    match changed(&request, &fields).await {
        Ok(()) => response::redirect("/"),
        Err(error) if request.json => response::error(&request, &error),
        Err(error) => {
            let view = session::Password { error: Some(error.said) };
            let page = Page { layout: Layout::new(&request, "Password"), view };
            let mut response = response::page(&request, &page);
            *response.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            response
        }
    }
}

async fn changed(request: &RequestContext, fields: &Fields) -> Result<(), HttpError> {
    let web = &request.web;
    let (name, address) = (request.identity.named(), request.identity.address.clone());
    if request.identity.cookie.is_none() {
        return Err(HttpError::forbidden("a machine's key has no password"));
    }
    let (old, new, again) = (fields.raw("old").to_owned(), fields.raw("new").to_owned(), fields.raw("again"));
    if new != again {
        return Err(HttpError::bad_request("the new password was typed in two ways"));
    }
    if let Some(wrong) = password::wrong(&new) {
        return Err(HttpError::bad_request(format!("that cannot be a password: {wrong}")));
    }
    if new == old {
        return Err(HttpError::bad_request("that is the old password"));
    }
    web.limiter.allowed(&name, &address, web.service.now_us()).map_err(HttpError::too_many_requests)?;
    let _turn = web.passwords.acquire().await.map_err(|_| HttpError::internal("the service is ending"))?;
    let done = request.blocking(move |request| {
        let records = &request.web.records;
        let user = records.user(&request.identity.named())?;
        let known = user.as_ref().map(|user| user.password.as_str());
        if !password::is(&old, known) {
            return Ok(false);
        }
        let digest = password::digest(&new).map_err(|error| HttpError::internal(error.to_string()))?;
        let keep = request.identity.cookie.as_deref().map(password::of_key);
        records.set_password(&request.identity.named(), &digest, false, keep.as_deref())?;
        request.audit("changed their password", "")?;
        Ok(true)
    });
    if done.await? {
        return Ok(());
    }
    web.limiter.failed(&name, &address, web.service.now_us());
    Err(HttpError::forbidden("the old password is wrong"))
}

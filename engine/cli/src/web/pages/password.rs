//! `/password`: one's own password.

use crate::web::{answer, forms::Fields, password, shell::Shell, trouble::Trouble, visit::Visit};
use askama::Template;
use axum::{http::StatusCode, response::Response};
use serde::Serialize;

#[derive(Template, Serialize)]
#[template(path = "password.html")]
struct Page {
    #[serde(skip)]
    shell: Shell,
    error: Option<String>,
}

/// The form.
pub async fn page(visit: Visit) -> Response {
    visit.show(|visit| Ok(Page { shell: visit.shell("Password"), error: None })).await
}

/// Changes it, and ends all other sessions.
pub async fn change(visit: Visit, fields: Fields) -> Response {
    match changed(&visit, &fields).await {
        Ok(()) => answer::go("/"),
        Err(trouble) => {
            let page = Page { shell: visit.shell("Password"), error: Some(trouble.said) };
            let mut response = answer::page(&visit, &page);
            *response.status_mut() = StatusCode::from_u16(trouble.status).unwrap_or(StatusCode::BAD_REQUEST);
            response
        }
    }
}

async fn changed(visit: &Visit, fields: &Fields) -> Result<(), Trouble> {
    let web = &visit.web;
    let (name, address) = (visit.who.named(), visit.who.address.clone());
    if visit.who.cookie.is_none() {
        return Err(Trouble::forbidden("a machine's key has no password"));
    }
    let (old, new, again) = (fields.raw("old").to_owned(), fields.raw("new").to_owned(), fields.raw("again"));
    if new != again {
        return Err(Trouble::wrong("the new password was typed in two ways"));
    }
    if let Some(wrong) = password::wrong(&new) {
        return Err(Trouble::wrong(format!("that cannot be a password: {wrong}")));
    }
    if new == old {
        return Err(Trouble::wrong("that is the old password"));
    }
    web.limiter.allowed(&name, &address, web.service.now_us()).map_err(Trouble::too_often)?;
    let _turn = web.passwords.acquire().await.map_err(|_| Trouble::failed("the service is ending"))?;
    let done = visit.does(move |visit| {
        let records = &visit.web.records;
        let user = records.user(&visit.who.named())?;
        let known = user.as_ref().map(|user| user.password.as_str());
        if !password::is(&old, known) {
            return Ok(false);
        }
        let digest = password::digest(&new).map_err(|error| Trouble::failed(error.to_string()))?;
        let keep = visit.who.cookie.as_deref().map(password::of_key);
        records.set_password(&visit.who.named(), &digest, false, keep.as_deref())?;
        visit.note("changed their password", "")?;
        Ok(true)
    });
    if done.await? {
        return Ok(());
    }
    web.limiter.failed(&name, &address, web.service.now_us());
    Err(Trouble::forbidden("the old password is wrong"))
}

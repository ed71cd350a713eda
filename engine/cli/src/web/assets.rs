//! Script, style and icon: in the program itself.

use crate::web::request::RequestContext;
use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use rust_embed::RustEmbed;
use std::sync::LazyLock;

#[derive(RustEmbed)]
#[folder = "src/web/assets"]
struct Assets;

/// A digest of all of them: it stands in their addresses, so that browsers may keep them for ever.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let mut hash = blake3::Hasher::new();
        for name in Assets::iter() {
            hash.update(name.as_bytes());
            hash.update(&Assets::get(&name).map(|file| file.data.into_owned()).unwrap_or_default());
        }
        hash.finalize().to_hex()[..12].to_owned()
    });
    &VERSION
}

/// One of them.
pub async fn asset(_: RequestContext, Path((_, name)): Path<(String, String)>) -> Response {
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match Assets::get(&name) {
        Some(file) => {
            let kept = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (kept, file.data.into_owned()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

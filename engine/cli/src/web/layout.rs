//! What stands around every page: who is signed in, where one can go, what everybody should know.

use crate::web::request::RequestContext;
use engine_run::history::users::Role;

/// What every page knows.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The page's title.
    pub title: String,
    /// The path, for marking where one is.
    pub path: String,
    /// Who is signed in.
    pub name: String,
    /// As what.
    pub role: &'static str,
    /// Whether they may run, cancel, pause.
    pub operates: bool,
    /// Whether they may say who may do what.
    pub administers: bool,
    /// What signs forms.
    pub csrf: String,
    /// Whether they still have the password that was made up for them.
    pub first_password: bool,
    /// The project's folder and target.
    pub project: String,
    /// The target.
    pub target: String,
    /// How many errors the project on disk has.
    pub errors: usize,
    /// The process that keeps runs from beginning.
    pub blocked_by: Option<u32>,
    /// Which script and style belong to this build.
    pub version: &'static str,
}

impl Layout {
    /// For a request.
    pub fn new(request: &RequestContext, title: &str) -> Self {
        let (web, who) = (&request.web, &request.identity);
        let folder = web.root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            title: title.to_owned(),
            path: request.path.clone(),
            name: who.name.clone().unwrap_or_default(),
            role: who.role.map_or("", Role::word),
            operates: who.may(Role::Operator),
            administers: who.may(Role::Admin),
            csrf: who.csrf(&web.key),
            first_password: who.first_password,
            project: folder,
            target: web.service.reading().project.target.as_str().to_owned(),
            errors: web.service.broken().map_or(0, |broken| broken.problems.count().0),
            blocked_by: web.service.blocked_by(),
            version: super::assets::version(),
        }
    }

    /// `page`, where one is, else nothing: for `aria-current`.
    pub fn at(&self, path: &str) -> &'static str {
        let here = self.path == path || (path != "/" && self.path.starts_with(&format!("{path}/")));
        if here { "page" } else { "false" }
    }
}

//! Pages: each draws a view with its template. A page as `.json` is that view.

/// A page: a template whose fields are those of a view, and some more that are only drawn.
macro_rules! page {
    ($(#[$doc:meta])* $name:ident, $path:tt, $view:ty $(, $field:ident: $kind:ty)*) => {
        $(#[$doc])*
        #[derive(askama::Template)]
        #[template(path = $path)]
        struct $name {
            layout: crate::web::layout::Layout,
            view: $view,
            $($field: $kind,)*
        }

        impl std::ops::Deref for $name {
            type Target = $view;

            fn deref(&self) -> &$view {
                &self.view
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.view.serialize(serializer)
            }
        }
    };
}

pub mod audit;
pub mod checks;
pub mod gantt;
pub mod graph;
pub mod grid;
pub mod home;
pub mod login;
pub mod model;
pub mod models;
pub mod password;
pub mod run;
pub mod runs;
pub mod schedules;
pub mod sources;
pub mod users;

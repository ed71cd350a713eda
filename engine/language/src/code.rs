//! The codes of diagnostics, each with a page of its own beside this file: `code/E0001.md`.
//!
//! E00xx files and TOML · E01xx templates · E02xx SQL, columns and types · E03xx data and runs · E04xx names, graph
//! and selection · E05xx systems and connections · E06xx tests and snapshots · Wxxxx warnings, same blocks.

/// A kind of mistake.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// What is printed, such as `E0202`.
    pub id: &'static str,
    /// What `engine explain` prints: a title line, then Markdown.
    pub page: &'static str,
}

macro_rules! codes {
    ($($id:ident)*) => {
        $(
            #[doc = include_str!(concat!("code/", stringify!($id), ".md"))]
            pub static $id: Code = Code {
                id: stringify!($id),
                page: include_str!(concat!("code/", stringify!($id), ".md")),
            };
        )*
        /// Every code, in order.
        pub static ALL: &[&Code] = &[$(&$id),*];
    };
}

codes! {
    E0001
    E0002
}

/// The code that a user typed, in any case.
pub fn find(id: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.id.eq_ignore_ascii_case(id)).copied()
}

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
    E0003
    E0004
    E0005
    E0006
    E0007
    E0008
    E0009
    E0010
    E0011
    E0012
    E0100
    E0101
    E0102
    E0103
    E0104
    E0105
    E0106
    E0107
    E0108
    E0109
    E0110
    E0112
    E0113
    E0114
    E0115
    E0116
    E0117
    E0201
    E0202
    E0203
    E0204
    E0205
    E0206
    E0211
    E0212
    E0213
    E0214
    E0215
    E0216
    E0217
    E0300
    E0301
    E0302
    E0303
    E0304
    E0305
    E0306
    E0307
    E0308
    E0309
    E0310
    E0311
    E0312
    E0313
    E0314
    E0315
    E0330
    E0400
    E0401
    E0420
    E0421
    E0422
    E0423
    E0424
    E0425
    E0426
    E0427
    E0428
    E0429
    E0430
    E0431
    E0432
    E0433
    E0434
    E0435
    E0436
    E0500
    E0510
    E0511
    E0512
    E0520
    E0521
    E0600
    E0601
    E0602
    E0603
    E0604
    W0112
    W0210
    W0512
    W0514
    W0515
    W0516
    W0517
    W0518
}

/// The code that a user typed, in any case.
pub fn find(id: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.id.eq_ignore_ascii_case(id)).copied()
}

//! One file a page.

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

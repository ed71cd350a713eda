//! One file a command.

pub mod check;
pub mod clean;
pub mod completions;
pub mod dlq;
pub mod doctor;
pub mod explain;
pub mod generate;
pub mod graph;
pub mod init;
pub mod logs;
pub mod ls;
pub mod online;
pub mod plan;
pub mod reference;
pub mod retry;
pub mod run;
pub mod schedules;
pub mod serve;
pub mod show;
pub mod test;
pub mod user;

//! Executes plans: ready steps in parallel, retries, and what all kinds of steps share.

pub mod operators;
mod ready_queue;
mod retry;
pub mod runner;
pub mod step;
pub mod wait_ready;
pub mod write_rows;

//! Executes plans: ready steps in parallel, retries, and waiting for systems.

mod ready_queue;
mod retry;
mod run_plan;
pub mod wait_ready;

//! Work that calls itself once for each operator of an expression, on a stack that has room for thousands.

use std::{
    future::{Future, poll_fn},
    pin::pin,
};

/// The size of that one. It is reserved, and only what is used of it becomes memory.
const STACK: usize = 128 << 20;

/// Does this on a stack that is deep enough.
pub fn deep<T>(work: impl FnOnce() -> T) -> T {
    match stacker::remaining_stack() {
        Some(left) if left > STACK / 2 => work(),
        _ => stacker::grow(STACK, work),
    }
}

/// Polls this on a stack that is deep enough.
pub async fn deeply<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| deep(|| work.as_mut().poll(context))).await
}

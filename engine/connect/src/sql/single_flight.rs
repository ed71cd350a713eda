//! One question for all who would ask it at the same time.

use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// The last answer to a question whose answer changes. Whoever asks gets an answer to a question that was put after they
/// asked: never an older one.
#[derive(Debug)]
pub struct SingleFlight<T> {
    /// Questions put.
    put: AtomicU64,
    /// The last answer, with the number of its question; 0 before the first.
    last: Mutex<(u64, Option<T>)>,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self { put: AtomicU64::new(0), last: Mutex::new((0, None)) }
    }
}

impl<T: Clone> SingleFlight<T> {
    /// The answer as of now or a little later.
    pub async fn get<E>(&self, ask: impl AsyncFnOnce() -> Result<T, E>) -> Result<T, E> {
        let put_before = self.put.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if let (number, Some(answer)) = &*last
            && *number > put_before
        {
            return Ok(answer.clone());
        }
        let number = self.put.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = ask().await?;
        *last = (number, Some(answer.clone()));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::SingleFlight;
    use futures::future::join_all;
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };

    #[tokio::test]
    async fn who_waits_shares_an_answer_and_who_comes_later_does_not() {
        let (shared, asked) = (SingleFlight::default(), AtomicUsize::new(0));
        let ask = async || {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(asked.fetch_add(1, Ordering::SeqCst))
        };
        let answers = join_all((0..7).map(|_| shared.get(ask))).await;
        let answers: Vec<usize> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, [0, 1, 1, 1, 1, 1, 1], "the first question was under way when the others came");
        assert_eq!(shared.get(ask).await, Ok(2), "the table may have been written since");
    }

    #[tokio::test]
    async fn a_question_that_fails_is_put_again() {
        let shared = SingleFlight::default();
        assert_eq!(shared.get(async || Err::<u8, _>("gone")).await, Err("gone"));
        assert_eq!(shared.get(async || Ok::<u8, &str>(7)).await, Ok(7));
    }
}

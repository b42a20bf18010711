//! Activity code that stands still for a while, as under a long garbage collection or a frozen
//! machine.

use std::{future::poll_fn, task::Poll, time::Duration};

use futures::future::BoxFuture;

/// A pause of an attempt's code: before the code begins, or at its first await.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    /// Virtual milliseconds.
    pub(crate) ms: u64,
    /// True if the code runs up to its first await before it stands still.
    pub(crate) at_first_await: bool,
}

impl Pause {
    /// Runs the future with the pause in it. The result of code without an await is returned late.
    pub(crate) async fn of<T: 'static>(self, mut future: BoxFuture<'static, T>) -> T {
        let early = if self.at_first_await {
            first_await(&mut future).await
        } else {
            None
        };
        tokio::time::sleep(Duration::from_millis(self.ms)).await;
        match early {
            Some(value) => value,
            None => future.await,
        }
    }
}

/// Runs the future up to its first await; returns its output if it had none.
pub(crate) async fn first_await<T>(future: &mut BoxFuture<'static, T>) -> Option<T> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests;

//! The answer that a client waits for.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use durasim_service::RequestId;
use futures::channel::oneshot;
use tonic::Status;

use super::World;

/// The answer to a client's request, to be awaited. Dropping it abandons the request.
pub(crate) struct ClientCall {
    pub(super) id: RequestId,
    pub(super) receiver: oneshot::Receiver<Result<Vec<u8>, Status>>,
    pub(super) answered: bool,
}

impl Future for ClientCall {
    type Output = Result<Vec<u8>, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(cx).map(|answer| {
            self.answered = true;
            answer.unwrap_or_else(|_| Err(Status::cancelled("the simulated world ended")))
        })
    }
}

impl Drop for ClientCall {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        if let Some(world) = World::try_current() {
            // While the state is borrowed the world itself is dropping the caller, and knows.
            if let Ok(mut state) = world.state.try_borrow_mut() {
                state.cancel_request(self.id);
            }
        }
    }
}

//! Actors: tasks that run beside the test in the same world.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures::channel::oneshot;

use crate::world::World;

/// An actor started by [`spawn`](crate::TestWorkflowEnvironment::spawn). Await it for its output,
/// or drop it: the actor runs on either way.
///
/// ```
#[doc = include_str!("../../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// let other = env.clone();
/// let actor = env.spawn(async move {
///     other.sleep(Duration::from_secs(3600)).await;
///     other.now()
/// });
/// assert_eq!(actor.await, env.now());
/// # Ok(())
/// # }));
/// ```
pub struct Actor<T>(oneshot::Receiver<T>);

impl<T> Future for Actor<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match Pin::new(&mut self.0).poll(cx) {
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            // An actor that panicked has ended the world: nobody is left to answer.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> std::fmt::Debug for Actor<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Actor")
    }
}

pub(super) fn spawn<T: 'static>(
    world: &Rc<World>,
    future: impl Future<Output = T> + 'static,
) -> Actor<T> {
    let (sender, receiver) = oneshot::channel();
    let mut checks = world.checks.borrow_mut();
    let name = format!("actor#{}", checks.actors.len() + 1);
    let task = world.executor.spawn(name, async move {
        // The test may not want the value.
        let _ = sender.send(future.await);
    });
    checks.actors.push(task);
    Actor(receiver)
}

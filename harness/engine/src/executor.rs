//! The executor: tasks polled one at a time, in an order that the caller chooses.
//!
//! All tasks are polled on the thread of their world. Ready tasks stand in the order in which they
//! were woken, each once however often it was woken. The caller picks the task to poll next
//! ([`Executor::poll_one`]), as a choice of the world. Wakers may be used from anywhere, timers and
//! other threads included.
//!
//! ```
//! use std::{cell::RefCell, rc::Rc};
//! use durasim_engine::Executor;
//!
//! let executor = Executor::new();
//! let order = Rc::new(RefCell::new(Vec::new()));
//! for name in ["first", "second"] {
//!     let order = order.clone();
//!     executor.spawn(name, async move { order.borrow_mut().push(name) });
//! }
//! // Always the last of the ready tasks.
//! while executor.poll_one(|names| names.len() - 1).is_some() {}
//! assert_eq!(*order.borrow(), ["second", "first"]);
//! ```

use std::{
    any::Any,
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    future::{Future, poll_fn},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::future::LocalBoxFuture;

use crate::watch;

/// The identity of a task: its number in the order of spawning, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(u64);

/// The state of a task after a poll.
#[derive(Debug)]
pub enum Outcome {
    /// The task waits for something.
    Pending,
    /// The task finished, and is removed.
    Finished,
    /// The task was cancelled by its own poll, and is removed.
    Cancelled,
    /// The task panicked, and is removed.
    Panicked(TaskPanic),
}

/// One poll of one task.
#[derive(Debug)]
pub struct Polled {
    /// The identity of the task.
    pub id: TaskId,
    /// The name of the task.
    pub name: Rc<str>,
    /// The state of the task after the poll.
    pub outcome: Outcome,
}

/// The panic of a task.
pub struct TaskPanic {
    /// The name of the task.
    pub name: Rc<str>,
    /// The message of the panic; says so if the panic had no text.
    pub message: String,
    /// The payload of the panic, to resume the panic elsewhere.
    pub payload: Box<dyn Any + Send>,
}

impl fmt::Debug for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskPanic")
            .field("name", &self.name)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task `{}` panicked: {}", self.name, self.message)
    }
}

/// The tasks of one world. A clone is another handle to the same tasks, so that tasks can spawn and
/// cancel.
///
/// A task that holds such a handle keeps the others alive: end a world with
/// [`Executor::cancel_all`].
#[derive(Clone, Default)]
pub struct Executor {
    tasks: Rc<RefCell<Tasks>>,
    inbox: Arc<Inbox>,
}

#[derive(Default)]
struct Tasks {
    next_id: u64,
    live: BTreeMap<TaskId, Task>,
    /// The ready tasks, in the order in which they were woken.
    ready: Vec<TaskId>,
    /// The names of the ready tasks, in the same order.
    ready_names: Vec<Rc<str>>,
    /// The tasks taken out of the inbox; kept so that it need not be allocated again.
    scratch: Vec<TaskId>,
    /// The name of the task that is being polled.
    polled: Option<Rc<str>>,
}

struct Task {
    name: Rc<str>,
    /// The future; `None` while it is being polled.
    future: Option<LocalBoxFuture<'static, ()>>,
    alarm: Arc<Alarm>,
    waker: Waker,
}

/// The tasks that were woken since the executor last looked.
#[derive(Default)]
struct Inbox {
    woken: Mutex<Vec<TaskId>>,
    /// True if `woken` is not empty: the executor looks often, and mostly finds nothing.
    has_woken: AtomicBool,
    /// The waker of the root future, which waits for a ready task.
    root: Mutex<Option<Waker>>,
}

/// The waker of one task.
struct Alarm {
    id: TaskId,
    /// True if the task is in the inbox or ready already.
    queued: AtomicBool,
    inbox: Arc<Inbox>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        lock(&self.inbox.woken).push(self.id);
        self.inbox.has_woken.store(true, Ordering::Release);
        let root = lock(&self.inbox.root).take();
        if let Some(root) = root {
            root.wake();
        }
    }
}

impl Executor {
    /// Creates an executor without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task, ready to be polled. Its name is for people, and for the `pick` of
    /// [`Executor::poll_one`].
    pub fn spawn(
        &self,
        name: impl Into<Rc<str>>,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskId {
        let future: LocalBoxFuture<'static, ()> = Box::pin(future);
        let id = {
            let mut tasks = self.tasks.borrow_mut();
            let id = TaskId(tasks.next_id);
            tasks.next_id += 1;
            let alarm = Arc::new(Alarm {
                id,
                queued: AtomicBool::new(false),
                inbox: self.inbox.clone(),
            });
            let waker = Waker::from(alarm.clone());
            tasks.live.insert(
                id,
                Task {
                    name: name.into(),
                    future: Some(future),
                    alarm,
                    waker,
                },
            );
            id
        };
        self.wake(id);
        id
    }

    /// Wakes a task as its own waker does. Does nothing if the task was removed.
    pub fn wake(&self, id: TaskId) {
        let alarm = self
            .tasks
            .borrow()
            .live
            .get(&id)
            .map(|task| task.alarm.clone());
        if let Some(alarm) = alarm {
            alarm.wake();
        }
    }

    /// Removes a task and drops its future; returns `false` if it was removed before.
    ///
    /// A task that cancels itself is dropped as soon as its poll returns.
    pub fn cancel(&self, id: TaskId) -> bool {
        let removed = self.tasks.borrow_mut().remove(id);
        // The future is dropped only now, with no borrow held: a drop may spawn or cancel.
        removed.is_some()
    }

    /// Removes all tasks and drops their futures, oldest first.
    pub fn cancel_all(&self) {
        loop {
            let oldest = self.tasks.borrow().live.keys().next().copied();
            let Some(id) = oldest else { return };
            self.cancel(id);
        }
    }

    /// Returns `true` if a task has neither finished nor been cancelled.
    pub fn is_live(&self, id: TaskId) -> bool {
        self.tasks.borrow().live.contains_key(&id)
    }

    /// Returns the number of tasks.
    pub fn len(&self) -> usize {
        self.tasks.borrow().live.len()
    }

    /// Returns `true` if there are no tasks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the names of all tasks, oldest first.
    pub fn names(&self) -> Vec<Rc<str>> {
        self.tasks
            .borrow()
            .live
            .values()
            .map(|task| task.name.clone())
            .collect()
    }

    /// Returns the name of the task that is being polled, for code that the task calls.
    pub fn polled(&self) -> Option<Rc<str>> {
        self.tasks.borrow().polled.clone()
    }

    /// Returns the number of tasks that are ready to be polled.
    pub fn ready(&self) -> usize {
        let mut tasks = self.tasks.borrow_mut();
        tasks.collect(&self.inbox);
        tasks.ready.len()
    }

    /// Polls one of the ready tasks; returns `None` if none is ready.
    ///
    /// `pick` takes the names of the ready tasks, in the order in which they were woken, and
    /// returns an index.
    ///
    /// # Panics
    ///
    /// If `pick` returns an index that is out of range, or spawns or cancels tasks.
    pub fn poll_one(&self, pick: impl FnOnce(&[Rc<str>]) -> usize) -> Option<Polled> {
        self.tasks.borrow_mut().collect(&self.inbox);
        let index = {
            let tasks = self.tasks.borrow();
            if tasks.ready.is_empty() {
                return None;
            }
            pick(&tasks.ready_names)
        };
        // No borrow is held while the future is polled: it may spawn and cancel.
        let (id, name, mut future, waker) = self.tasks.borrow_mut().check_out(index);
        let mut context = Context::from_waker(&waker);
        watch::enters(&name);
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
        self.tasks.borrow_mut().polled = None;
        let outcome = self.check_in(id, &name, future, poll);
        Some(Polled { id, name, outcome })
    }

    /// Puts back the future of a task that was polled, or removes the task.
    fn check_in(
        &self,
        id: TaskId,
        name: &Rc<str>,
        future: LocalBoxFuture<'static, ()>,
        poll: Result<Poll<()>, Box<dyn Any + Send>>,
    ) -> Outcome {
        match poll {
            Ok(Poll::Pending) => match self.tasks.borrow_mut().live.get_mut(&id) {
                Some(task) => {
                    task.future = Some(future);
                    Outcome::Pending
                }
                None => Outcome::Cancelled,
            },
            Ok(Poll::Ready(())) => {
                self.cancel(id);
                Outcome::Finished
            }
            Err(payload) => {
                self.cancel(id);
                let message = panic_message(payload.as_ref());
                // A panic of the drop must not replace the first panic.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
                Outcome::Panicked(TaskPanic {
                    name: name.clone(),
                    message,
                    payload,
                })
            }
        }
    }

    /// Registers a waker to be woken, once, when a task becomes ready; at once if one is ready.
    fn register_root(&self, waker: &Waker) {
        {
            let mut root = lock(&self.inbox.root);
            match root.as_mut() {
                Some(registered) => registered.clone_from(waker),
                None => *root = Some(waker.clone()),
            }
        }
        if self.ready() > 0
            && let Some(root) = lock(&self.inbox.root).take()
        {
            root.wake();
        }
    }

    /// Waits until a task is ready.
    pub fn until_ready(&self) -> impl Future<Output = ()> + use<> {
        let executor = self.clone();
        poll_fn(move |context| {
            if executor.ready() > 0 {
                return Poll::Ready(());
            }
            executor.register_root(context.waker());
            Poll::Pending
        })
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("tasks", &self.names())
            .finish_non_exhaustive()
    }
}

impl Tasks {
    /// Moves the woken tasks from the inbox to the end of the ready ones.
    fn collect(&mut self, inbox: &Inbox) {
        if !inbox.has_woken.load(Ordering::Acquire) {
            return;
        }
        inbox.has_woken.store(false, Ordering::Release);
        mem::swap(&mut *lock(&inbox.woken), &mut self.scratch);
        for id in self.scratch.drain(..) {
            // A task that was removed may still be woken by a waker it left behind.
            if let Some(task) = self.live.get(&id) {
                self.ready.push(id);
                self.ready_names.push(task.name.clone());
            }
        }
    }

    /// Takes out the future of the ready task at `index`, to be polled without a borrow.
    fn check_out(&mut self, index: usize) -> (TaskId, Rc<str>, LocalBoxFuture<'static, ()>, Waker) {
        let ready = self.ready.len();
        assert!(
            index < ready,
            "the index of a ready task must be below {ready}, not {index}"
        );
        let id = self.ready.remove(index);
        let name = self.ready_names.remove(index);
        let task = self.live.get_mut(&id).expect("a ready task is live");
        let future = task
            .future
            .take()
            .expect("a ready task is not being polled");
        // From here on a wake counts again: it may come from within the poll.
        task.alarm.queued.store(false, Ordering::Release);
        self.polled = Some(name.clone());
        (id, name, future, task.waker.clone())
    }

    fn remove(&mut self, id: TaskId) -> Option<Task> {
        let task = self.live.remove(&id)?;
        if let Some(index) = self.ready.iter().position(|ready| *ready == id) {
            self.ready.remove(index);
            self.ready_names.remove(index);
        }
        Some(task)
    }
}

/// Returns the message of a panic; says so if the panic had no text.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a value that is not text".to_owned()
    }
}

/// Locks a mutex. Poison is ignored: no code under these locks can panic halfway through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

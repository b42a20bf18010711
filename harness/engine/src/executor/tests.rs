use std::{cell::Cell, future::pending, thread};

use futures::{channel::oneshot, task::noop_waker};

use super::*;

/// Polls the first ready task until none is ready; returns the names and outcomes in order.
fn run(executor: &Executor) -> Vec<String> {
    let mut polls = Vec::new();
    while let Some(polled) = executor.poll_one(|_| 0) {
        polls.push(match polled.outcome {
            Outcome::Pending => format!("{} pending", polled.name),
            Outcome::Finished => format!("{} finished", polled.name),
            Outcome::Cancelled => format!("{} cancelled", polled.name),
            Outcome::Panicked(panic) => panic.to_string(),
        });
    }
    polls
}

fn yield_now() -> impl Future<Output = ()> {
    let mut yielded = false;
    poll_fn(move |context| {
        if mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// A waker that counts its wakes.
#[derive(Default)]
struct Bell(Mutex<u32>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *lock(&self.0) += 1;
    }
}

/// A value that calls a closure when dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn ready_tasks_stand_in_the_order_in_which_they_were_woken() {
    let executor = Executor::new();
    let ids: Vec<TaskId> = ["a", "b", "c"]
        .into_iter()
        .map(|name| executor.spawn(name, pending::<()>()))
        .collect();
    assert_eq!(run(&executor), ["a pending", "b pending", "c pending"]);
    for index in [2, 0, 1] {
        executor.wake(ids[index]);
    }
    assert_eq!(executor.ready(), 3);
    let picked = executor.poll_one(|names| {
        assert_eq!(names, ["c".into(), "a".into(), "b".into()]);
        1
    });
    assert_eq!(&*picked.unwrap().name, "a");
    assert_eq!(run(&executor), ["c pending", "b pending"]);
}

#[test]
fn a_task_that_is_woken_often_is_polled_once() {
    let executor = Executor::new();
    let id = executor.spawn("a", pending::<()>());
    run(&executor);
    for _ in 0..5 {
        executor.wake(id);
    }
    assert_eq!(executor.ready(), 1);
    assert_eq!(run(&executor), ["a pending"]);
}

#[test]
fn a_wake_during_a_poll_is_not_lost() {
    let executor = Executor::new();
    executor.spawn("a", yield_now());
    executor.spawn("b", async {});
    assert_eq!(run(&executor), ["a pending", "b finished", "a finished"]);
    assert!(executor.is_empty());
}

#[test]
fn a_panic_is_caught_and_reported_with_the_name_of_its_task() {
    let executor = Executor::new();
    executor.spawn("text", async { panic!("literal") });
    executor.spawn("formatted", async { panic!("number {}", 5) });
    executor.spawn("other", async { std::panic::panic_any(5_u8) });
    executor.spawn("sound", async {});
    let expected = [
        "task `text` panicked: literal",
        "task `formatted` panicked: number 5",
        "task `other` panicked: a value that is not text",
        "sound finished",
    ];
    assert_eq!(run(&executor), expected);
    assert!(executor.is_empty());
}

#[test]
fn cancelling_drops_the_future_at_once_and_forgets_the_task() {
    let executor = Executor::new();
    let dropped = Rc::new(Cell::new(false));
    let guard = OnDrop({
        let dropped = dropped.clone();
        move || dropped.set(true)
    });
    let id = executor.spawn("a", async move {
        let _guard = guard;
        pending::<()>().await;
    });
    assert!(executor.is_live(id));
    assert!(executor.cancel(id));
    assert!(dropped.get());
    assert!(!executor.is_live(id));
    assert!(!executor.cancel(id));
    assert_eq!(executor.ready(), 0);
}

#[test]
fn a_task_can_cancel_itself_and_others_and_spawn() {
    let executor = Executor::new();
    let own = Rc::new(Cell::new(None));
    let id = executor.spawn("self", {
        let (executor, own) = (executor.clone(), own.clone());
        async move {
            executor.cancel(own.get().unwrap());
            executor.spawn("child", async {});
            pending::<()>().await;
        }
    });
    own.set(Some(id));
    let victim = executor.spawn("victim", async {});
    executor.spawn("killer", {
        let executor = executor.clone();
        async move { assert!(!executor.cancel(victim)) }
    });
    assert_eq!(
        run(&executor),
        [
            "self cancelled",
            "victim finished",
            "killer finished",
            "child finished"
        ]
    );
}

#[test]
fn a_future_may_use_the_executor_when_it_is_dropped() {
    let executor = Executor::new();
    let spawning = |name: &'static str| {
        let executor = executor.clone();
        OnDrop(move || {
            executor.spawn(name, async {});
        })
    };
    let cancelled = spawning("after cancel");
    let panicking = spawning("after panic");
    let finishing = spawning("after finish");
    let id = executor.spawn("cancelled", async move {
        let _cancelled = cancelled;
        pending::<()>().await;
    });
    executor.cancel(id);
    executor.spawn("panicking", async move {
        let _panicking = panicking;
        panic!("as the test says");
    });
    executor.spawn("finishing", async move { drop(finishing) });
    run(&executor);
    assert!(executor.is_empty());
    executor.spawn("left", pending::<()>());
    executor.cancel_all();
    assert!(executor.is_empty());
}

#[test]
fn wakes_may_come_from_other_threads_and_wake_the_root_once() {
    let executor = Executor::new();
    let (sender, receiver) = oneshot::channel::<()>();
    executor.spawn("waits", async { receiver.await.unwrap() });
    run(&executor);

    let bell = Arc::new(Bell::default());
    executor.register_root(&Waker::from(bell.clone()));
    assert_eq!(*lock(&bell.0), 0);
    thread::scope(|scope| {
        scope.spawn(|| sender.send(()).unwrap());
    });
    executor.spawn("another", async {});
    assert_eq!(*lock(&bell.0), 1);
    assert_eq!(run(&executor), ["waits finished", "another finished"]);
}

#[test]
fn a_root_that_registers_with_a_task_ready_is_woken_at_once() {
    let executor = Executor::new();
    executor.spawn("a", async {});
    let bell = Arc::new(Bell::default());
    executor.register_root(&Waker::from(bell.clone()));
    assert_eq!(*lock(&bell.0), 1);
}

#[test]
fn until_ready_ends_when_a_task_is_ready() {
    let executor = Executor::new();
    let mut waiting = Box::pin(executor.until_ready());
    let waker = noop_waker();
    let mut context = Context::from_waker(&waker);
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    executor.spawn("a", async {});
    assert!(waiting.as_mut().poll(&mut context).is_ready());
}

#[test]
fn the_wakers_of_a_finished_task_do_nothing() {
    let executor = Executor::new();
    let left = Rc::new(RefCell::new(None));
    executor.spawn("a", {
        let left = left.clone();
        poll_fn(move |context| {
            *left.borrow_mut() = Some(context.waker().clone());
            Poll::Ready(())
        })
    });
    run(&executor);
    let waker: Waker = left.take().unwrap();
    waker.wake();
    assert_eq!(executor.ready(), 0);
    assert!(
        executor
            .poll_one(|_| unreachable!("nothing is ready"))
            .is_none()
    );
}

#[test]
#[should_panic(expected = "the index of a ready task must be below 1, not 1")]
fn an_index_out_of_range_is_refused() {
    let executor = Executor::new();
    executor.spawn("a", async {});
    executor.poll_one(<[_]>::len);
}

//! Hidden nondeterminism: if a command depends on something that workflow code must not use,
//! durasim names the command and the line that issued it, or the line that awaits something outside
//! the SDK.
//!
//! Each test runs one fault-free world, as a plain `#[workflow_test]` does. The reported line must
//! be the one after the comment `// issued by NAME`.

#![expect(
    clippy::unused_async,
    reason = "an activity that is not async would leave the simulated thread"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "they are what is to be caught"
)]

use std::{
    cell::Cell,
    collections::HashMap,
    fs,
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use durasim::{
    advanced::{Campaign, WorldOptions},
    prelude::*,
    report::{Failure, FailureCode},
};
use futures::{FutureExt, channel::oneshot};
use pretty_assertions::assert_eq;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

struct Notes;

#[activities]
impl Notes {
    #[activity]
    async fn write(_ctx: ActivityContext, note: String) -> Result<String, ActivityError> {
        Ok(note)
    }

    #[activity]
    async fn think(_ctx: ActivityContext, question: String) -> Result<usize, ActivityError> {
        let thinking = std::thread::spawn(move || question.len());
        Ok(thinking.join().unwrap_or(0))
    }

    #[activity]
    async fn replace(_ctx: ActivityContext, file: (PathBuf, String)) -> Result<(), ActivityError> {
        Ok(fs::write(file.0, file.1)?)
    }
}

fn briefly() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(30))
}

thread_local! {
    static RUNS_OF_THREAD: Cell<u32> = const { Cell::new(0) };
}

static RUNS: AtomicU32 = AtomicU32::new(0);
static FLIPS: AtomicU32 = AtomicU32::new(0);

/// Issues a command that depends on the forbidden thing that its input names.
#[workflow]
#[derive(Default)]
struct Careless;

#[workflow_methods]
impl Careless {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, how: String) -> WorkflowResult<()> {
        match how.split_once(' ').unwrap_or((how.as_str(), "")) {
            ("clock", _) => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                // issued by clock
                ctx.execute_activity(
                    Notes::write,
                    format!("at {} ms", now.as_millis()),
                    briefly(),
                )
                .await?;
            }
            ("stopwatch", _) => {
                let begun = Instant::now();
                ctx.timer(Duration::from_hours(1)).await;
                // issued by stopwatch
                ctx.timer(Duration::from_hours(2).saturating_sub(begun.elapsed()))
                    .await;
            }
            ("dice", _) => {
                let thrown = RandomState::new().hash_one(0) % 1_000_000;
                // issued by dice
                ctx.timer(Duration::from_secs(1 + thrown)).await;
            }
            ("coin", _) => {
                if rand::random::<bool>() {
                    // issued by coin
                    ctx.execute_activity(Notes::write, "heads", briefly())
                        .await?;
                }
                ctx.timer(Duration::from_secs(1)).await;
            }
            ("loaded", _) => {
                if rand::random_bool(0.2) {
                    // issued by loaded coin
                    ctx.execute_activity(Notes::write, "heads", briefly())
                        .await?;
                }
                ctx.timer(Duration::from_secs(1)).await;
            }
            ("nanoseconds", _) => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                let is_odd = now.subsec_nanos() % 2 == 1;
                // issued by nanoseconds
                ctx.timer(Duration::from_secs(if is_odd { 1 } else { 2 }))
                    .await;
            }
            ("hour", _) => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                let is_morning = now.as_secs() / 3600 % 24 < 12;
                // issued by hour
                ctx.timer(Duration::from_secs(if is_morning { 1 } else { 2 }))
                    .await;
            }
            ("rare", _) => {
                if RandomState::new().hash_one(0).is_multiple_of(8) {
                    // issued by rare
                    ctx.timer(Duration::from_secs(1)).await;
                }
                ctx.execute_activity(Notes::write, "seldom later", briefly())
                    .await?;
            }
            ("channel", _) => {
                let (sender, answer) = oneshot::channel();
                // issued by channel
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(2));
                    sender.send("42".to_owned())
                });
                let answer = answer.await.unwrap_or_default();
                ctx.execute_activity(Notes::write, answer, briefly())
                    .await?;
            }
            ("order", _) => {
                let readers: HashMap<_, _> = (0..16)
                    .map(|number| (format!("reader {number}"), number))
                    .collect();
                for reader in readers.into_keys() {
                    // issued by order
                    ctx.execute_activity(Notes::write, reader, briefly())
                        .await?;
                }
            }
            ("file", path) => {
                let rate = fs::read_to_string(path).unwrap_or_default();
                // issued by file
                ctx.execute_activity(Notes::write, rate, briefly()).await?;
                ctx.execute_activity(
                    Notes::replace,
                    (PathBuf::from(path), "2".to_owned()),
                    briefly(),
                )
                .await?;
            }
            ("thread", _) => {
                // issued by thread
                let other = std::thread::spawn(|| format!("{:?}", std::thread::current().id()));
                let id = other.join().unwrap_or_default();
                ctx.execute_activity(Notes::write, id, briefly()).await?;
            }
            ("scope", _) => {
                // issued by scope
                let sum = std::thread::scope(|scope| scope.spawn(|| 6 * 7).join().unwrap_or(0));
                ctx.execute_activity(Notes::write, sum.to_string(), briefly())
                    .await?;
            }
            ("blocking", _) => {
                // issued by blocking
                let answer = tokio::task::spawn_blocking(|| "42".to_owned()).await;
                ctx.execute_activity(Notes::write, answer.unwrap_or_default(), briefly())
                    .await?;
            }
            ("activity", _) => {
                ctx.execute_activity(Notes::think, "what?", briefly())
                    .await?;
            }
            ("static", _) => {
                let number = RUNS.fetch_add(1, Ordering::Relaxed);
                // issued by static
                ctx.execute_activity(Notes::write, format!("no. {number}"), briefly())
                    .await?;
            }
            ("thread-local", _) => {
                let number = RUNS_OF_THREAD.replace(RUNS_OF_THREAD.get() + 1);
                // issued by thread-local
                ctx.execute_activity(Notes::write, format!("no. {number}"), briefly())
                    .await?;
            }
            ("address", _) => {
                let here = Box::new(0_u8);
                // issued by address
                ctx.execute_activity(Notes::write, format!("{:p}", &raw const *here), briefly())
                    .await?;
            }
            ("kind", _) => {
                if FLIPS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                    ctx.timer(Duration::from_secs(1)).await;
                } else {
                    // issued by kind
                    ctx.execute_activity(Notes::write, "tails", briefly())
                        .await?;
                }
            }
            ("spawn", _) => {
                let thinking = tokio::task::spawn(async {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    "42".to_owned()
                });
                // issued by spawn
                let answer = thinking.await.unwrap_or_default();
                ctx.execute_activity(Notes::write, answer, briefly())
                    .await?;
            }
            ("sleep", _) => {
                // issued by sleep
                tokio::time::sleep(Duration::from_secs(5)).await;
                ctx.execute_activity(Notes::write, "slept", briefly())
                    .await?;
            }
            _ => {
                let drawn = ctx.random::<u64>();
                let now = ctx
                    .workflow_time()
                    .map(|now| now.duration_since(UNIX_EPOCH).unwrap_or_default());
                ctx.execute_activity(Notes::write, format!("{drawn} at {now:?}"), briefly())
                    .await?;
            }
        }
        Ok(())
    }
}

async fn world(env: TestWorkflowEnvironment, how: String, runs: u32) -> TestResult {
    if let Some(file) = how.strip_prefix("file ") {
        fs::write(file, "1")?;
    }
    env.worker("notes")
        .workflow::<Careless>()
        .activity(Notes::write)
        .activity(Notes::replace)
        .activity(Notes::think)
        .start()?;
    for run in 1..=runs {
        let options = WorkflowStartOptions::new("notes", format!("careless-{run}")).build();
        let workflow = env
            .client()
            .start_workflow(Careless::run, how.clone(), options)
            .await?;
        workflow
            .get_result(WorkflowGetResultOptions::default())
            .await?;
    }
    Ok(())
}

/// Returns durasim's report, as printed with backtraces enabled.
fn said_against(how: impl Into<String>, runs: u32) -> Option<Failure> {
    let how = how.into();
    let body = move |env| world(env, how.clone(), runs).boxed_local();
    let campaign = Campaign::new(&body, WorldOptions::default());
    let failed = campaign.fault_free().clone();
    failed.failure.as_ref()?;
    Some(campaign.shrink(&failed).failure)
}

fn line_of(name: &str) -> u32 {
    let comment = format!("// issued by {name}");
    let above = include_str!("hidden_nondeterminism.rs")
        .lines()
        .position(|line| line.trim() == comment);
    u32::try_from(above.expect("the comment is there")).expect("the file is short") + 2
}

/// Asserts that the nondeterminism is found, at the commented line, with these words in the report.
#[track_caller]
fn is_caught(name: &str, how: impl Into<String>, runs: u32, words: &[&str]) {
    is_caught_as(FailureCode::Replay, name, how, runs, words);
}

#[track_caller]
fn is_caught_as(code: FailureCode, name: &str, how: impl Into<String>, runs: u32, words: &[&str]) {
    let report = said_against(how, runs).unwrap_or_else(|| panic!("{name} is not caught"));
    let text = report.to_string();
    assert_eq!(report.code, code, "{text}");
    let at = report.location.unwrap_or_else(|| panic!("no line: {text}"));
    assert_eq!(
        (at.file.as_str(), at.line),
        ("tests/tests/e2e/hidden_nondeterminism.rs", line_of(name)),
        "{text}"
    );
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}

#[test]
fn the_time_of_day() {
    is_caught(
        "clock",
        "clock",
        1,
        &[
            "ScheduleActivityTask(id: 1, type: Notes::write)",
            "input: history has",
        ],
    );
}

#[test]
fn the_time_that_passed() {
    is_caught(
        "stopwatch",
        "stopwatch",
        1,
        &[
            "StartTimer(id: 2",
            "history has 3600s, the workflow now gives 7200s",
        ],
    );
}

#[test]
fn randomness() {
    is_caught(
        "dice",
        "dice",
        1,
        &["StartTimer(id: 1", "start_to_fire_timeout"],
    );
}

#[test]
fn the_time_of_day_in_a_condition() {
    is_caught(
        "hour",
        "hour",
        1,
        &["history has 1s, the workflow now gives 2s"],
    );
}

#[test]
fn a_coin_that_lands_on_the_same_side_twice() {
    is_caught("coin", "coin", 1, &["TMPRL1100"]);
}

#[test]
fn a_coin_that_seldom_lands_on_one_side() {
    is_caught("loaded coin", "loaded", 1, &["TMPRL1100"]);
}

#[test]
fn nanoseconds_used_as_a_coin() {
    is_caught("nanoseconds", "nanoseconds", 1, &["history has 2s"]);
}

/// The replay uses other random values in each world, so a rare difference shows in one of many
/// worlds.
#[test]
fn randomness_that_rarely_matters() {
    let body = |env| world(env, "rare".to_owned(), 1).boxed_local();
    let campaign = Campaign::new(&body, WorldOptions::default());
    let failed = (0..256)
        .map(|seed| campaign.seed(seed))
        .find(|world| world.failure.is_some());
    let report = campaign
        .shrink(&failed.expect("it is caught within 256 seeds"))
        .failure;
    let at = report.location.as_ref().map(|line| line.line);
    assert_eq!(
        (report.code, at),
        (FailureCode::Replay, Some(line_of("rare"))),
        "{report}"
    );
}

#[test]
fn the_order_of_a_hash_map() {
    is_caught(
        "order",
        "order",
        1,
        &["ScheduleActivityTask(id: 1, type: Notes::write)"],
    );
}

#[test]
fn a_file_that_changes() {
    let file = std::env::temp_dir().join(format!("durasim-hidden-{}", std::process::id()));
    is_caught(
        "file",
        format!("file {}", file.display()),
        1,
        &["history has \"1\", the workflow now gives \"2\""],
    );
    fs::remove_file(&file).unwrap();
}

#[test]
fn a_thread_of_its_own() {
    for (name, how) in [
        ("thread", "thread"),
        ("scope", "scope"),
        ("channel", "channel"),
        ("blocking", "blocking"),
    ] {
        is_caught_as(
            FailureCode::Escape,
            name,
            how,
            1,
            &["workflow code starts a thread"],
        );
    }
}

#[test]
fn a_thread_of_an_activity_is_no_flaw() {
    assert_eq!(
        said_against("activity", 1).map(|report| report.to_string()),
        None
    );
}

#[test]
fn a_static_that_instances_share() {
    is_caught("static", "static", 1, &["history has \"no. "]);
}

#[test]
fn a_thread_local_that_instances_share() {
    is_caught("thread-local", "thread-local", 2, &["history has \"no. "]);
}

#[test]
fn an_address() {
    is_caught("address", "address", 1, &["history has \"0x"]);
}

#[test]
fn another_kind_of_command() {
    is_caught(
        "kind",
        "kind",
        1,
        &["TMPRL1100", "TimerStarted", "ScheduleActivityTask(id: 1"],
    );
}

#[test]
fn a_spawned_tokio_task() {
    is_caught("spawn", "spawn", 1, &["TMPRL1100", "outside the SDK"]);
}

#[test]
fn a_tokio_sleep() {
    is_caught("sleep", "sleep", 1, &["TMPRL1100", "outside the SDK"]);
}

#[test]
fn randomness_and_time_of_the_context_are_no_flaw() {
    assert_eq!(
        said_against("sound", 2).map(|report| report.to_string()),
        None
    );
}

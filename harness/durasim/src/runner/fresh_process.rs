//! A replay in a fresh process: it finds what lives as long as a process does.
//!
//! What a process makes once, a `static LazyLock<HashMap>` say, is the same for every replay in
//! this process, and another one after a real restart of a worker. So the test binary runs itself
//! again, for one test. The new process runs the fault-free world, under other entropy and other
//! clocks, so that it has the same workflows; then it replays the histories that the first process
//! hands it. It does so a few times, with other hash seeds each time: a set of two that is iterated
//! over is a coin too, and only here is nobody disturbed by what workflow code prints.
//!
//! The processes talk through a folder, whose name the environment of the new process holds. If
//! anything goes wrong, nothing is found: the first process does not hear of an answer.

use std::{
    borrow::Borrow,
    env, fs, io,
    path::{Path, PathBuf},
    process::Child,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use durasim_engine::{Ambient, digest};
use durasim_worker::ReplayError;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use temporalio_protos::temporal::api::{
    common::v1::WorkflowExecution, history::v1::History as HistoryProto,
};

use super::{campaign::Campaign, case::TestCase, found::of_no_world, world::Body};
use crate::{
    broken::broken,
    checks::replay::{self, Flaw},
    history::History,
    outcome::{ReplayCase, WorldReport},
    report::{FailureReport, Spent},
    variables::Variable,
};

/// The variable with the folder through which the processes talk. It is not for people.
const FOLDER: &str = "_DURASIM_FRESH_PROCESS";

/// The files of the folder.
const TEST: &str = "test";
const HISTORIES: &str = "histories";
const ANSWER: &str = "answer";

/// The number of events that are handed over at most: encoding and replaying them takes time.
const MAX_EVENTS: u64 = 2_000;

/// The number of times that the new process replays short histories: a coin lands on the same side
/// each time once in a million.
const TOSSES: u64 = 20;

/// The number of events that the new process replays, all times together, if it has a choice.
const MAX_REPLAYED: u64 = 10_000;

/// The real time that the new process may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The real time between two looks at the new process.
const TICK: Duration = Duration::from_millis(1);

/// The answer of the new process.
#[derive(Serialize, Deserialize)]
enum Answer {
    /// All histories can be replayed.
    Same,
    /// One of the histories cannot be replayed.
    Differs { history: usize, error: ReplayError },
}

/// Returns `true` if another process has started this one to replay its histories.
pub(super) fn is_this() -> bool {
    env::var_os(FOLDER).is_some()
}

/// Replays the histories of a test's fault-free world in a fresh process.
///
/// # Errors
///
/// The report, if a history cannot be replayed there.
pub(crate) fn check(case: &TestCase, world: &WorldReport) -> Result<(), Box<FailureReport>> {
    let is_off = Variable::FreshProcess.get().is_some_and(|it| it == "0");
    // Real input and output is not for a second process to repeat.
    let is_real = !world.real_io.is_empty();
    let one_world = Variable::Seed.get().is_some();
    let options = &case.options;
    if is_off
        || is_real
        || one_world
        || options.in_one_process
        || !options.world.replay
        || cfg!(madsim)
    {
        return Ok(());
    }
    // Only of these runs is the code known: others are mocked, or run by a test's own hand.
    let replays = world.replays.iter();
    let histories: Vec<_> = replays.map(|case| world.history(case.history)).collect();
    let events = events(&histories);
    if events == 0 || events > MAX_EVENTS || broken!(FreshProcess) {
        return Ok(());
    }
    let answer = ask(case, &histories).unwrap_or_else(|error| {
        tracing::debug!(target: "durasim", %error, "there is no fresh process to replay in");
        Answer::Same
    });
    match answer {
        Answer::Differs { history, error } if history < histories.len() => {
            let failure = replay::in_fresh_process(histories[history], &error);
            let spent = Spent {
                worlds: 1,
                steps: world.steps,
                ..Spent::default()
            };
            of_no_world(failure, spent)
        }
        _ => Ok(()),
    }
}

/// Returns the number of events of these histories.
fn events<H: Borrow<History>>(histories: &[H]) -> u64 {
    let lengths = histories.iter().map(|it| it.borrow().shared().len() as u64);
    lengths.sum()
}

/// Hands histories to a new process, and returns its answer.
fn ask(case: &TestCase, histories: &[&History]) -> io::Result<Answer> {
    let mut process = case.alone().ok_or(io::ErrorKind::NotFound)?;
    let folder = Folder::new()?;
    folder.write(TEST, case.name)?;
    folder.write(HISTORIES, encoded(histories))?;
    let child = process
        .arg("--test-threads=1")
        .env(FOLDER, &folder.path)
        .spawn()?;
    await_end(child)?;
    Ok(serde_json::from_slice(&folder.read(ANSWER)?)?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process has the machine's time"
)]
fn await_end(mut child: Child) -> io::Result<()> {
    let mut left = PATIENCE;
    while child.try_wait()?.is_none() {
        if left.is_zero() {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(TICK);
        left = left.saturating_sub(TICK);
    }
    Ok(())
}

/// Answers the process that has started this one, if it asks about this test, and ends this
/// process. Any other test passes at once.
pub(crate) fn answer(case: &TestCase, body: &Body) {
    let Some(folder) = env::var_os(FOLDER).map(Folder::of) else {
        return;
    };
    let is_asked = folder
        .read(TEST)
        .is_ok_and(|test| test == case.name.as_bytes());
    if !is_asked {
        return;
    }
    let answered = replay_given(&folder, case, body).and_then(|answer| {
        let text = serde_json::to_vec(&answer)?;
        folder.write(ANSWER, text)
    });
    // What the test harness would report is nobody's business.
    std::process::exit(i32::from(answered.is_err()));
}

fn replay_given(folder: &Folder, case: &TestCase, body: &Body) -> io::Result<Answer> {
    let histories = decoded(&folder.read(HISTORIES)?)?;
    let tosses = (MAX_REPLAYED / events(&histories).max(1)).clamp(1, TOSSES);
    let mut options = case.options.world_options();
    options.replay = false;
    // The world's entropy makes the statics; each test has its own.
    options.ambient = Ambient {
        seed: digest(case.name.as_bytes()),
        ..Ambient::default()
    };
    let campaign = Campaign::new(body, options.clone());
    let own = campaign.fault_free();
    let cases = histories.iter().enumerate();
    let replays = cases.filter_map(|(index, history)| case_of(own, index, history));
    let given = WorldReport {
        replays: replays.collect(),
        histories,
        given: Vec::new(),
        ..own.clone()
    };
    options.backtraces = true;
    Ok(match replay::first_toss(&given, &options, 1..1 + tosses) {
        Some((_, Flaw::Differs { history, error })) => Answer::Differs { history, error },
        Some((_, Flaw::Stalled(_))) | None => Answer::Same,
    })
}

/// Returns the case of a history that was handed over: the code is that of this process.
fn case_of(own: &WorldReport, index: usize, history: &History) -> Option<ReplayCase> {
    let workflow_type = history.workflow_type();
    let is_same = |case: &&ReplayCase| {
        let own = own.history(case.history);
        own.workflow_id() == history.workflow_id() && own.run_id() == history.run_id()
    };
    let has_code = |case: &&ReplayCase| case.definitions.contains(workflow_type);
    let same = own.replays.iter().filter(has_code).find(is_same);
    let code = same.or_else(|| own.replays.iter().find(has_code))?;
    let mut case = code.clone();
    case.history = index;
    workflow_type.clone_into(&mut case.workflow_type);
    history
        .workflow_id()
        .clone_into(&mut case.options.workflow_id);
    case.options.run_id = Some(history.run_id().to_owned());
    Some(case)
}

/// Encodes histories: of each its run, then its events.
fn encoded(histories: &[&History]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for history in histories {
        let run = WorkflowExecution {
            workflow_id: history.workflow_id().to_owned(),
            run_id: history.run_id().to_owned(),
        };
        let events = HistoryProto {
            events: history.events().to_vec(),
        };
        run.encode_length_delimited(&mut bytes)
            .and_then(|()| events.encode_length_delimited(&mut bytes))
            .expect("a vector has room");
    }
    bytes
}

fn decoded(mut bytes: &[u8]) -> io::Result<Vec<History>> {
    let mut histories = Vec::new();
    while !bytes.is_empty() {
        let run = WorkflowExecution::decode_length_delimited(&mut bytes)?;
        let history = HistoryProto::decode_length_delimited(&mut bytes)?;
        let events = history.events.into_iter().map(Into::into);
        histories.push(History::new(
            run.workflow_id,
            run.run_id,
            events.map(std::sync::Arc::new).collect(),
        ));
    }
    Ok(histories)
}

/// A folder through which two processes talk, removed when its maker drops it.
struct Folder {
    path: PathBuf,
    is_ours: bool,
}

impl Folder {
    fn new() -> io::Result<Self> {
        static FOLDERS: AtomicU64 = AtomicU64::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("durasim-{}-{number}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path)?;
        let is_ours = true;
        Ok(Self { path, is_ours })
    }

    /// Returns a folder that another process has made.
    fn of(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            is_ours: false,
        }
    }

    fn write(&self, file: &str, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        fs::write(self.path.join(file), bytes)
    }

    fn read(&self, file: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(file))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

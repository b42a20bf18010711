//! Tests that take histories from files: `#[workflow_test(histories = "tests/histories/*.json")]`.
//!
//! The attribute makes a test for each file that it finds, and one test for the files that come
//! later: a build does not notice a new file. The files are read when the tests run.

use std::{
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use futures::future::{FutureExt, LocalBoxFuture};

use super::{
    case::TestCase,
    found::of_no_world,
    test::{fail, of_test, run},
};
use crate::{
    History, HistoryError, TestWorkflowEnvironment,
    error::{TestOutcome, TestResult},
    history,
    report::{Failure, Spent},
};

/// The treatment of the histories of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryMode {
    /// Workflow code replays each: see [`TestWorkflowEnvironment::replay`].
    Replay,
    /// Each begins a world, which goes on from its last event: see
    /// [`TestWorkflowEnvironment::import`].
    Continue,
}

/// The histories of a test, and their treatment.
#[derive(Clone, Copy, Debug)]
pub struct Histories {
    /// The treatment.
    pub mode: HistoryMode,
    /// The file, folder or pattern, from the folder of the package.
    pub path: &'static str,
}

impl Histories {
    /// Runs a test on each history of a file; of `None`, on each history of the files that are not
    /// `known`.
    ///
    /// # Panics
    ///
    /// If the test fails, a file cannot be read, or there is no file at all.
    pub fn run<O, F>(self, file: Option<&str>, known: &[&str], case: TestCase, body: F)
    where
        O: TestOutcome + 'static,
        F: Fn(TestWorkflowEnvironment, History) -> Pin<Box<dyn Future<Output = O>>>
            + Send
            + Sync
            + 'static,
    {
        let files = match file {
            Some(file) => vec![PathBuf::from(file)],
            None => self.new_files(known, &case),
        };
        self.run_files(&files, case, &Arc::new(body));
    }

    /// Returns the files that the build did not know.
    fn new_files(self, known: &[&str], case: &TestCase) -> Vec<PathBuf> {
        let folder = Path::new(case.manifest_dir);
        let files = match history::files(&folder.join(self.path)) {
            Ok(files) => files,
            Err(_) if !known.is_empty() => Vec::new(),
            Err(error) => refuse(case, &error.of_file(Path::new(self.path))),
        };
        let within = files
            .iter()
            .map(|file| file.strip_prefix(folder).unwrap_or(file));
        let is_known = |file: &&Path| known.iter().any(|known| Path::new(known) == *file);
        within
            .filter(|file| !is_known(file))
            .map(Path::to_owned)
            .collect()
    }

    fn run_files<O, F>(self, files: &[PathBuf], case: TestCase, body: &Arc<F>)
    where
        O: TestOutcome + 'static,
        F: Body<O>,
    {
        for file in files {
            let path = Path::new(case.manifest_dir).join(file);
            let histories = History::from_path(path)
                .map_err(|error| error.of_file(file))
                .unwrap_or_else(|error| refuse(&case, &error));
            let count = histories.len();
            for (history, number) in histories.into_iter().zip(1..) {
                let mut shown = format!("history = {}", file.display());
                if count > 1 {
                    shown = format!("{shown}, {number} of {count}");
                }
                let case = TestCase {
                    options: case.options.clone().inputs(shown),
                    ..case.clone()
                };
                self.run_one(history, case, body.clone());
            }
        }
    }

    fn run_one<O, F>(self, history: History, case: TestCase, body: Arc<F>)
    where
        O: TestOutcome + 'static,
        F: Body<O>,
    {
        run(case, move |env| {
            let (history, body) = (history.clone(), body.clone());
            begin(self.mode, env, history, body)
        });
    }
}

/// The body of a test that takes a history.
trait Body<O>:
    Fn(TestWorkflowEnvironment, History) -> Pin<Box<dyn Future<Output = O>>> + Send + Sync + 'static
{
}

impl<O, F> Body<O> for F where
    F: Fn(TestWorkflowEnvironment, History) -> Pin<Box<dyn Future<Output = O>>>
        + Send
        + Sync
        + 'static
{
}

/// Returns the test of one world: the history comes first, then the user's own part.
fn begin<O: TestOutcome + 'static, F: Body<O>>(
    mode: HistoryMode,
    env: TestWorkflowEnvironment,
    history: History,
    body: Arc<F>,
) -> LocalBoxFuture<'static, TestResult> {
    async move {
        match mode {
            HistoryMode::Replay => env.replay(&history),
            HistoryMode::Continue => env.import(&history).await?,
        }
        body(env, history).await.into_test_result()
    }
    .boxed_local()
}

/// Fails a test whose histories cannot be read.
fn refuse(case: &TestCase, error: &HistoryError) -> ! {
    let failure = Failure::setup(error.to_string());
    match of_no_world::<()>(failure, Spent::default()) {
        Err(report) => fail(&of_test(case, report)),
        Ok(()) => unreachable!("it is a failure"),
    }
}

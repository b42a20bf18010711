//! Rows of the table: a mistake, the verdict on it, and the same test with the remedy followed.

use std::{
    num::NonZero,
    path::Path,
    time::{Duration, Instant},
};

use durasim::{
    TestResult, TestWorkflowEnvironment,
    advanced::{Body, TestCase, TestOptions, run_test},
    report::FailureReport,
};
use futures::future::LocalBoxFuture;

/// The real time in which a newcomer wants an answer.
const SOON: Duration = Duration::from_secs(2);

/// Returns the real time in which an answer must come: longer, if many wait for each core of the
/// machine and the system tells of it.
fn soon() -> Duration {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load
        .split(' ')
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let cores = u32::try_from(cores).unwrap_or(u32::MAX);
    SOON.mul_f64((load / f64::from(cores)).max(1.0))
}

/// The body of a test.
pub(crate) type Test = fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult>;

/// One mistake.
pub(crate) struct Mistake {
    /// The name of the row, in a sentence.
    pub(crate) name: &'static str,
    /// The file of the row.
    pub(crate) file: &'static str,
    /// The code of the verdict.
    pub(crate) code: &'static str,
    /// Words of the report; those of the remedy among them.
    pub(crate) says: &'static [&'static str],
    pub(crate) options: TestOptions,
    pub(crate) wrong: Test,
    /// The same test after the remedy.
    pub(crate) mended: Test,
}

impl Mistake {
    /// Asserts that the mistake is told soon, with its code, its line and its remedy; and that
    /// the test passes once the remedy is followed.
    pub(crate) fn is_told(&self) {
        let (mut told, mut took) = self.told();
        // The machine may be busy with something else, which is no fault of the verdict.
        for _ in 0..2 {
            if took > soon() {
                let again = self.told();
                took = took.min(again.1);
                told = again.0;
            }
        }
        assert!(took <= soon(), "after {took:?}: {told}");
        self.check(&told);
        if let Err(report) = self.run(self.mended) {
            panic!("the remedy does not help: {report}");
        }
    }

    /// Returns the report of the mistake, and the real time that it took.
    fn told(&self) -> (Box<FailureReport>, Duration) {
        let began = Instant::now();
        let told = self.run(self.wrong);
        (
            told.expect_err("the mistake goes unnoticed"),
            began.elapsed(),
        )
    }

    fn run(&self, test: Test) -> Result<(), Box<FailureReport>> {
        let body = move |env| test(env);
        let body: &Body = &body;
        let case = TestCase {
            name: "shop::a_test_of_a_newcomer",
            file: "tests/shop.rs",
            line: 12,
            // No source file is there, so that nothing is saved beside it.
            manifest_dir: "",
            options: self.options.clone(),
        };
        run_test(&case, body).map(drop)
    }

    fn check(&self, told: &FailureReport) {
        let text = told.to_string();
        assert_eq!(told.failure.code.code(), self.code, "{text}");
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in self.says {
            assert!(flat.contains(words), "{words:?} is missing:\n{text}");
        }
        assert!(text.contains("\n  at        "), "no line is named:\n{text}");
        let Some(line) = self.line() else { return };
        let at = told.failure.location.as_ref();
        let at = at.unwrap_or_else(|| panic!("line {line} is not named:\n{text}"));
        assert!(self.file.ends_with(&at.file), "{text}");
        assert_eq!(at.line, line, "{text}");
    }

    /// Returns the line of the mistake: the one whose comment `// <- ..` has the row's name, or
    /// that of all other rows of the file; `None` if there is neither, and any line will do.
    fn line(&self) -> Option<u32> {
        let name = Path::new(self.file).file_name().expect("a file has a name");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
        let source = std::fs::read_to_string(folder.join(name)).expect("the row's own source");
        let marked = |name: &str| {
            source.lines().position(|line| {
                let marks = line.split_once("// <- ").map_or("", |(_, marks)| marks);
                marks.split(", ").any(|mark| mark == name)
            })
        };
        let index = marked(self.name).or_else(|| marked("the others"))?;
        // The comment stands at the end of the line, or alone on the line above.
        let is_alone = source.lines().nth(index)?.trim().starts_with("//");
        u32::try_from(index + 1 + usize::from(is_alone)).ok()
    }
}

/// Makes a test of each row.
macro_rules! mistakes {
    ($(
        $name:ident: $code:literal says [$($says:literal),+ $(,)?]
        $(with $options:expr,)?
        wrong $wrong:expr,
        mended $mended:expr;
    )+) => {
        $(
            #[test]
            fn $name() {
                #[allow(unused_mut, unused_assignments, reason = "most rows have no options")]
                let mut options = durasim::advanced::TestOptions::new();
                $(options = $options;)?
                $crate::table::Mistake {
                    name: stringify!($name),
                    file: file!(),
                    code: $code,
                    says: &[$($says),+],
                    options,
                    wrong: $wrong,
                    mended: $mended,
                }
                .is_told();
            }
        )+

        /// The number of rows in this file.
        pub(crate) const ROWS: usize = [$(stringify!($name)),+].len();
    };
}

pub(crate) use mistakes;

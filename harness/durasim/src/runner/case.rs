//! One test, as `#[workflow_test]` or a program hands it over.

use std::{
    env,
    panic::Location,
    process::{Command, Stdio},
};

use crate::options::TestOptions;

/// One test: a `#[workflow_test]` function, or a test of a program of its own.
#[derive(Clone, Debug)]
pub struct TestCase {
    /// The path of the function, crate included.
    pub name: &'static str,
    /// The file of the function, as the compiler knows it.
    pub file: &'static str,
    /// The line of the function, from 1.
    pub line: u32,
    /// The folder of the package, beside whose files failures are saved; empty if none are.
    pub manifest_dir: &'static str,
    /// The options of the test.
    pub options: TestOptions,
}

impl TestCase {
    /// Returns a test of a program, whose failures are not saved. Its line is that of the caller.
    #[track_caller]
    pub fn new(name: &'static str, options: TestOptions) -> Self {
        let caller = Location::caller();
        Self {
            name,
            file: caller.file(),
            line: caller.line(),
            manifest_dir: "",
            options,
        }
    }

    /// Returns the command that runs this test alone, in a process of its own and silently; `None`
    /// if this program cannot be found, or the test has no path within a crate.
    pub(super) fn alone(&self) -> Option<Command> {
        // The test harness knows the test by its path within the crate.
        let (_, within_crate) = self.name.split_once("::")?;
        let mut command = Command::new(env::current_exe().ok()?);
        command
            .args([within_crate, "--exact", "--include-ignored", "--nocapture"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Some(command)
    }
}

#[cfg(test)]
impl TestCase {
    /// Returns a test in the one test file of a new package. The package is in a temporary folder
    /// and lasts as long as the process.
    pub(crate) fn in_a_new_package(name: &'static str, options: TestOptions) -> Self {
        let package = tempfile::tempdir()
            .expect("a temporary folder can be made")
            .keep();
        std::fs::create_dir(package.join("tests")).expect("the folder is new");
        std::fs::write(package.join("tests/payments.rs"), "").expect("the folder can be written");
        let manifest_dir = Box::leak(package.display().to_string().into_boxed_str());
        Self {
            name,
            file: "tests/payments.rs",
            line: 1,
            manifest_dir,
            options,
        }
    }
}

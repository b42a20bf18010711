//! One `#[workflow_test]`, as the attribute hands it over.

use crate::{FaultProfile, TestOptions, outcome::WorldOptions};

/// One `#[workflow_test]` function.
#[derive(Clone, Debug)]
pub struct TestCase {
    /// Its path, crate included.
    pub name: &'static str,
    /// The file it stands in, as the compiler knows it.
    pub file: &'static str,
    /// Its line, from 1.
    pub line: u32,
    /// The folder of the package it belongs to.
    pub manifest_dir: &'static str,
    /// How it is run.
    pub options: TestOptions,
}

#[cfg(test)]
impl TestCase {
    /// A test in the one test file of a package in a temporary folder, which lasts as long as the
    /// process.
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

impl TestOptions {
    pub(crate) fn world_options(&self) -> WorldOptions {
        // Without any fault there would be nothing to explore but the one plan of none.
        let explores_all = self.explore.is_some() && self.faults.is_none();
        WorldOptions {
            faults: if explores_all {
                FaultProfile::all()
            } else {
                self.faults.clone()
            },
            limits: self.limits,
            cache: self.cache,
            replay: self.replay,
            core_replay: self.core_replay,
            ..WorldOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exhaustive, Fault};
    use pretty_assertions::assert_eq;

    /// The faults that the worlds of a test may meet, in words.
    fn faults(options: &TestOptions) -> String {
        options.world_options().faults.to_string()
    }

    #[test]
    fn exploration_explores_all_faults_unless_it_is_told_which() {
        let explored = TestOptions::new().explore(Exhaustive::faults(1));
        assert_eq!(faults(&explored), FaultProfile::all().to_string());
        assert_eq!(
            faults(&explored.faults(FaultProfile::crashes())),
            FaultProfile::crashes().to_string()
        );
    }

    #[test]
    fn a_test_that_names_no_faults_meets_none() {
        assert_eq!(
            faults(&TestOptions::new().seeds(8)),
            FaultProfile::none().to_string()
        );
        let placed = TestOptions::new().faults(Fault::worker_crash());
        assert!(!placed.world_options().faults.has_odds());
    }
}

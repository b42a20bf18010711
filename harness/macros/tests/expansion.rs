//! The expansion compiles and runs, against a stand-in for durasim in this crate.

#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "a test crate has no public interface"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "the stand-in has the signatures of durasim"
)]

extern crate self as durasim;

use durasim_macros::workflow_test;

/// The functions that the expansion calls.
pub mod __private {
    use std::{
        future::Future,
        pin::{Pin, pin},
        task::{Context, Poll, Waker},
    };

    use super::TestWorkflowEnvironment;

    pub use super::TestOptions;

    pub struct TestCase {
        pub name: &'static str,
        pub file: &'static str,
        pub line: u32,
        pub manifest_dir: &'static str,
        pub options: TestOptions,
    }

    pub type Body<T> = Pin<Box<dyn Future<Output = T>>>;

    fn ready<T>(body: Body<T>) -> T {
        match pin!(body).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    pub fn run<T: Outcome, F>(case: TestCase, body: F)
    where
        F: Fn(TestWorkflowEnvironment) -> Body<T> + Send + Sync + 'static,
    {
        assert!(case.manifest_dir.ends_with("macros"));
        for seed in 0..case.options.seeds {
            let env = TestWorkflowEnvironment {
                name: case.name,
                file: case.file,
                line: case.line,
                seed,
                inputs: vec![("", case.options.inputs.to_owned())],
            };
            ready(body(env)).unwrap();
        }
    }

    /// Returns a strategy, which in the stand-in is a list of values.
    pub fn any<T: Default>() -> Vec<T> {
        vec![T::default()]
    }

    pub fn generator<T>(strategy: Vec<T>) -> Vec<T> {
        strategy
    }

    pub trait Strategies {
        type Values;
        fn first(self) -> Self::Values;
    }
    impl Strategies for Vec<()> {
        type Values = ();
        fn first(self) {}
    }
    impl<A> Strategies for (Vec<A>,) {
        type Values = (A,);
        fn first(self) -> (A,) {
            (self.0.into_iter().next().unwrap(),)
        }
    }
    impl<A, B> Strategies for (Vec<A>, Vec<B>) {
        type Values = (A, B);
        fn first(self) -> (A, B) {
            (
                self.0.into_iter().next().unwrap(),
                self.1.into_iter().next().unwrap(),
            )
        }
    }

    pub fn run_proptest<T, S, D, F>(case: TestCase, strategies: S, describe: D, body: F)
    where
        T: Outcome,
        S: Strategies,
        D: Fn(&S::Values) -> Vec<(&'static str, String)>,
        F: Fn(TestWorkflowEnvironment, S::Values) -> Body<T> + Send + Sync + 'static,
    {
        let env = TestWorkflowEnvironment {
            name: case.name,
            file: case.file,
            line: case.line,
            seed: 0,
            inputs: Vec::new(),
        };
        let values = strategies.first();
        let inputs = describe(&values);
        let env = TestWorkflowEnvironment { inputs, ..env };
        ready(body(env, values)).unwrap();
    }

    pub trait Outcome {
        fn unwrap(self);
    }
    impl Outcome for () {
        fn unwrap(self) {}
    }
    pub struct Boxed(pub Result<(), Box<dyn std::error::Error>>);
    impl Outcome for Boxed {
        fn unwrap(self) {
            if let Err(error) = self.0 {
                panic!("boxed: {error}");
            }
        }
    }
    impl Outcome for Result<(), String> {
        fn unwrap(self) {
            if let Err(error) = self {
                panic!("{error}");
            }
        }
    }
}

pub struct TestOptions {
    pub seeds: u64,
    pub inputs: &'static str,
}

impl TestOptions {
    #[allow(clippy::new_without_default, reason = "the expansion says `new`")]
    pub fn new() -> Self {
        Self {
            seeds: 1,
            inputs: "",
        }
    }

    #[must_use]
    pub fn seeds(self, seeds: u64) -> Self {
        Self { seeds, ..self }
    }

    #[must_use]
    pub fn inputs(self, inputs: &'static str) -> Self {
        Self { inputs, ..self }
    }
}

pub struct TestWorkflowEnvironment {
    pub name: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub seed: u64,
    pub inputs: Vec<(&'static str, String)>,
}

#[workflow_test]
async fn the_case_names_the_place_of_the_test(env: TestWorkflowEnvironment) {
    assert_eq!(env.name, "expansion::the_case_names_the_place_of_the_test");
    assert!(env.file.ends_with("expansion.rs"));
    assert_eq!(env.line, line!() - 3);
}

#[workflow_test(seeds = 3)]
#[should_panic(expected = "the third world")]
async fn should_panic_is_kept(env: TestWorkflowEnvironment) {
    assert!(env.seed < 2, "the third world");
}

#[workflow_test]
#[ignore = "this is what is tested"]
async fn ignore_is_kept(_env: TestWorkflowEnvironment) {
    panic!("ran an ignored test");
}

#[workflow_test]
#[cfg(any())]
async fn cfg_is_kept(_env: TestWorkflowEnvironment) -> DoesNotExist {}

#[workflow_test]
#[should_panic(expected = "returned by the question mark")]
async fn errors_are_returned(mut env: TestWorkflowEnvironment) -> Result<(), String> {
    env.seed += 1;
    assert_eq!(env.seed, 1);
    Err("returned by the question mark")?;
    Ok(())
}

#[workflow_test]
#[should_panic(expected = "boxed: returned by the question mark")]
async fn boxed_errors_are_returned(
    _env: TestWorkflowEnvironment,
) -> Result<(), Box<dyn std::error::Error>> {
    Err("returned by the question mark")?;
    Ok(())
}

#[workflow_test(proptest)]
#[should_panic(expected = "boxed: returned by the question mark")]
async fn boxed_errors_are_returned_with_values(
    _env: TestWorkflowEnvironment,
    _number: u8,
) -> std::result::Result<(), std::boxed::Box<dyn std::error::Error + 'static>> {
    Err("returned by the question mark")?;
    Ok(())
}

mod inner {
    use super::*;

    fn helper() -> &'static str {
        "expansion::inner::names_resolve_as_written"
    }

    #[workflow_test]
    async fn names_resolve_as_written(env: super::TestWorkflowEnvironment) {
        assert_eq!(env.name, self::helper());
    }
}

#[workflow_test(proptest)]
async fn values_arrive_in_order(
    env: TestWorkflowEnvironment,
    #[strategy(vec!["seven"])] word: &'static str,
    (number, _): (u8, u8),
) -> Result<(), String> {
    assert_eq!((env.seed, word, number), (0, "seven", 0));
    let inputs = [
        ("word", "\"seven\"".to_owned()),
        ("(number, _)", "(0, 0)".to_owned()),
    ];
    assert_eq!(env.inputs, inputs);
    Ok(())
}

#[workflow_test(proptest)]
async fn one_value_is_a_tuple_too(_env: TestWorkflowEnvironment, #[strategy(vec![7])] number: u8) {
    assert_eq!(number, 7);
}

#[workflow_test(proptest)]
async fn no_value_is_unit(env: TestWorkflowEnvironment) {
    assert_eq!(env.seed, 0);
}

/// Returns the path of a case's test, as the test runner knows it.
fn path(case: &str) -> String {
    format!("expansion::each_case_is_a_test_of_its_own::{case}")
}

#[workflow_test(seeds = 2)]
#[case("case_1", 1 + 1)]
#[case::named("case_2_named", 2)]
#[should_panic(expected = "three")]
#[case("case_3", 3)]
async fn each_case_is_a_test_of_its_own(
    env: TestWorkflowEnvironment,
    #[case] name: &str,
    mut number: u64,
) -> Result<(), String> {
    assert_eq!(env.name, path(name));
    if number == 3 {
        Err("three")?;
    }
    number += 1;
    assert_eq!((number, env.seed < 2), (3, true));
    assert!(
        env.inputs[0]
            .1
            .starts_with(&format!("name = {name:?}\nnumber = "))
    );
    Ok(())
}

#[workflow_test]
#[case()]
#[case()]
#[case()]
#[case()]
#[case()]
#[case()]
#[case()]
#[case()]
#[case()]
#[case()]
#[should_panic(expected = "::case_0")]
async fn the_names_of_ten_cases_and_more_sort_by_their_numbers(env: TestWorkflowEnvironment) {
    let last = env
        .name
        .ends_with("::case_10")
        .then_some("::case_0 is not last");
    panic!("{}", last.unwrap_or(env.name));
}

#[workflow_test]
#[case(1)]
#[ignore = "this is what is tested"]
async fn attributes_after_the_last_case_are_of_all(_env: TestWorkflowEnvironment, _number: u8) {
    panic!("ran an ignored test");
}

#[workflow_test]
#[case(())]
#[cfg(any())]
async fn cfg_of_all_cases_is_kept(_env: TestWorkflowEnvironment, _none: ()) -> DoesNotExist {}

#[workflow_test]
#[case("the row")]
async fn the_place_of_a_case_is_its_row(env: TestWorkflowEnvironment, row: &str) {
    assert_eq!((env.line, row), (line!() - 2, "the row"));
}

//! The `#[workflow_test]` attribute of durasim.
//!
//! Use it through `durasim::prelude`, which re-exports it beside the types that it needs. The
//! module tree is the pipeline: `parse` turns tokens into arguments and a function, `validate`
//! turns these into a valid test or into errors that name the alternatives, and `expand` turns the
//! test into a `#[test]`.

mod expand;
mod parse;
#[cfg(test)]
mod tests;
mod validate;

use proc_macro2::TokenStream;

/// Turns an async function into a test that runs in simulated Temporal worlds.
///
/// The function takes the environment, by value, as its first argument. It returns a type that
/// implements `durasim::TestOutcome`: nothing, `TestResult`, or a `Result<(), E>` of your own.
///
/// ```ignore
/// #[workflow_test(seeds = 256, faults = FaultProfile::all())]
/// async fn payment_charges_once(env: TestWorkflowEnvironment) -> TestResult { /* … */ }
/// ```
///
/// Without arguments, the test runs in one world without faults. The arguments are:
///
/// - `seeds = 256`: runs that many worlds, which differ in order and latency, and in faults if
///   `faults` allows any. With faults, the plans of exactly one fault come first, in up to half of
///   the worlds.
/// - `faults = FaultProfile::all()`: the faults that the worlds may contain. Runs 64 worlds, unless
///   another argument chooses the worlds.
/// - `explore = Exhaustive::faults(2)`: instead of seeds, runs every plan of at most that many
///   faults, the most telling first, of all kinds unless `faults` names some.
/// - `proptest`: instead of seeds, generates the test's further arguments, and with them order and
///   latency, and faults if `faults` allows any.
/// - `limits = Limits::default()`: the bounds on steps, virtual time and history length.
/// - `cache = false`: workers keep no workflow run between its workflow tasks.
/// - `core_replay = true`: replays every history with the SDK's own replayer too.
/// - `fresh_process = false`: replays no history in a fresh process.
/// - `histories = "tests/histories/*.json"`: the histories of real runs, from a file, a folder or a
///   pattern within the package. Each file is a test.
/// - `mode = continue`: the runs of those histories go on. Without it they are replayed.
///
/// With `proptest`, the values of an argument come from `any::<T>()`, or from the argument's
/// `#[strategy(EXPR)]`:
///
/// ```ignore
/// #[workflow_test(proptest)]
/// async fn any_amount_is_charged(
///     env: TestWorkflowEnvironment,
///     #[strategy(1..1_000_u64)] amount: u64,
/// ) -> TestResult { /* … */ }
/// ```
///
/// Each `#[case(..)]` below the attribute is a test of its own, with a value for each of the
/// function's further arguments. The tests are named as rstest names them, `NAME::case_1`, or
/// `NAME::case_2_visa` for `#[case::visa(..)]`:
///
/// ```ignore
/// #[workflow_test(seeds = 64)]
/// #[case(0, "nothing to charge")]
/// #[case::visa(1_200, "charged")]
/// #[should_panic(expected = "declined")] // of the next case alone
/// #[case(u64::MAX, "charged")]
/// async fn an_amount_is_charged(
///     env: TestWorkflowEnvironment,
///     #[case] amount: u64,
///     #[case] answer: &str,
/// ) -> TestResult { /* … */ }
/// ```
///
/// An attribute before a case belongs to that case alone; those after the last, and lints, belong
/// to all. The values are made anew in each world. There is no need for rstest, which cannot hand
/// over the environment.
///
/// With `histories`, each file is a test of its own, named for the file: `orders::order_7_json`.
/// The function starts the workers that have the code, and takes the history if it wants to. The
/// code replays the history under changed clocks and entropy, and in the SDK's own replayer, as
/// `env.replay` says:
///
/// ```ignore
/// #[workflow_test(histories = "tests/histories/*.json")]
/// async fn orders(env: TestWorkflowEnvironment) -> TestResult {
///     env.worker("orders").workflow::<Order>().start()?;
///     Ok(())
/// }
/// ```
///
/// With `mode = continue` the run goes on from its last event, as `env.import` says, and the
/// function with it. It may have `seeds` and `faults`:
///
/// ```ignore
/// #[workflow_test(
///     histories = "tests/open", mode = continue, seeds = 64, faults = FaultProfile::all()
/// )]
/// async fn orders_go_on(env: TestWorkflowEnvironment, history: History) -> TestResult {
///     env.worker("orders").workflow::<Order>().activity(Shop::ship).start()?;
///     let order = env.client().get_workflow_handle::<Order>(history.workflow_id());
///     order.get_result(Default::default()).await?;
///     Ok(())
/// }
/// ```
///
/// A changed file needs no build: tests read their files when they run. Nor does a new file:
/// Cargo does not notice it, so the test `orders::files_added_since_the_build` runs what it finds
/// besides the files of the other tests. The next build gives the file a test of its own.
///
/// A failure that depends on faults or on order is saved, after shrinking, beside the test. A
/// failure in `tests/payments.rs` is saved in `tests/payments.durasim-seeds`, or with `proptest` in
/// `tests/payments.proptest-regressions`. Saved failures run first from then on; keep the files
/// under version control.
///
/// `DURASIM_SEED=17 cargo test NAME` runs the one world of that seed. With `proptest`, the same
/// cases run every time unless `DURASIM_SEED` chooses others; `PROPTEST_CASES` sets their number.
///
/// `#[ignore]`, `#[should_panic]`, documentation, `#[cfg(..)]` and lint attributes are kept. The
/// function becomes a `#[test]`; it needs no `#[tokio::test]`, since time is virtual.
#[proc_macro_attribute]
pub fn workflow_test(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    pipeline(arguments.into(), item.into()).into()
}

/// Says where a row of a [`workflow_test`](macro@workflow_test) belongs: below that attribute,
/// which reads it. Above, and alone, it means nothing.
#[proc_macro_attribute]
pub fn case(
    _arguments: proc_macro::TokenStream,
    _item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let message = "`#[case(..)]` belongs below `#[workflow_test]`, which reads it";
    syn::Error::new(proc_macro2::Span::call_site(), message)
        .into_compile_error()
        .into()
}

/// Expands the attribute; returns all errors, and a fallback that keeps editors working, if it is
/// used wrongly.
#[allow(
    clippy::needless_pass_by_value,
    reason = "tokens are passed by value, as to the macro itself"
)]
fn pipeline(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = match parse::function(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote::quote! { #error #item };
        }
    };
    if let Err(error) = validate::check_origin(&function) {
        return error.into_compile_error();
    }
    let test = parse::arguments(arguments)
        .and_then(|arguments| validate::workflow_test(&arguments, function.clone()));
    match test {
        Ok(test) => expand::workflow_test(&test),
        Err(error) => expand::fallback(function, &error),
    }
}

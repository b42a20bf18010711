//! The `#[workflow_test]` attribute of durasim.
//!
//! Use it through `durasim::prelude`, which re-exports it beside what it needs. The pipeline is the
//! module tree: `parse` turns tokens into what was written, `validate` turns that into a test that
//! makes sense or into errors that name the alternatives, `expand` turns the test into a `#[test]`.

mod expand;
mod parse;
#[cfg(test)]
mod tests;
mod validate;

use proc_macro2::TokenStream;

/// Turns an async function into a test that runs in simulated Temporal worlds.
///
/// The function takes the environment, by value, as its first argument, and returns whatever
/// `durasim::TestOutcome` accepts: nothing, `TestResult`, or a `Result<(), E>` of your own.
///
/// ```ignore
/// #[workflow_test(seeds = 256, faults = FaultProfile::all())]
/// async fn payment_charges_once(env: TestWorkflowEnvironment) -> TestResult { /* … */ }
/// ```
///
/// | argument | meaning |
/// | --- | --- |
/// | none | one world, without faults |
/// | `seeds = 256` | that many worlds, which differ in order and latency, and in faults if there are any |
/// | `faults = FaultProfile::all()` | which faults the worlds may contain; 64 worlds, unless another argument says which |
/// | `explore = Exhaustive::faults(2)` | instead of seeds: every plan of at most that many faults, of all kinds unless `faults` says which |
/// | `proptest` | instead of seeds: the test's further arguments are generated, and with them order, latency, and faults if there are any |
/// | `limits = Limits::default()` | bounds on steps, virtual time and history length |
/// | `cache = false` | whether workers keep workflow runs between workflow tasks |
/// | `core_replay = true` | also replay every history with the SDK's own replayer |
///
/// With `proptest`, an argument's values come from `any::<T>()`, or from `#[strategy(EXPR)]` on it:
///
/// ```ignore
/// #[workflow_test(proptest)]
/// async fn any_amount_is_charged(
///     env: TestWorkflowEnvironment,
///     #[strategy(1..1_000_u64)] amount: u64,
/// ) -> TestResult { /* … */ }
/// ```
///
/// A failure that took faults or an order of its own is saved, after shrinking, beside the test:
/// that of `tests/payments.rs` in `tests/payments.durasim-seeds`, or with `proptest` in
/// `tests/payments.proptest-regressions`. What is saved runs first from then on; keep the files
/// under version control. `DURASIM_SEED=17 cargo test NAME` runs the one world of that seed; with
/// `proptest` it chooses other cases, which are otherwise the same every time (`PROPTEST_CASES`
/// says how many).
///
/// `#[ignore]`, `#[should_panic]`, documentation, `#[cfg(..)]` and lint attributes are kept. The
/// function is a `#[test]` already; it needs no `#[tokio::test]`, since time is virtual.
#[proc_macro_attribute]
pub fn workflow_test(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    pipeline(arguments.into(), item.into()).into()
}

/// Parse, validate, expand; on errors, the errors and a fallback that keeps editors working.
#[allow(
    clippy::needless_pass_by_value,
    reason = "tokens are handed over, as to the macro itself"
)]
fn pipeline(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = match parse::function(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote::quote! { #error #item };
        }
    };
    let test = parse::arguments(arguments)
        .and_then(|arguments| validate::workflow_test(&arguments, function.clone()));
    match test {
        Ok(test) => expand::workflow_test(&test),
        Err(error) => expand::fallback(function, &error),
    }
}

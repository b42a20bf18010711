//! Expansions, formatted as source text, and lists of errors.

use proc_macro2::TokenStream;
use quote::quote;

use crate::pipeline;

/// Returns the expansion as source text.
fn expand(arguments: TokenStream, item: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(pipeline(arguments, item)).expect("the expansion is Rust"))
}

/// Returns the messages of the errors, one a line.
fn errors(arguments: TokenStream, item: TokenStream) -> String {
    let file: syn::File =
        syn::parse2(pipeline(arguments, item)).expect("even errors expand to Rust");
    let mut messages = Vec::new();
    for item in file.items {
        if let syn::Item::Macro(call) = item {
            let message: syn::LitStr = call
                .mac
                .parse_body()
                .expect("compile_error! holds a string");
            messages.push(message.value());
        }
    }
    messages.join("\n")
}

fn plain() -> TokenStream {
    quote!(
        async fn works(env: TestWorkflowEnvironment) {}
    )
}

#[test]
fn a_bare_attribute_runs_the_body_in_one_world() {
    insta::assert_snapshot!(expand(
        quote!(),
        quote!(
            /// Says what it tests.
            #[ignore = "slow"]
            pub async fn approval_expires(env: TestWorkflowEnvironment) -> TestResult {
                env.sleep(DAY).await;
                Ok(())
            }
        )
    ));
}

#[test]
fn snapshots_without_a_name_are_named_within_their_world() {
    insta::assert_snapshot!(expand(
        quote!(seeds = 3),
        quote!(
            async fn is_outlined(env: TestWorkflowEnvironment) {
                insta::assert_snapshot!(env.history("order").outline());
                for id in ["a", "b"] {
                    assert_json_snapshot!(env.history(id).events(), { ".time" => "[time]" });
                }
                insta::assert_snapshot!("named", value);
                insta::assert_snapshot!(value, @"inline");
                assert_snapshot!(value.await?, @"inline");
            }
        )
    ));
}

#[test]
fn arguments_become_setters_in_the_order_written() {
    insta::assert_snapshot!(expand(
        quote!(
            faults = FaultProfile::all(),
            seeds = 256,
            cache = false,
            core_replay = true,
            limits = small(),
        ),
        plain(),
    ));
}

#[cfg(not(feature = "proptest"))]
#[test]
fn proptest_names_the_feature_that_is_missing() {
    let message = errors(quote!(proptest), plain());
    assert!(
        message.starts_with("`proptest` needs durasim's feature `proptest`"),
        "{message}"
    );
}

#[cfg(feature = "proptest")]
#[test]
fn proptest_generates_the_further_arguments() {
    insta::assert_snapshot!(expand(
        quote!(proptest, faults = FaultProfile::crashes()),
        quote!(
            async fn any_amount(
                env: TestWorkflowEnvironment,
                #[strategy(1..100_u64)] amount: u64,
                names: Vec<String>,
            ) -> Result<(), Failed> {
                Ok(())
            }
        )
    ));
}

#[cfg(feature = "proptest")]
#[test]
fn proptest_without_further_arguments_generates_only_the_plan() {
    let expansion = expand(quote!(proptest), plain());
    assert!(
        expansion.contains("::durasim::__private::any::<()>()"),
        "{expansion}"
    );
    assert!(expansion.contains("|env, ()|"), "{expansion}");
}

#[test]
fn each_case_becomes_a_test_in_a_module() {
    insta::assert_snapshot!(expand(
        quote!(seeds = 256),
        quote!(
            /// Of the first case.
            #[allow(clippy::too_many_lines)]
            #[case(100, "accepted")]
            #[should_panic]
            #[case::over_the_limit(LIMIT + 1, "declined")]
            #[ignore = "slow"]
            #[cfg(unix)]
            async fn charges(
                env: TestWorkflowEnvironment,
                #[case] amount: u64,
                #[case] answer: &str,
            ) -> TestResult {
                Ok(())
            }
        )
    ));
}

#[test]
fn a_raw_name_is_reported_without_its_prefix() {
    let expansion = expand(
        quote!(),
        quote!(
            async fn r#match(env: TestWorkflowEnvironment) {}
        ),
    );
    assert!(expansion.contains(r#""::", "match""#), "{expansion}");
}

#[test]
fn an_error_keeps_the_function_for_the_editor() {
    insta::assert_snapshot!(expand(
        quote!(seed = 1),
        quote!(
            #[ignore]
            fn works(env: TestWorkflowEnvironment, #[strategy(0..9)] amount: u8) {
                env.sleep(DAY);
            }
        )
    ));
}

#[test]
fn all_errors_are_reported_at_once() {
    insta::assert_snapshot!(errors(
        quote!(seeds = 0, cache = 1, colour = "red"),
        quote!(
            #[tokio::test]
            fn works<T>() {}
        )
    ));
}

#[cfg(feature = "proptest")]
#[test]
fn every_way_of_choosing_worlds_excludes_the_others() {
    for (arguments, both) in [
        (
            quote!(seeds = 1, explore = Exhaustive::faults(2)),
            "`seeds` and `explore` both",
        ),
        (quote!(proptest, seeds = 1), "`seeds` and `proptest` both"),
        (
            quote!(explore = Exhaustive::faults(2), proptest),
            "`explore` and `proptest` both",
        ),
    ] {
        let messages = errors(arguments, plain());
        assert!(messages.starts_with(both), "{messages}");
        assert_eq!(messages.lines().count(), 1, "{messages}");
    }
}

#[test]
fn every_argument_is_suggested_for_its_own_misspelling() {
    for known in crate::parse::ARGUMENTS {
        let misspelt = quote::format_ident!("{}s", known.name);
        let messages = errors(quote!(#misspelt = 1), plain());
        assert!(
            messages.contains(&format!("did you mean `{}`?", known.name)),
            "{messages}"
        );
    }
}

#[cfg(feature = "proptest")]
#[test]
fn every_example_of_an_argument_is_accepted() {
    for known in crate::parse::ARGUMENTS {
        let arguments: TokenStream = known.example.parse().expect("an example is Rust");
        assert_eq!(errors(arguments, plain()), "");
    }
}

#[test]
fn each_file_of_histories_is_a_test() {
    insta::assert_snapshot!(expand(
        quote!(
            histories = "tests/histories/*.json",
            mode = continue,
            seeds = 8
        ),
        quote!(
            /// Says what it tests.
            #[ignore = "slow"]
            async fn orders_go_on(env: TestWorkflowEnvironment, history: History) -> TestResult {
                Ok(())
            }
        )
    ));
}

#[test]
fn a_folder_of_histories_has_its_own_folders() {
    let expansion = expand(quote!(histories = "tests/histories"), plain());
    for name in [
        "fn order_7_json()",
        "fn eu_8_json()",
        "files_added_since_the_build",
    ] {
        assert!(expansion.contains(name), "{expansion}");
    }
    assert!(
        expansion.contains("TestOptions::new().core_replay(true)"),
        "{expansion}"
    );
    assert!(expansion.contains("HistoryMode::Replay"), "{expansion}");
}

#[cfg(feature = "proptest")]
#[test]
fn histories_and_proptest_both_choose_the_arguments() {
    let refused = errors(quote!(histories = "*.json", proptest), plain());
    assert!(
        refused.starts_with("`histories` and `proptest` both choose the arguments; keep"),
        "{refused}"
    );
}

#[test]
fn wrong_arguments_about_histories_are_refused() {
    insta::assert_snapshot!(
        [
            errors(quote!(mode = continue), plain()),
            errors(quote!(histories = FILES), plain()),
            errors(quote!(histories = "a/[.json"), plain()),
            errors(quote!(histories = "*.json", mode = forward), plain()),
            errors(
                quote!(histories = "*.json"),
                quote!(
                    #[case(1)]
                    async fn works(env: TestWorkflowEnvironment, #[case] number: u64) {}
                )
            ),
            errors(
                quote!(histories = "*.json"),
                quote!(
                    async fn works(env: TestWorkflowEnvironment, one: History, two: History) {}
                )
            ),
        ]
        .join("\n")
    );
}

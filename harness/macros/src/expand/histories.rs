//! A test of histories from files: a module of `#[test]` functions, one for each file.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, Ident, parse_quote};

use super::{
    cases::{is_condition, of_test},
    test::{environment, inner, options, outcome},
};
use crate::validate::{Histories, Mode, WorkflowTest};

/// Expands a test of histories: a function and a module share its name, as for cases.
///
/// The tests are named for their files. The build does not notice files that are added later, so a
/// last test is for those.
pub(super) fn workflow_test(test: &WorkflowTest, histories: &Histories) -> TokenStream {
    let name = &test.function.sig.ident;
    let (of_tests, others): (Vec<_>, Vec<_>) = test.attributes.iter().partition(|it| of_test(it));
    let conditions: Vec<_> = others.iter().filter(|it| is_condition(it)).collect();
    let inner = inner(test);
    let run = run(test, histories);
    let tests = histories.files.iter().map(|file| {
        let (of_file, path) = (&file.name, &file.path);
        quote! {
            #(#of_tests)*
            #[test]
            fn #of_file() {
                super::#name(
                    ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#of_file)),
                    ::core::option::Option::Some(#path),
                );
            }
        }
    });
    quote! {
        #(#others)*
        #[cfg(test)]
        fn #name(test: &'static str, file: ::core::option::Option<&'static str>) {
            #inner
            #run
        }

        #(#conditions)*
        #[cfg(test)]
        #[allow(non_snake_case)]
        mod #name {
            #(#tests)*

            #(#of_tests)*
            #[test]
            fn files_added_since_the_build() {
                super::#name(
                    ::core::concat!(::core::module_path!(), "::files_added_since_the_build"),
                    ::core::option::Option::None,
                );
            }
        }
    }
}

fn run(test: &WorkflowTest, histories: &Histories) -> TokenStream {
    let Histories {
        pattern,
        mode,
        files,
        takes_history,
    } = histories;
    let name = &test.function.sig.ident;
    let (mode, mut setters) = match mode {
        // The SDK's own replayer has its say: such a test is about nothing else.
        Mode::Replay => (
            quote!(Replay),
            vec![setter("core_replay", parse_quote!(true))],
        ),
        Mode::Continue => (quote!(Continue), Vec::new()),
    };
    setters.extend(test.options.iter().cloned());
    let known = files.iter().map(|file| &file.path);
    let options = options(&setters);
    let line = quote_spanned!(name.span()=> ::core::line!());
    let environment = environment(test);
    let history = takes_history.then(|| quote!(, history));
    let outcome = outcome(test, quote!(#name(#environment #history)));
    let unused = (!takes_history).then(|| quote!(let _ = history;));
    quote! {
        ::durasim::__private::Histories {
            mode: ::durasim::__private::HistoryMode::#mode,
            path: #pattern,
        }
        .run(
            file,
            &[#(#known),*],
            ::durasim::__private::TestCase {
                name: test,
                file: ::core::file!(),
                line: #line,
                manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
                options: #options,
            },
            |env, history| {
                #unused
                ::std::boxed::Box::pin(#outcome)
            },
        )
    }
}

fn setter(name: &str, value: Expr) -> (Ident, Expr) {
    (Ident::new(name, Span::call_site()), value)
}

//! The `#[test]` function: the user's own function within, handed to durasim with its options.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Expr, FnArg, Ident, ext::IdentExt, spanned::Spanned};

use crate::validate::{Generated, WorkflowTest};

/// Expands a test.
///
/// The user's function stays a function, so that `?`, `return` and its return type keep their
/// meaning, and backtraces show its name. The function is nested, so that names resolve as they do
/// in its module.
pub(crate) fn workflow_test(test: &WorkflowTest) -> TokenStream {
    let WorkflowTest {
        function,
        attributes,
        ..
    } = test;
    let name = &function.sig.ident;
    let visibility = &function.vis;
    let mut inner = function.clone();
    inner.vis = syn::Visibility::Inherited;
    let case = test_case(test);
    let run = match &test.generated {
        None => run(test, &case),
        Some(generated) => run_proptest(test, &case, generated),
    };
    quote! {
        #(#attributes)*
        #[test]
        #visibility fn #name() {
            // The macro demands `async` even if the body awaits nothing.
            #[allow(clippy::unused_async)]
            #inner
            #run
        }
    }
}

fn test_case(test: &WorkflowTest) -> TokenStream {
    let name = test.function.sig.ident.unraw().to_string();
    let options = options(&test.options);
    let line = quote_spanned!(test.function.sig.ident.span()=> ::core::line!());
    quote! {
        ::durasim::__private::TestCase {
            name: ::core::concat!(::core::module_path!(), "::", #name),
            file: ::core::file!(),
            line: #line,
            manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
            options: #options,
        }
    }
}

fn options(options: &[(Ident, Expr)]) -> TokenStream {
    let mut chain = quote!(::durasim::__private::TestOptions::new());
    for (setter, value) in options {
        // With the span of the value, so that rustc shows a wrong type where it was written.
        chain.extend(quote_spanned!(value.span()=> .#setter(#value)));
    }
    chain
}

fn run(test: &WorkflowTest, case: &TokenStream) -> TokenStream {
    let name = &test.function.sig.ident;
    let environment = environment(test);
    let outcome = outcome(test, quote!(#name(#environment)));
    quote! {
        ::durasim::__private::run(#case, |env| ::std::boxed::Box::pin(#outcome))
    }
}

/// Returns the future of the test's outcome. A boxed error is wrapped in a type that durasim can
/// convert.
fn outcome(test: &WorkflowTest, call: TokenStream) -> TokenStream {
    if test.boxed_error {
        quote!(async move { ::durasim::__private::Boxed(#call.await) })
    } else {
        call
    }
}

fn run_proptest(test: &WorkflowTest, case: &TokenStream, generated: &[Generated]) -> TokenStream {
    let name = &test.function.sig.ident;
    let environment = environment(test);
    // Each has the span of its strategy, so that rustc shows a wrong type there.
    let values: Vec<_> = generated
        .iter()
        .enumerate()
        .map(|(index, generated)| {
            let span = generated.span().resolved_at(Span::call_site());
            format_ident!("value_{index}", span = span)
        })
        .collect();
    // proptest has no strategy for an empty tuple, but one for `()`.
    let strategies = if generated.is_empty() {
        quote!(::durasim::__private::any::<()>())
    } else {
        let strategies = generated.iter().map(|generated| match generated {
            Generated::Strategy(strategy) => {
                quote_spanned!(generated.span()=> ::durasim::__private::generator(#strategy))
            }
            Generated::Any(ty) => {
                quote_spanned!(generated.span()=> ::durasim::__private::any::<#ty>())
            }
        });
        quote!((#(#strategies,)*))
    };
    let outcome = outcome(test, quote!(#name(#environment, #(#values,)*)));
    let names = parameters(test);
    let described = values
        .iter()
        .zip(&names)
        .map(|(value, name)| quote!((#name, ::std::format!("{:?}", #value))));
    quote! {
        ::durasim::__private::run_proptest(
            #case,
            #strategies,
            |(#(#values,)*)| ::std::vec![#(#described),*],
            |env, (#(#values,)*)| ::std::boxed::Box::pin(#outcome),
        )
    }
}

/// Returns the further arguments as they are written, for the report of the values that made the
/// test fail.
fn parameters(test: &WorkflowTest) -> Vec<String> {
    let written = |input: &FnArg| match input {
        FnArg::Typed(parameter) => match &*parameter.pat {
            // Without `mut`, which does not describe the value.
            syn::Pat::Ident(name) => name.ident.unraw().to_string(),
            pattern => pattern.to_token_stream().to_string(),
        },
        FnArg::Receiver(_) => unreachable!("validation refuses a receiver"),
    };
    test.function
        .sig
        .inputs
        .iter()
        .skip(1)
        .map(written)
        .collect()
}

/// Returns `env` with the span of the type that the user wrote, so that rustc shows a wrong type
/// there.
fn environment(test: &WorkflowTest) -> TokenStream {
    let span = match test.function.sig.inputs.first() {
        Some(FnArg::Typed(environment)) => environment.ty.span(),
        _ => Span::call_site(),
    };
    let env = Ident::new("env", span.resolved_at(Span::call_site()));
    env.into_token_stream()
}

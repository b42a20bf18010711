//! The `#[test]` function: the user's own function within, handed to durasim with its options.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, FnArg, Ident};

use crate::validate::{Generated, WorkflowTest};

/// The test.
///
/// The user's function stays a function, so that `?`, `return` and its own return type mean what
/// they say, and backtraces show its name. It is nested, so that the module's names resolve as they
/// did.
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
            // The macro is what demands `async`, awaiting or not.
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
    let mut chain = quote!(::durasim::TestOptions::new());
    for (setter, value) in options {
        // Spanned at the value: a value of the wrong type is shown where it was written.
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

/// The future of the test's outcome; an error that no conversion takes is wrapped for one that
/// does.
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
    // Each stands where its strategy does: that is what is wrong if it is of another type.
    let values: Vec<_> = generated
        .iter()
        .enumerate()
        .map(|(index, generated)| {
            let span = generated.span().resolved_at(Span::call_site());
            format_ident!("value_{index}", span = span)
        })
        .collect();
    // proptest has no strategy for a tuple of none; `()` has one by itself.
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

/// The further arguments as they are written, for the report of the values that made the test fail.
fn parameters(test: &WorkflowTest) -> Vec<String> {
    let written = |input: &FnArg| match input {
        FnArg::Typed(parameter) => match &*parameter.pat {
            // Without `mut`, which says nothing of the value.
            syn::Pat::Ident(name) => name.ident.unraw().to_string(),
            pattern => pattern.to_token_stream().to_string(),
        },
        FnArg::Receiver(_) => unreachable!("a receiver is an error before"),
    };
    test.function
        .sig
        .inputs
        .iter()
        .skip(1)
        .map(written)
        .collect()
}

/// `env`, placed at the type that the user wrote: that is what is wrong if it is of another type.
fn environment(test: &WorkflowTest) -> TokenStream {
    let span = match test.function.sig.inputs.first() {
        Some(FnArg::Typed(environment)) => environment.ty.span(),
        _ => Span::call_site(),
    };
    let env = Ident::new("env", span.resolved_at(Span::call_site()));
    env.into_token_stream()
}

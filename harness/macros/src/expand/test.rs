//! The `#[test]` function: the user's own function within, handed to durasim with its options.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Expr, FnArg, Ident, ext::IdentExt, spanned::Spanned};

use super::{cases, histories, snapshots};
use crate::validate::{Further, Generated, WorkflowTest, parameters};

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
    let inner = inner(test);
    let run = match &test.further {
        Further::Cases(cases) => return cases::workflow_test(test, cases),
        Further::Histories(files) => return histories::workflow_test(test, files),
        Further::Nothing => run(test, &test_case(test), &[]),
        Further::Generated(generated) => run_proptest(test, &test_case(test), generated),
    };
    quote! {
        #(#attributes)*
        #[test]
        #visibility fn #name() {
            #inner
            #run
        }
    }
}

/// Returns the user's function, to be nested.
pub(super) fn inner(test: &WorkflowTest) -> TokenStream {
    let syn::ItemFn {
        attrs, sig, block, ..
    } = &test.function;
    let body = block.to_token_stream();
    let body = match test.further {
        Further::Nothing => snapshots::named(&sig.ident.unraw().to_string(), body),
        // Each has values of its own, and names of its own for what it shows.
        Further::Cases(_) | Further::Histories(_) | Further::Generated(_) => body,
    };
    quote! {
        // The macro demands `async` even if the body awaits nothing.
        #[allow(clippy::unused_async)]
        #(#attrs)*
        #sig
        #body
    }
}

fn test_case(test: &WorkflowTest) -> TokenStream {
    let name = &test.function.sig.ident;
    let options = options(&test.options);
    described(&name.unraw().to_string(), name.span(), &options)
}

/// Returns the `TestCase` of a test: its path within the module, its place, its options.
pub(super) fn described(path: &str, place: Span, options: &TokenStream) -> TokenStream {
    let line = quote_spanned!(place=> ::core::line!());
    quote! {
        ::durasim::__private::TestCase {
            name: ::core::concat!(::core::module_path!(), "::", #path),
            file: ::core::file!(),
            line: #line,
            manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
            options: #options,
        }
    }
}

pub(super) fn options(options: &[(Ident, Expr)]) -> TokenStream {
    let mut chain = quote!(::durasim::__private::TestOptions::new());
    for (setter, value) in options {
        // With the span of the value, so that rustc shows a wrong type where it was written.
        chain.extend(quote_spanned!(value.span()=> .#setter(#value)));
    }
    chain
}

/// Returns the call that runs a test whose further arguments have these values.
pub(super) fn run(test: &WorkflowTest, case: &TokenStream, values: &[Expr]) -> TokenStream {
    let name = &test.function.sig.ident;
    let environment = environment(test);
    let outcome = outcome(test, quote!(#name(#environment #(, #values)*)));
    quote! {
        ::durasim::__private::run(#case, |env| ::std::boxed::Box::pin(#outcome))
    }
}

/// Returns the future of the test's outcome. A boxed error is wrapped in a type that durasim can
/// convert.
pub(super) fn outcome(test: &WorkflowTest, call: TokenStream) -> TokenStream {
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
    let names = parameters(&test.function);
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

/// Returns `env` with the span of the type that the user wrote, so that rustc shows a wrong type
/// there.
pub(super) fn environment(test: &WorkflowTest) -> TokenStream {
    let span = match test.function.sig.inputs.first() {
        Some(FnArg::Typed(environment)) => environment.ty.span(),
        _ => Span::call_site(),
    };
    let env = Ident::new("env", span.resolved_at(Span::call_site()));
    env.into_token_stream()
}

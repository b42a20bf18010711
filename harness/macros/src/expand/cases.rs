//! A test with cases: a module of `#[test]` functions, one for each.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ext::IdentExt};

use super::test::{described, inner, options, run};
use crate::validate::{Case, WorkflowTest, parameters};

/// Expands a test with cases, as rstest does: a function and a module share its name.
///
/// All that the user wrote goes into the function, so that names resolve as they do in its module.
/// The module holds the tests, whose names are the cases'.
pub(super) fn workflow_test(test: &WorkflowTest, cases: &[Case]) -> TokenStream {
    let name = &test.function.sig.ident;
    let (of_tests, others): (Vec<_>, Vec<_>) = test.attributes.iter().partition(|it| of_test(it));
    let conditions: Vec<_> = others.iter().filter(|it| is_condition(it)).collect();
    let inner = inner(test);
    let arms = cases.iter().enumerate().map(|(index, case)| {
        let run = run(test, &test_case(test, case), &case.values);
        quote!(#index => #run,)
    });
    let tests = cases.iter().enumerate().map(|(index, case)| {
        let Case {
            name: of_case,
            attributes,
            ..
        } = case;
        quote! {
            #(#attributes)*
            #(#of_tests)*
            #[test]
            fn #of_case() {
                super::#name(#index);
            }
        }
    });
    quote! {
        #(#others)*
        #[cfg(test)]
        fn #name(case: usize) {
            #inner
            match case {
                #(#arms)*
                _ => ::core::unreachable!("each test names a case"),
            }
        }

        #(#conditions)*
        #[cfg(test)]
        mod #name {
            #(#tests)*
        }
    }
}

fn test_case(test: &WorkflowTest, case: &Case) -> TokenStream {
    let path = format!("{}::{}", test.function.sig.ident.unraw(), case.name);
    let mut options = options(&test.options);
    if !case.values.is_empty() {
        let inputs = inputs(&parameters(&test.function), &case.values);
        options.extend(quote!(.inputs(#inputs)));
    }
    described(&path, case.span, &options)
}

/// Returns the arguments of a case as the report shows them: `amount = 100`, one a line.
fn inputs(names: &[String], values: &[Expr]) -> String {
    let lines: Vec<_> = names
        .iter()
        .zip(values)
        .map(|(name, value)| format!("{name} = {}", value.to_token_stream()))
        .collect();
    lines.join("\n")
}

/// Returns `true` for attributes that only a `#[test]` function may have.
pub(super) fn of_test(attribute: &Attribute) -> bool {
    ["ignore", "should_panic"]
        .iter()
        .any(|name| attribute.path().is_ident(name))
}

/// Returns `true` for attributes that may remove the test from the build.
pub(super) fn is_condition(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
}

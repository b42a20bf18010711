//! The tokens in place of a test that is not valid.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, FnArg, ItemFn};

/// Returns the errors, and the function beside them.
///
/// Without the function, an editor would lose completion and types in its body, and rustc would add
/// warnings about imports that only the body uses.
pub(crate) fn fallback(mut function: ItemFn, errors: &syn::Error) -> TokenStream {
    let errors = errors.to_compile_error();
    // These attributes would only add errors about the same mistake.
    function.attrs.retain(|attribute| {
        attribute.path().segments.last().is_none_or(|last| {
            !["test", "workflow_test", "rstest", "ignore", "should_panic"]
                .iter()
                .any(|name| last.ident == name)
        }) && !is_case(attribute)
    });
    for input in &mut function.sig.inputs {
        match input {
            FnArg::Receiver(_) => return errors,
            FnArg::Typed(parameter) => parameter
                .attrs
                .retain(|a| !is_case(a) && !a.path().is_ident("strategy")),
        }
    }
    function.sig.asyncness.get_or_insert_default();
    function.sig.constness = None;
    let function = function.into_token_stream();
    quote! {
        #errors
        #[allow(dead_code)]
        #function
    }
}

/// Returns `true` for `#[case]`, `#[case(..)]` and `#[case::name(..)]`.
fn is_case(attribute: &Attribute) -> bool {
    let first = attribute.path().segments.first();
    first.is_some_and(|first| first.ident == "case")
}

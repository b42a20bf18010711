//! The function that the attribute is on.

use proc_macro2::TokenStream;
use syn::ItemFn;

/// Parses the function.
///
/// # Errors
///
/// If the item is not a function, with words that say so; or a syntax error of the function.
pub(crate) fn function(item: TokenStream) -> syn::Result<ItemFn> {
    syn::parse2(item.clone()).map_err(|error| {
        // A syntax error in a function keeps its own words and place.
        if item.into_iter().any(|token| token.to_string() == "fn") {
            error
        } else {
            syn::Error::new(
                error.span(),
                "`#[workflow_test]` belongs on a function: \
                 `async fn name(env: TestWorkflowEnvironment)`",
            )
        }
    })
}

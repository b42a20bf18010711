//! The function under the attribute.

use proc_macro2::TokenStream;
use syn::ItemFn;

/// The function, or an error that says what the attribute belongs on.
pub(crate) fn function(item: TokenStream) -> syn::Result<ItemFn> {
    syn::parse2(item.clone()).map_err(|error| {
        // A broken body is the user's syntax error and keeps its own words and place.
        if item.into_iter().any(|token| token.to_string() == "fn") {
            error
        } else {
            syn::Error::new(
                error.span(),
                "`#[workflow_test]` goes on a function: `async fn name(env: TestWorkflowEnvironment)`",
            )
        }
    })
}

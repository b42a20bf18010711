//! From arguments and a function to a valid test, or to errors that name the alternatives.

mod arguments;
mod errors;
mod function;

use proc_macro2::Span;
use syn::{Attribute, Expr, Ident, ItemFn, Type, spanned::Spanned};

use crate::parse::Argument;
use errors::Errors;

/// A valid test.
pub(crate) struct WorkflowTest {
    /// The user's function, without the attributes below and without `#[strategy(..)]`.
    pub(crate) function: ItemFn,
    /// Attributes that belong on the `#[test]` function: documentation, `#[ignore]`, lints and the
    /// like.
    pub(crate) attributes: Vec<Attribute>,
    /// Setters of `TestOptions` with their values, in the order in which they were written.
    pub(crate) options: Vec<(Ident, Expr)>,
    /// True if the test returns a `Result` with `Box<dyn Error>`.
    pub(crate) boxed_error: bool,
    /// With `proptest`: the sources of the arguments after the environment, in order.
    pub(crate) generated: Option<Vec<Generated>>,
}

/// The source of the values of one generated argument.
pub(crate) enum Generated {
    /// `#[strategy(EXPR)]`
    Strategy(Expr),
    /// `any::<T>()`
    Any(Type),
}

impl Generated {
    /// Returns the place where the source was written.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Strategy(strategy) => strategy.span(),
            Self::Any(ty) => ty.span(),
        }
    }
}

/// Checks the arguments and the function together.
///
/// # Errors
///
/// All rules that the test breaks, not only the first.
pub(crate) fn workflow_test(arguments: &[Argument], function: ItemFn) -> syn::Result<WorkflowTest> {
    let mut errors = Errors::default();
    let options = arguments::options(arguments, &mut errors);
    let proptest = arguments.iter().any(|argument| argument.name == "proptest");
    let (function, attributes, generated) = function::check(function, proptest, &mut errors);
    errors.finish()?;
    let boxed_error = function::returns_boxed_error(&function);
    Ok(WorkflowTest {
        function,
        attributes,
        options,
        boxed_error,
        generated: proptest.then_some(generated),
    })
}

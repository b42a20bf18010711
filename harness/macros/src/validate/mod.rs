//! From arguments and a function to a valid test, or to errors that name the alternatives.

mod arguments;
mod cases;
mod errors;
mod function;
mod histories;
mod parameters;

use proc_macro2::Span;
use syn::{Attribute, Expr, Ident, ItemFn, Type, spanned::Spanned};

use crate::parse::Argument;
use errors::Errors;
use parameters::Source;

pub(crate) use cases::{Case, parameters};
pub(crate) use function::check_origin;
pub(crate) use histories::{Histories, Mode};

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
    /// The source of the arguments after the environment.
    pub(crate) further: Further,
}

/// The source of the arguments after the environment.
pub(crate) enum Further {
    /// There are none.
    Nothing,
    /// Rows: each is a test of its own.
    Cases(Vec<Case>),
    /// Files of histories: each is a test of its own.
    Histories(Histories),
    /// With `proptest`: the sources of the values, in order.
    Generated(Vec<Generated>),
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
pub(crate) fn workflow_test(
    arguments: &[Argument],
    mut function: ItemFn,
) -> syn::Result<WorkflowTest> {
    let mut errors = Errors::default();
    let options = arguments::options(arguments, &mut errors);
    function::check(&function, &mut errors);
    let (cases, attributes) = cases::take(&mut function, &mut errors);
    let proptest = arguments
        .iter()
        .find(|argument| argument.name == "proptest");
    let source = match (proptest, cases.as_slice()) {
        (None, []) => Source::Nothing,
        (None, _) => Source::Cases,
        (Some(_), []) => Source::Proptest,
        (Some(proptest), _) => {
            errors.at(proptest.span(), cases::BESIDE_PROPTEST);
            Source::Cases
        }
    };
    let histories = histories::check(arguments, &function, &mut errors);
    let source = match (&histories, cases.first()) {
        (Some(_), Some(case)) => {
            errors.at(case.span, histories::BESIDE_CASES);
            source
        }
        (Some(_), None) => Source::Histories,
        (None, _) => source,
    };
    let generated = parameters::check(&mut function, source, &mut errors);
    if source == Source::Cases {
        cases::check(&cases, &function, &mut errors);
    }
    errors.finish()?;
    let boxed_error = function::returns_boxed_error(&function);
    Ok(WorkflowTest {
        function,
        attributes,
        options,
        boxed_error,
        further: match source {
            Source::Histories => histories.map_or(Further::Nothing, Further::Histories),
            Source::Nothing => Further::Nothing,
            Source::Cases => Further::Cases(cases),
            Source::Proptest => Further::Generated(generated),
        },
    })
}

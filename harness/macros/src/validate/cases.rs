//! The rules of rows: `#[case(VALUE, ..)]`, one value for each argument after the environment.

use std::mem;

use proc_macro2::Span;
use quote::ToTokens;
use syn::{
    Attribute, Expr, FnArg, Ident, ItemFn, Meta, Pat, Token, ext::IdentExt, punctuated::Punctuated,
    spanned::Spanned,
};

use super::errors::Errors;

/// The error of rows beside the argument `proptest`.
pub(super) const BESIDE_PROPTEST: &str = "`proptest` and `#[case(..)]` both choose the arguments; \
    keep `proptest` for generated values, or the cases for those that you write";

/// Attributes of lints, which hold for the function and all of its rows wherever they stand.
const LINTS: &[&str] = &["allow", "deny", "expect", "forbid", "warn"];

/// One row: a test of its own.
pub(crate) struct Case {
    /// The name of the test, as rstest makes it: `case_1`; `case_1_visa` for `#[case::visa(..)]`.
    pub(crate) name: Ident,
    /// The values of the arguments after the environment, in order.
    pub(crate) values: Vec<Expr>,
    /// The attributes between the row before and this one, which belong to this row alone.
    pub(crate) attributes: Vec<Attribute>,
    /// The place of the row.
    pub(crate) span: Span,
}

/// Removes the attributes of a function. Returns its rows, and the attributes of all of it.
pub(super) fn take(function: &mut ItemFn, errors: &mut Errors) -> (Vec<Case>, Vec<Attribute>) {
    let is_case = |it: &Attribute| {
        it.path()
            .segments
            .first()
            .is_some_and(|it| it.ident == "case")
    };
    let attributes = mem::take(&mut function.attrs);
    let rows = attributes.iter().filter(|it| is_case(it)).count();
    let digits = rows.to_string().len();
    let mut number = 0;
    let (mut cases, mut of_all, mut of_next) = (Vec::new(), Vec::new(), Vec::new());
    for attribute in attributes {
        if is_case(&attribute) {
            number += 1;
            let suffix = description(&attribute, errors);
            let suffix = suffix
                .map(|it| format!("_{}", it.unraw()))
                .unwrap_or_default();
            let span = attribute.span();
            let attributes = mem::take(&mut of_next);
            cases.extend(values(&attribute, errors).map(|values| Case {
                name: Ident::new(&format!("case_{number:0digits$}{suffix}"), span),
                values,
                attributes,
                span,
            }));
        } else if LINTS.iter().any(|lint| attribute.path().is_ident(lint)) {
            of_all.push(attribute);
        } else {
            of_next.push(attribute);
        }
    }
    of_all.extend(of_next);
    (cases, of_all)
}

/// Returns the name that a row gives itself: `visa` for `#[case::visa(..)]`.
fn description(attribute: &Attribute, errors: &mut Errors) -> Option<Ident> {
    let mut segments = attribute.path().segments.iter().skip(1);
    let name = segments.next()?;
    if segments.next().is_some() || !name.arguments.is_none() {
        errors.over(
            attribute.path(),
            "a case has one name: `#[case::name(VALUE, ..)]`",
        );
    }
    Some(name.ident.clone())
}

fn values(attribute: &Attribute, errors: &mut Errors) -> Option<Vec<Expr>> {
    let Meta::List(list) = &attribute.meta else {
        errors.over(
            attribute,
            "write `#[case(VALUE, ..)]`, with a value for each argument",
        );
        return None;
    };
    let values = list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated);
    values
        .map_err(|error| errors.at(error.span(), format!("a case holds expressions: {error}")))
        .map(|values| values.into_iter().collect())
        .ok()
}

/// Checks that each row has a value for each argument after the environment.
pub(super) fn check(cases: &[Case], function: &ItemFn, errors: &mut Errors) {
    let names: Vec<_> = parameters(function);
    let counted = |count: usize, noun: &str| match count {
        0 => format!("no {noun}"),
        1 => format!("1 {noun}"),
        many => format!("{many} {noun}s"),
    };
    for case in cases.iter().filter(|it| it.values.len() != names.len()) {
        let arguments = match names.as_slice() {
            [] => String::new(),
            names => format!(": `{}`", names.join("`, `")),
        };
        errors.at(
            case.span,
            format!(
                "this case has {}, and the test takes {} after the environment{arguments}",
                counted(case.values.len(), "value"),
                counted(names.len(), "argument"),
            ),
        );
    }
}

/// Returns the further arguments as they are written, for reports.
pub(crate) fn parameters(function: &ItemFn) -> Vec<String> {
    let written = |input: &FnArg| match input {
        FnArg::Typed(parameter) => match &*parameter.pat {
            // Without `mut`, which does not describe the value.
            Pat::Ident(name) => name.ident.unraw().to_string(),
            pattern => pattern.to_token_stream().to_string(),
        },
        FnArg::Receiver(_) => "self".to_owned(),
    };
    function.sig.inputs.iter().skip(1).map(written).collect()
}

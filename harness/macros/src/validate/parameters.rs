//! The rules of the parameters: the environment first, then arguments that have a source.

use syn::{Attribute, Expr, FnArg, ItemFn, Meta, PatType, Type};

use super::{Generated, errors::Errors, function::SHAPE};

/// The size up to which proptest implements `Strategy` for tuples.
const MAX_GENERATED: usize = 12;

/// The error of an argument after the environment that has no source.
const NO_SOURCE: &str = "arguments after the environment come from cases, from proptest or from \
    histories; write `#[case(VALUE)]` above the function, `#[workflow_test(proptest)]` or \
    `#[workflow_test(histories = PATTERN)]`, or remove the argument";

/// The error of an argument marked `#[case]` in a test that has no cases.
const NO_CASE: &str = "no case has a value for this argument; write `#[case(VALUE)]` above the \
    function, below `#[workflow_test]`";

/// The source of the arguments after the environment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Nothing,
    Cases,
    Histories,
    Proptest,
}

/// Checks the parameters. Returns the further ones with the sources of their generated values, and
/// leaves out attributes that are not for the compiler.
pub(super) fn check(function: &mut ItemFn, source: Source, errors: &mut Errors) -> Vec<Generated> {
    let open = function.sig.paren_token.span.join();
    let mut inputs = function.sig.inputs.iter_mut();
    match inputs.next() {
        None => errors.at(
            open,
            format!("a workflow test takes the environment: `{SHAPE}`"),
        ),
        Some(FnArg::Receiver(receiver)) => {
            errors.over(
                receiver,
                format!("a workflow test is a free function and has no receiver: `{SHAPE}`"),
            );
            // The next argument is probably the environment, and not to be generated.
            return Vec::new();
        }
        Some(FnArg::Typed(environment)) => check_environment(environment, errors),
    }
    let mut generated = Vec::new();
    for input in inputs {
        // A receiver that is not first is a syntax error of its own.
        let FnArg::Typed(parameter) = input else {
            continue;
        };
        let marks = take(parameter, "case");
        let strategy = take_strategy(parameter, errors);
        match source {
            Source::Nothing if marks.is_empty() => errors.over(&*parameter, NO_SOURCE),
            Source::Cases => {
                if let Some(strategy) = &strategy {
                    errors.over(
                        strategy,
                        "`#[case(..)]` gives this argument its values; \
                        a strategy needs `#[workflow_test(proptest)]` and no cases",
                    );
                }
                check_marks(&marks, errors);
            }
            Source::Proptest if marks.is_empty() => check_generated(parameter, errors),
            Source::Histories if marks.is_empty() => {
                if let Some(strategy) = &strategy {
                    errors.over(
                        strategy,
                        "the history comes from a file, and not from a strategy",
                    );
                }
            }
            Source::Nothing | Source::Histories | Source::Proptest => {
                errors.over(&*parameter, NO_CASE);
            }
        }
        let any = || Generated::Any((*parameter.ty).clone());
        generated.push(strategy.map_or_else(any, Generated::Strategy));
    }
    if source == Source::Proptest && generated.len() > MAX_GENERATED {
        errors.over(
            &function.sig.inputs,
            format!(
                "at most {MAX_GENERATED} arguments can be generated; group some of them in a struct"
            ),
        );
    }
    generated
}

/// Checks the form of the first argument. Its type may be an alias, so rustc checks the rest.
fn check_environment(environment: &mut PatType, errors: &mut Errors) {
    for name in ["strategy", "case"] {
        for mark in take(environment, name) {
            let message =
                format!("durasim makes the environment; `#[{name}]` belongs on a later argument");
            errors.over(mark, message);
        }
    }
    match &*environment.ty {
        Type::Reference(reference) => {
            errors.over(
                reference,
                format!("the test owns its environment; take it by value: `{SHAPE}`"),
            );
        }
        Type::Path(path) if !is_plainly_not_the_environment(path) => {}
        other => errors.over(
            other,
            format!("the first argument must be the environment: `{SHAPE}`"),
        ),
    }
}

/// Returns `true` for types that tests often generate, and that are never an environment.
fn is_plainly_not_the_environment(path: &syn::TypePath) -> bool {
    const OTHERS: &[&str] = &[
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16",
        "u32", "u64", "u128", "usize", "String", "Vec", "Option", "Duration",
    ];
    path.path
        .get_ident()
        .is_some_and(|ident| OTHERS.iter().any(|other| ident == other))
        || path
            .path
            .segments
            .last()
            .is_some_and(|last| !last.arguments.is_none())
}

fn check_generated(parameter: &PatType, errors: &mut Errors) {
    match &*parameter.ty {
        Type::ImplTrait(written) => {
            errors.over(
                written,
                "a generated argument needs a type of its own, not `impl Trait`",
            );
        }
        Type::Reference(written)
            if written
                .lifetime
                .as_ref()
                .is_none_or(|lifetime| lifetime.ident != "static") =>
        {
            errors.over(
                written,
                "a generated argument must be owned: use `String` instead of `&str`, for example",
            );
        }
        _ => {}
    }
}

/// Removes `#[strategy(EXPR)]` from an argument, and returns its expression.
fn take_strategy(parameter: &mut PatType, errors: &mut Errors) -> Option<Expr> {
    let mut strategies = take(parameter, "strategy").into_iter();
    let first = strategies.next()?;
    for other in strategies {
        errors.over(
            other,
            "an argument takes one `#[strategy(..)]`; combine several with `prop_oneof!`",
        );
    }
    let Meta::List(list) = &first.meta else {
        errors.over(
            &first,
            "write `#[strategy(EXPR)]`, such as `#[strategy(0..100_u64)]`",
        );
        return None;
    };
    let strategy = list.parse_args().ok();
    if strategy.is_none() {
        errors.over(
            &first,
            "`#[strategy(EXPR)]` takes one expression, such as `0..100_u64`",
        );
    }
    strategy
}

/// Checks the marks `#[case]` of an argument, which have no value of their own.
fn check_marks(marks: &[Attribute], errors: &mut Errors) {
    for mark in marks
        .iter()
        .filter(|mark| mark.meta.require_path_only().is_err())
    {
        errors.over(
            mark,
            "write `#[case]` on an argument; its values belong above the function",
        );
    }
}

/// Removes the attributes of that name from an argument.
fn take(parameter: &mut PatType, name: &str) -> Vec<Attribute> {
    let (taken, others) = std::mem::take(&mut parameter.attrs)
        .into_iter()
        .partition(|attribute| attribute.path().is_ident(name));
    parameter.attrs = others;
    taken
}

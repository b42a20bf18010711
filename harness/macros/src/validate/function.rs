//! The rules of the function: async, the environment first, and a form that a test can have.

use syn::{
    Attribute, GenericArgument, Item, ItemFn, PathArguments, ReturnType, Stmt, Type,
    TypeParamBound, spanned::Spanned,
};

use super::errors::Errors;

/// The form of a workflow test, for errors.
pub(super) const SHAPE: &str = "async fn name(env: TestWorkflowEnvironment)";

/// The error of a test that rstest runs too.
const RSTEST: &str = "remove `#[rstest]`: `#[workflow_test]` runs each `#[case(..)]` of the \
    function as a test of its own, and its environment is no fixture";

/// Checks the function's attributes and its signature, but for its parameters.
pub(super) fn check(function: &ItemFn, errors: &mut Errors) {
    for attribute in &function.attrs {
        check_attribute(attribute, errors);
    }
    check_signature(function, errors);
}

/// Checks that rstest has not made this function of another one, whose environment is then lost.
///
/// # Errors
///
/// If it has: anything else that is wrong with the function follows from that.
pub(crate) fn check_origin(function: &ItemFn) -> syn::Result<()> {
    let name = &function.sig.ident;
    // A test with cases is in a module beside the user's function, one without is around it.
    let is_outer = |first: &Stmt| match first {
        Stmt::Item(Item::Fn(inner)) => inner.sig.ident == *name,
        _ => false,
    };
    let is_wrapper =
        name.to_string().starts_with("case_") || function.block.stmts.first().is_some_and(is_outer);
    if is_wrapper && function.sig.inputs.is_empty() {
        return Err(syn::Error::new(name.span(), RSTEST));
    }
    Ok(())
}

/// Refuses attributes that would run the body outside of a simulated world.
fn check_attribute(attribute: &Attribute, errors: &mut Errors) {
    let path = attribute.path();
    let Some(last) = path.segments.last() else {
        return;
    };
    if last.ident == "workflow_test" {
        errors.over(
            attribute,
            "`#[workflow_test]` is given twice; put all arguments into one",
        );
    } else if last.ident == "rstest" {
        errors.over(attribute, RSTEST);
    } else if last.ident == "test" {
        let written: Vec<_> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        errors.over(
            attribute,
            format!(
                "remove `#[{}]`: `#[workflow_test]` makes the function a test",
                written.join("::")
            ),
        );
    }
}

fn check_signature(function: &ItemFn, errors: &mut Errors) {
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        errors.at(
            signature.fn_token.span(),
            format!("a workflow test must be async: `{SHAPE}`"),
        );
    }
    if let Some(unsafety) = &signature.unsafety {
        errors.over(
            unsafety,
            "a workflow test cannot be unsafe; use an unsafe block in its body",
        );
    }
    if let Some(constness) = &signature.constness {
        errors.over(
            constness,
            format!("a workflow test cannot be const: `{SHAPE}`"),
        );
    }
    if let Some(abi) = &signature.abi {
        errors.over(
            abi,
            format!("a workflow test cannot name an ABI: `{SHAPE}`"),
        );
    }
    if !signature.generics.params.is_empty() {
        errors.over(
            &signature.generics,
            "a test cannot be generic; call a generic function from one test for each type",
        );
    } else if let Some(clause) = &signature.generics.where_clause {
        errors.over(
            clause,
            "a test has no type parameters to constrain; remove the where clause",
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.over(
            variadic,
            format!("a workflow test cannot be variadic: `{SHAPE}`"),
        );
    }
}

/// Returns `true` if the test returns `Result<_, Box<dyn Error>>`, whatever its paths.
///
/// Such an error cannot be sent to another thread, so durasim converts it in another way.
pub(super) fn returns_boxed_error(function: &ItemFn) -> bool {
    let ReturnType::Type(_, ty) = &function.sig.output else {
        return false;
    };
    let last_argument = |ty: &Type, wanted: &str| match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .filter(|last| last.ident == wanted)
            .and_then(|last| match &last.arguments {
                PathArguments::AngleBracketed(arguments) => arguments.args.last().cloned(),
                _ => None,
            }),
        _ => None,
    };
    let Some(GenericArgument::Type(error)) = last_argument(ty, "Result") else {
        return false;
    };
    let Some(GenericArgument::Type(Type::TraitObject(object))) = last_argument(&error, "Box")
    else {
        return false;
    };
    let names: Vec<_> = object
        .bounds
        .iter()
        .filter_map(|bound| match bound {
            TypeParamBound::Trait(bound) => bound
                .path
                .segments
                .last()
                .map(|last| last.ident.to_string()),
            _ => None,
        })
        .collect();
    names.iter().any(|name| name == "Error")
        && !(names.contains(&"Send".into()) && names.contains(&"Sync".into()))
}

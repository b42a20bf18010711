//! The arguments of `#[workflow_test(..)]`.

use proc_macro2::{Span, TokenStream};
use syn::{
    Expr, Ident, Token,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
};

/// The form of an argument: with a value or without.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `name = EXPR`
    Value,
    /// `name`
    Flag,
}

/// One argument that the attribute knows.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// A use of the argument, shown in errors.
    pub(crate) example: &'static str,
}

/// All arguments. A new argument is one entry here, and its rules in `validate`.
pub(crate) const ARGUMENTS: &[Known] = &[
    Known {
        name: "seeds",
        form: Form::Value,
        example: "seeds = 256",
    },
    Known {
        name: "faults",
        form: Form::Value,
        example: "faults = FaultProfile::all()",
    },
    Known {
        name: "explore",
        form: Form::Value,
        example: "explore = Exhaustive::faults(2)",
    },
    Known {
        name: "proptest",
        form: Form::Flag,
        example: "proptest",
    },
    Known {
        name: "limits",
        form: Form::Value,
        example: "limits = Limits::default()",
    },
    Known {
        name: "cache",
        form: Form::Value,
        example: "cache = false",
    },
    Known {
        name: "core_replay",
        form: Form::Value,
        example: "core_replay = true",
    },
    Known {
        name: "fresh_process",
        form: Form::Value,
        example: "fresh_process = false",
    },
    Known {
        name: "histories",
        form: Form::Value,
        example: "histories = \"tests/histories/*.json\"",
    },
    Known {
        name: "mode",
        form: Form::Value,
        example: "histories = \"tests/histories/*.json\", mode = continue",
    },
];

/// Returns the names of all arguments, for errors.
pub(crate) fn known_arguments() -> String {
    let names: Vec<_> = ARGUMENTS
        .iter()
        .map(|known| format!("`{}`", known.name))
        .collect();
    names.join(", ")
}

/// One argument as it was written.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) value: Option<Expr>,
}

impl Argument {
    pub(crate) fn span(&self) -> Span {
        self.name.span()
    }
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(syn::ext::IdentExt::parse_any).map_err(|error| {
            syn::Error::new(
                error.span(),
                format!(
                    "expected the name of an argument, one of {}",
                    known_arguments()
                ),
            )
        })?;
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Self { name, value: None });
        }
        if !input.peek(Token![=]) || input.peek(Token![==]) {
            return Err(input.error(format!(
                "expected `{name} = VALUE`, or a comma after `{name}`"
            )));
        }
        let sign = input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(syn::Error::new_spanned(
                sign,
                format!("expected a value after `{name} =`"),
            ));
        }
        Ok(Self {
            name,
            value: Some(input.parse()?),
        })
    }
}

/// Parses the arguments, in the order in which they were written.
pub(crate) fn arguments(tokens: TokenStream) -> syn::Result<Vec<Argument>> {
    let parsed = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens)?;
    Ok(parsed.into_iter().collect())
}

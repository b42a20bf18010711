//! The rules of the attribute's arguments: known, given once, well formed, not contradictory.

use syn::{Expr, ExprLit, ExprUnary, Ident, Lit, UnOp};

use super::errors::Errors;
use crate::parse::{ARGUMENTS, Argument, Form, known_arguments};

/// The pairs of arguments that both choose the worlds, with the error, which stands on the later
/// argument.
const CONTRADICTIONS: &[(&str, &str, &str)] = &[
    (
        "histories",
        "proptest",
        "`histories` and `proptest` both choose the arguments; keep `histories = PATTERN` for \
         those of files, or `proptest` for generated ones",
    ),
    (
        "seeds",
        "explore",
        "`seeds` and `explore` both choose the worlds; keep `seeds = N` for N random worlds, \
         or `explore = EXPR` for every plan of faults up to a size",
    ),
    (
        "seeds",
        "proptest",
        "`seeds` and `proptest` both choose the worlds; keep `seeds = N` for N worlds with fixed \
         inputs, or `proptest` for generated inputs (the environment variable PROPTEST_CASES sets \
         the number of worlds)",
    ),
    (
        "explore",
        "proptest",
        "`explore` and `proptest` both choose the worlds; keep `explore = EXPR` for every plan of \
         faults up to a size, or `proptest` for generated inputs and plans",
    ),
];

/// The error of the argument `proptest` if durasim was built without it.
const MISSING_PROPTEST: &str = "`proptest` needs durasim's feature `proptest`, which is on by \
    default; add it to the features of durasim in Cargo.toml, or remove the argument";

/// The names of the presets of `FaultProfile`.
const PRESETS: &[&str] = &["none", "crashes", "activities", "messages", "all"];

/// Checks the arguments; returns the setters of `TestOptions` that they stand for. Flags set
/// nothing.
pub(crate) fn options(arguments: &[Argument], errors: &mut Errors) -> Vec<(Ident, Expr)> {
    let mut options = Vec::new();
    for (position, argument) in arguments.iter().enumerate() {
        let name = argument.name.to_string();
        let Some(known) = ARGUMENTS.iter().find(|known| known.name == name) else {
            errors.at(argument.span(), unknown(&name));
            continue;
        };
        if arguments[..position]
            .iter()
            .any(|earlier| earlier.name == argument.name)
        {
            errors.at(
                argument.span(),
                format!("`{name}` is given twice; remove one of them"),
            );
            continue;
        }
        match (&argument.value, known.form) {
            // See `histories`: they say which tests there are.
            (Some(_), Form::Value) if ["histories", "mode"].contains(&name.as_str()) => {}
            (Some(value), Form::Value) => {
                check_literal(&name, value, errors);
                options.push((argument.name.clone(), value.clone()));
            }
            (None, Form::Flag) if name == "proptest" && !cfg!(feature = "proptest") => {
                errors.at(argument.span(), MISSING_PROPTEST);
            }
            (None, Form::Flag) => {}
            (None, Form::Value) => {
                errors.at(
                    argument.span(),
                    format!("`{name}` needs a value: `{}`", known.example),
                );
            }
            (Some(value), Form::Flag) => {
                errors.over(
                    value,
                    format!("`{name}` takes no value: write `{}`", known.example),
                );
            }
        }
    }
    contradictions(arguments, errors);
    options
}

fn unknown(name: &str) -> String {
    let nearest = ARGUMENTS
        .iter()
        .map(|known| (strsim::jaro_winkler(known.name, name), known.name))
        .max_by(|left, right| left.0.total_cmp(&right.0));
    match nearest {
        Some((likeness, nearest)) if likeness > 0.8 => {
            format!(
                "unknown argument `{name}`; did you mean `{nearest}`? (all: {})",
                known_arguments()
            )
        }
        _ => format!(
            "unknown argument `{name}`; the arguments are {}",
            known_arguments()
        ),
    }
}

/// Checks a value as far as possible without types.
///
/// Wrong are a literal of the wrong kind, no seeds at all, and the bare name of a preset.
fn check_literal(name: &str, value: &Expr, errors: &mut Errors) {
    let lit = match value {
        Expr::Lit(ExprLit { lit, .. }) => lit,
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_), ..
        }) if name == "seeds" => {
            return errors.over(value, "`seeds` takes a number of worlds: `seeds = 256`");
        }
        Expr::Path(path) if name == "faults" => {
            let preset = path
                .path
                .get_ident()
                .map(ToString::to_string)
                .unwrap_or_default();
            if PRESETS.contains(&preset.as_str()) {
                errors.over(value, format!("write `faults = FaultProfile::{preset}()`"));
            }
            return;
        }
        _ => return,
    };
    match name {
        "seeds" => match lit {
            Lit::Int(count) if count.base10_digits() == "0" => errors.over(
                value,
                "`seeds = 0` would test nothing; write at least 1, or `#[ignore]` the test",
            ),
            Lit::Int(_) => {}
            _ => errors.over(value, "`seeds` takes a number of worlds: `seeds = 256`"),
        },
        "cache" | "core_replay" | "fresh_process" if !matches!(lit, Lit::Bool(_)) => {
            errors.over(value, format!("`{name}` takes `true` or `false`"));
        }
        "faults" => errors.over(
            value,
            "`faults` takes a `FaultProfile`, such as `FaultProfile::all()`, \
             or a `Fault` placed by hand",
        ),
        "explore" => errors.over(
            value,
            "`explore` takes an `Exhaustive`, such as `Exhaustive::faults(2)`",
        ),
        "limits" => errors.over(
            value,
            "`limits` takes a `Limits`, such as `Limits::default()`",
        ),
        _ => {}
    }
}

fn contradictions(arguments: &[Argument], errors: &mut Errors) {
    let position = |name: &str| arguments.iter().position(|argument| argument.name == name);
    for (left, right, message) in CONTRADICTIONS {
        if let (Some(left), Some(right)) = (position(left), position(right)) {
            errors.at(arguments[left.max(right)].span(), message);
        }
    }
}

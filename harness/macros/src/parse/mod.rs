//! Tokens to what was written, with its spans, without judging whether it makes sense.

mod arguments;
mod function;

pub(crate) use arguments::{ARGUMENTS, Argument, Form, arguments, known_arguments};
pub(crate) use function::function;

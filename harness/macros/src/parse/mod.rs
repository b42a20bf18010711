//! From tokens to arguments and a function, with their spans, valid or not.

mod arguments;
mod function;

pub(crate) use arguments::{ARGUMENTS, Argument, Form, arguments, known_arguments};
pub(crate) use function::function;

//! What Python's own values do, on the template engine's: printing, operators, formatting, methods.

pub mod args;
pub mod compare;
pub mod containers;
pub mod number;
pub mod operators;
pub mod percent;
pub mod str_format;
pub mod strings;
pub mod value;

//! Jinja2's own filters, tests and functions, and what a compiled template's operators mean.

pub mod filters;
pub mod functions;
pub mod operators;
pub mod tests;

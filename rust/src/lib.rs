//! The Rust libraries halfbyte uses, behind the C header halfbyte_rust.h.
//! No function here reads a file, a clock, the environment or a socket, and no panic leaves it.

mod budget;
mod chat_template;
mod ffi;
mod grammar;
mod jinja;
mod json;
mod python;
mod strftime;

#[global_allocator]
static ALLOCATOR: budget::Allocator = budget::Allocator;

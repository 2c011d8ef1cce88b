//! Gives the operators of a compiled template Python's meaning.
//!
//! minijinja's are its own (`'%s' % x` fails, `~` and lists print numbers as Rust does, slices are lazy, a string is
//! less than a list). Each is one instruction, and so is the call of a filter with as many arguments from the stack;
//! the one takes the place of the other, which moves no jump. That is why the crate's version is exact.

use std::sync::OnceLock;

use minijinja::machinery::{Instruction, Instructions};
use minijinja::value::{Rest, Value};
use minijinja::Environment;

use crate::python::args::refused;
use crate::python::containers;
use crate::python::operators::{neg, slice, BINARY};
use crate::python::value::{check, undefined};

/// Never an entry of the cache of looked-up filters.
const UNCACHED: u8 = !0;

pub fn add_to(environment: &mut Environment) {
    for (name, operator) in BINARY {
        environment.add_filter(format!("operator{name}"), move |a: Value, b: Value| {
            check()?;
            operator(&a, &b)
        });
    }
    environment.add_filter("operator-1", |value: Value| neg(&value));
    environment.add_filter("operator[]", |value: Value, key: Value| {
        if value.is_undefined() {
            return Err(undefined());
        }
        Ok(containers::item(&value, &key))
    });
    environment.add_filter("operator[:]", |args: Rest<Value>| match &args[..] {
        [value, start, stop, step] => slice(value, [start, stop, step]),
        _ => Err(refused("a slice has three bounds")),
    });
    for name in containers::method_names() {
        environment.add_filter(attribute_filter(name), move |value: Value| {
            if value.is_undefined() {
                return Err(undefined());
            }
            Ok(containers::attribute(&value, name))
        });
    }
}

fn attribute_filter(name: &str) -> String {
    format!("attribute.{name}")
}

/// Of `value.name` for each name of a method: the filter that answers it. The names live as long as the process.
fn interned_attribute(name: &str) -> Option<&'static str> {
    static NAMES: OnceLock<Vec<(&'static str, &'static str)>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        containers::method_names().map(|name| (name, &*Box::leak(attribute_filter(name).into_boxed_str()))).collect()
    });
    names.iter().find(|(method, _)| *method == name).map(|(_, filter)| *filter)
}

pub fn rewrite(instructions: &mut Instructions) {
    let mut at = 0;
    while let Some(instruction) = instructions.get_mut(at) {
        at += 1;
        let (name, arguments) = match instruction {
            Instruction::Add => ("operator+", 2),
            Instruction::Sub => ("operator-", 2),
            Instruction::Mul => ("operator*", 2),
            Instruction::Div => ("operator/", 2),
            Instruction::IntDiv => ("operator//", 2),
            Instruction::Rem => ("operator%", 2),
            Instruction::Pow => ("operator**", 2),
            Instruction::StringConcat => ("operator~", 2),
            Instruction::Eq => ("operator==", 2),
            Instruction::Ne => ("operator!=", 2),
            Instruction::Lt => ("operator<", 2),
            Instruction::Lte => ("operator<=", 2),
            Instruction::Gt => ("operator>", 2),
            Instruction::Gte => ("operator>=", 2),
            Instruction::In => ("operatorin", 2),
            Instruction::Neg => ("operator-1", 1),
            Instruction::GetItem => ("operator[]", 2),
            Instruction::Slice => ("operator[:]", 4),
            Instruction::GetAttr(name) => match interned_attribute(name) {
                Some(filter) => (filter, 1),
                None => continue,
            },
            _ => continue,
        };
        *instruction = Instruction::ApplyFilter(name, Some(arguments), UNCACHED);
    }
}

//! Kinds of values, and Python's str() and repr() of them.

use indexmap::IndexMap;
use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::args::refused;
use super::containers::{BoundMethod, Range, View};
use super::number::float_repr;
use crate::budget;

/// Deeper than any schema, shallow enough for every recursion here.
pub const MAX_NESTING: usize = 500;

pub type Dict = IndexMap<Value, Value>;

pub enum Kind<'a> {
    Undefined,
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(&'a str),
    List(&'a [Value]),
    Tuple(&'a [Value]),
    Dict(&'a Dict),
    /// Ranges, views, methods, macros, loops, namespaces; integers beyond 128 bits.
    Other,
}

pub fn kind(value: &Value) -> Kind<'_> {
    match value.kind() {
        ValueKind::Undefined => Kind::Undefined,
        ValueKind::None => Kind::None,
        ValueKind::Bool => Kind::Bool(value.is_true()),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).map_or(Kind::Other, Kind::Int),
        ValueKind::Number => f64::try_from(value.clone()).map_or(Kind::Other, Kind::Float),
        ValueKind::String => value.as_str().map_or(Kind::Other, Kind::Str),
        _ => {
            if let Some(list) = value.downcast_object_ref::<Vec<Value>>() {
                Kind::List(list)
            } else if let Some(tuple) = value.downcast_object_ref::<Tuple>() {
                Kind::Tuple(tuple)
            } else if let Some(dict) = value.downcast_object_ref::<Dict>() {
                Kind::Dict(dict)
            } else {
                Kind::Other
            }
        }
    }
}

pub fn type_name(value: &Value) -> &'static str {
    match kind(value) {
        Kind::Undefined => "Undefined",
        Kind::None => "NoneType",
        Kind::Bool(_) => "bool",
        Kind::Int(_) => "int",
        Kind::Float(_) => "float",
        Kind::Str(_) => "str",
        Kind::List(_) => "list",
        Kind::Tuple(_) => "tuple",
        Kind::Dict(_) => "dict",
        Kind::Other if value.is_number() => "int",
        Kind::Other if value.downcast_object_ref::<Range>().is_some() => "range",
        Kind::Other => value.downcast_object_ref::<View>().map_or("object", View::name),
    }
}

pub fn undefined() -> Error {
    Error::from(ErrorKind::UndefinedError)
}

pub fn check() -> Result<(), Error> {
    if budget::is_within() {
        return Ok(());
    }
    Err(refused("needs too much memory or time"))
}

pub fn list(items: Vec<Value>) -> Value {
    Value::from_object(items)
}

pub fn tuple(items: impl Into<Vec<Value>>) -> Value {
    Value::from(Tuple::new(items.into()))
}

pub fn dict(pairs: impl IntoIterator<Item = (Value, Value)>) -> Value {
    Value::from_pairs(pairs)
}

/// What Python's iter() gives, all at once.
pub fn items(value: &Value) -> Result<Vec<Value>, Error> {
    check()?;
    match kind(value) {
        Kind::Undefined => Ok(Vec::new()),
        Kind::List(items) | Kind::Tuple(items) => Ok(items.to_vec()),
        Kind::Dict(dict) => Ok(dict.keys().cloned().collect()),
        Kind::Str(text) if !budget::has_room(text.len().saturating_mul(size_of::<Value>())) => Err(refused("needs too much memory or time")),
        Kind::Str(text) => Ok(text.chars().map(Value::from).collect()),
        Kind::Other if !value.is_number() => value.try_iter()?.checked().collect(),
        _ => Err(refused(format!("'{}' object is not iterable", type_name(value)))),
    }
}

/// What Python's len() gives.
pub fn length(value: &Value) -> Result<usize, Error> {
    match kind(value) {
        Kind::Undefined => Ok(0),
        Kind::Str(text) => Ok(text.chars().count()),
        Kind::List(items) | Kind::Tuple(items) => Ok(items.len()),
        Kind::Dict(dict) => Ok(dict.len()),
        Kind::Other if value.len().is_some() => Ok(value.len().unwrap_or_default()),
        _ => Err(refused(format!("object of type '{}' has no len()", type_name(value)))),
    }
}

/// str(value), which is also what `{{ }}` prints.
pub fn str_of(value: &Value) -> Result<String, Error> {
    match kind(value) {
        Kind::Str(text) if budget::has_room(text.len()) => Ok(text.to_string()),
        Kind::Str(_) => Err(refused("needs too much memory or time")),
        Kind::Undefined => Ok(String::new()),
        _ => repr(value),
    }
}

pub fn repr(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    write_repr(&mut out, value, 0)?;
    Ok(out)
}

fn write_list(out: &mut String, items: &[Value], depth: usize) -> Result<(), Error> {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_repr(out, item, depth + 1)?;
    }
    Ok(())
}

fn write_repr(out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
    check()?;
    if depth > MAX_NESTING {
        return Err(refused(format!("printed values are nested more than {MAX_NESTING} deep")));
    }
    match kind(value) {
        Kind::Undefined => out.push_str("Undefined"),
        Kind::None => out.push_str("None"),
        Kind::Bool(true) => out.push_str("True"),
        Kind::Bool(false) => out.push_str("False"),
        Kind::Int(n) => out.push_str(&n.to_string()),
        Kind::Float(f) => out.push_str(&float_repr(f)),
        Kind::Str(text) => write_quoted(out, text),
        Kind::List(items) => {
            out.push('[');
            write_list(out, items, depth)?;
            out.push(']');
        }
        Kind::Tuple(items) => {
            out.push('(');
            write_list(out, items, depth)?;
            out.push_str(if items.len() == 1 { ",)" } else { ")" });
        }
        Kind::Dict(dict) => {
            out.push('{');
            for (at, (key, item)) in dict.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_repr(out, key, depth + 1)?;
                out.push_str(": ");
                write_repr(out, item, depth + 1)?;
            }
            out.push('}');
        }
        Kind::Other => {
            if let Some(view) = value.downcast_object_ref::<View>() {
                out.push_str(view.name());
                out.push_str("([");
                write_list(out, &view.items, depth)?;
                out.push_str("])");
            } else if let Some(group) = value.downcast_object_ref::<super::containers::Group>() {
                write_repr(out, &tuple([group.grouper.clone(), group.list.clone()]), depth)?;
            } else if let Some(method) = value.downcast_object_ref::<BoundMethod>() {
                out.push_str(&format!("<built-in method {} of {} object>", method.name, type_name(&method.object)));
            } else {
                out.push_str(&value.to_string());
            }
        }
    }
    Ok(())
}

/// What Python's str.isprintable says: Rust escapes the same categories (Other, and Separator but the space).
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // Behind another character, so that a combining mark is not escaped for standing alone.
    let pair: String = ['a', c].iter().collect();
    let printable = pair.escape_debug().nth(1) != Some('\\');
    printable
}

fn write_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if c == quote => {
                out.push('\\');
                out.push(c);
            }
            _ if is_printable(c) => out.push(c),
            _ => write_escaped(out, c),
        }
    }
    out.push(quote);
}

fn write_escaped(out: &mut String, c: char) {
    let code = c as u32;
    out.push_str(&match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    });
}

/// ascii(value): its repr with everything else escaped.
pub fn ascii(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    for c in repr(value)?.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            write_escaped(&mut out, c);
        }
    }
    Ok(out)
}

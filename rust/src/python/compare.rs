//! Equality, order and membership.

use std::cmp::Ordering;

use minijinja::value::Value;
use minijinja::Error;

use super::args::refused;
use super::value::{check, items, kind, type_name, undefined, Kind, MAX_NESTING};

#[derive(Clone, Copy)]
pub enum Number {
    Int(i128),
    Float(f64),
}

pub fn number(value: &Value) -> Option<Number> {
    match kind(value) {
        Kind::Bool(b) => Some(Number::Int(i128::from(b))),
        Kind::Int(n) => Some(Number::Int(n)),
        Kind::Float(f) => Some(Number::Float(f)),
        _ => None,
    }
}

/// None: one of them is not a number.
fn order_of_int_and_float(n: i128, f: f64) -> Option<Ordering> {
    if f.is_nan() {
        return None;
    }
    // 2^127 and beyond is past every i128; below, the whole part is exact.
    if f >= 1.7014118346046923e38 {
        return Some(Ordering::Less);
    }
    if f < -1.7014118346046923e38 {
        return Some(Ordering::Greater);
    }
    Some(n.cmp(&(f.trunc() as i128)).then(0.0f64.partial_cmp(&f.fract())?))
}

fn order_of_numbers(a: Number, b: Number) -> Option<Ordering> {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
        (Number::Int(a), Number::Float(b)) => order_of_int_and_float(a, b),
        (Number::Float(a), Number::Int(b)) => order_of_int_and_float(b, a).map(Ordering::reverse),
    }
}

pub fn equal(a: &Value, b: &Value) -> Result<bool, Error> {
    equal_within(a, b, 0)
}

fn equal_within(a: &Value, b: &Value, depth: usize) -> Result<bool, Error> {
    check()?;
    if depth > MAX_NESTING {
        return Err(refused(format!("compared values are nested more than {MAX_NESTING} deep")));
    }
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return Ok(order_of_numbers(a, b) == Some(Ordering::Equal));
    }
    match (kind(a), kind(b)) {
        (Kind::Undefined, Kind::Undefined) | (Kind::None, Kind::None) => Ok(true),
        (Kind::Str(a), Kind::Str(b)) => Ok(a == b),
        (Kind::List(a), Kind::List(b)) | (Kind::Tuple(a), Kind::Tuple(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b) {
                if !equal_within(a, b, depth + 1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Kind::Dict(a), Kind::Dict(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (key, value) in a {
                match b.get(key) {
                    Some(other) if equal_within(value, other, depth + 1)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (Kind::Other, Kind::Other) => Ok(a == b),
        _ => Ok(false),
    }
}

pub fn order(a: &Value, b: &Value, operator: &str) -> Result<Option<Ordering>, Error> {
    order_within(a, b, operator, 0)
}

/// Ok(None): neither less, equal nor greater (nan).
fn order_within(a: &Value, b: &Value, operator: &str, depth: usize) -> Result<Option<Ordering>, Error> {
    check()?;
    if depth > MAX_NESTING {
        return Err(refused(format!("compared values are nested more than {MAX_NESTING} deep")));
    }
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return Ok(order_of_numbers(a, b));
    }
    match (kind(a), kind(b)) {
        (Kind::Undefined, _) | (_, Kind::Undefined) => Err(undefined()),
        (Kind::Str(a), Kind::Str(b)) => Ok(Some(a.cmp(b))),
        (Kind::List(x), Kind::List(y)) | (Kind::Tuple(x), Kind::Tuple(y)) => {
            for (a, b) in x.iter().zip(y) {
                if !equal_within(a, b, depth + 1)? {
                    return order_within(a, b, operator, depth + 1);
                }
            }
            Ok(Some(x.len().cmp(&y.len())))
        }
        _ => Err(refused(format!(
            "'{operator}' not supported between instances of '{}' and '{}'",
            type_name(a),
            type_name(b)
        ))),
    }
}

/// `needle in haystack`.
pub fn contains(haystack: &Value, needle: &Value) -> Result<bool, Error> {
    match kind(haystack) {
        Kind::Str(text) => match kind(needle) {
            Kind::Str(part) => Ok(text.contains(part)),
            Kind::Undefined => Err(undefined()),
            _ => Err(refused(format!("'in <string>' requires string as left operand, not {}", type_name(needle)))),
        },
        Kind::Dict(dict) => {
            hashable(needle)?;
            Ok(dict.contains_key(needle))
        }
        Kind::Other if haystack.as_object().is_some_and(|o| matches!(o.repr(), minijinja::value::ObjectRepr::Map)) => {
            Err(refused("argument of this type is not iterable"))
        }
        _ => {
            for item in items(haystack)? {
                if equal(&item, needle)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

pub fn hashable(value: &Value) -> Result<(), Error> {
    match kind(value) {
        Kind::List(_) | Kind::Dict(_) => Err(refused(format!("unhashable type: '{}'", type_name(value)))),
        _ => Ok(()),
    }
}

/// A stable sort by keys, as sorted(); `reverse` keeps the order of equals, as Python does.
pub fn sorted(mut keyed: Vec<(Value, Value)>, reverse: bool) -> Result<Vec<Value>, Error> {
    let mut failure = None;
    keyed.sort_by(|(a, _), (b, _)| {
        if failure.is_some() {
            return Ordering::Equal;
        }
        let order = order(a, b, "<").unwrap_or_else(|error| {
            failure = Some(error);
            None
        });
        let order = order.unwrap_or(Ordering::Equal);
        if reverse { order.reverse() } else { order }
    });
    match failure {
        Some(error) => Err(error),
        None => Ok(keyed.into_iter().map(|(_, value)| value).collect()),
    }
}

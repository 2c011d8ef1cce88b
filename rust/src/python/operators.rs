//! The operators of expressions.

use std::cmp::Ordering;

use minijinja::value::Value;
use minijinja::Error;

use super::args::refused;
use super::compare::{contains, equal, number, order, Number};
use super::percent;
use super::value::{check, kind, list, str_of, tuple, type_name, undefined, Kind};
use crate::budget;

type Operator = fn(&Value, &Value) -> Result<Value, Error>;

pub const BINARY: &[(&str, Operator)] = &[
    ("+", add),
    ("-", sub),
    ("*", mul),
    ("/", div),
    ("//", floor_div),
    ("%", rem),
    ("**", pow),
    ("~", concat),
    ("==", |a, b| Ok(Value::from(equal(a, b)?))),
    ("!=", |a, b| Ok(Value::from(!equal(a, b)?))),
    ("<", |a, b| Ok(Value::from(order(a, b, "<")? == Some(Ordering::Less)))),
    ("<=", |a, b| Ok(Value::from(matches!(order(a, b, "<=")?, Some(Ordering::Less | Ordering::Equal))))),
    (">", |a, b| Ok(Value::from(order(a, b, ">")? == Some(Ordering::Greater)))),
    (">=", |a, b| Ok(Value::from(matches!(order(a, b, ">=")?, Some(Ordering::Greater | Ordering::Equal))))),
    ("in", |a, b| Ok(Value::from(contains(b, a)?))),
];

fn unsupported(operator: &str, a: &Value, b: &Value) -> Error {
    if a.is_undefined() || b.is_undefined() {
        return undefined();
    }
    refused(format!("unsupported operand types for {operator}: '{}' and '{}'", type_name(a), type_name(b)))
}

fn too_big() -> Error {
    refused("integers beyond 128 bits are not done here")
}

fn int(value: Option<i128>) -> Result<Value, Error> {
    let value = value.ok_or_else(too_big)?;
    Ok(i64::try_from(value).map_or_else(|_| Value::from(value), Value::from))
}

fn float(value: Number) -> f64 {
    match value {
        Number::Int(n) => n as f64,
        Number::Float(f) => f,
    }
}

enum Pair {
    Ints(i128, i128),
    Floats(f64, f64),
}

fn numbers(operator: &str, a: &Value, b: &Value) -> Result<Pair, Error> {
    match (number(a), number(b)) {
        (Some(Number::Int(a)), Some(Number::Int(b))) => Ok(Pair::Ints(a, b)),
        (Some(a), Some(b)) => Ok(Pair::Floats(float(a), float(b))),
        _ => Err(unsupported(operator, a, b)),
    }
}

fn room_for(bytes: usize) -> Result<(), Error> {
    if budget::has_room(bytes) {
        return Ok(());
    }
    Err(refused("needs too much memory or time"))
}

fn add(a: &Value, b: &Value) -> Result<Value, Error> {
    match (kind(a), kind(b)) {
        (Kind::Str(x), Kind::Str(y)) => {
            room_for(2 * (x.len() + y.len()))?;
            Ok(Value::from([x, y].concat()))
        }
        (Kind::List(x), Kind::List(y)) => {
            room_for(size_of::<Value>() * (x.len() + y.len()))?;
            Ok(list([x, y].concat()))
        }
        (Kind::Tuple(x), Kind::Tuple(y)) => {
            room_for(size_of::<Value>() * (x.len() + y.len()))?;
            Ok(tuple([x, y].concat()))
        }
        _ => match numbers("+", a, b)? {
            Pair::Ints(a, b) => int(a.checked_add(b)),
            Pair::Floats(a, b) => Ok(Value::from(a + b)),
        },
    }
}

fn sub(a: &Value, b: &Value) -> Result<Value, Error> {
    match numbers("-", a, b)? {
        Pair::Ints(a, b) => int(a.checked_sub(b)),
        Pair::Floats(a, b) => Ok(Value::from(a - b)),
    }
}

fn repeated(items: &Value, times: i128) -> Result<Option<Value>, Error> {
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    let copies = |items: &[Value]| -> Result<Vec<Value>, Error> {
        room_for(items.len().saturating_mul(times).saturating_mul(size_of::<Value>()))?;
        Ok((0..if items.is_empty() { 0 } else { times }).flat_map(|_| items.iter().cloned()).collect())
    };
    Ok(match kind(items) {
        Kind::Str(text) => {
            room_for(text.len().saturating_mul(times).saturating_mul(2))?;
            Some(Value::from(text.repeat(if text.is_empty() { 0 } else { times })))
        }
        Kind::List(items) => Some(list(copies(items)?)),
        Kind::Tuple(items) => Some(tuple(copies(items)?)),
        _ => None,
    })
}

fn mul(a: &Value, b: &Value) -> Result<Value, Error> {
    if let Some(Number::Int(times)) = number(b) {
        if let Some(value) = repeated(a, times)? {
            return Ok(value);
        }
    }
    if let Some(Number::Int(times)) = number(a) {
        if let Some(value) = repeated(b, times)? {
            return Ok(value);
        }
    }
    match numbers("*", a, b)? {
        Pair::Ints(a, b) => int(a.checked_mul(b)),
        Pair::Floats(a, b) => Ok(Value::from(a * b)),
    }
}

fn by_zero() -> Error {
    refused("division by zero")
}

fn div(a: &Value, b: &Value) -> Result<Value, Error> {
    let (a, b) = match numbers("/", a, b)? {
        Pair::Ints(a, b) => (a as f64, b as f64),
        Pair::Floats(a, b) => (a, b),
    };
    if b == 0.0 {
        return Err(by_zero());
    }
    Ok(Value::from(a / b))
}

/// Quotient and remainder as Python rounds them: down, the remainder with the sign of the divisor.
fn div_rem_floats(a: f64, b: f64) -> (f64, f64) {
    let mut rem = a % b;
    let mut quotient = (a - rem) / b;
    if rem != 0.0 {
        if (b < 0.0) != (rem < 0.0) {
            rem += b;
            quotient -= 1.0;
        }
    } else {
        rem = 0.0f64.copysign(b);
    }
    if quotient == 0.0 {
        return (0.0f64.copysign(a / b), rem);
    }
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, rem)
}

fn floor_div(a: &Value, b: &Value) -> Result<Value, Error> {
    match numbers("//", a, b)? {
        Pair::Ints(_, 0) => Err(by_zero()),
        Pair::Ints(a, b) => {
            let quotient = a.checked_div(b).ok_or_else(too_big)?;
            int(quotient.checked_sub(i128::from(a % b != 0 && (a < 0) != (b < 0))))
        }
        Pair::Floats(_, b) if b == 0.0 => Err(by_zero()),
        Pair::Floats(a, b) => Ok(Value::from(div_rem_floats(a, b).0)),
    }
}

fn rem(a: &Value, b: &Value) -> Result<Value, Error> {
    if let Kind::Str(format) = kind(a) {
        return Ok(Value::from(percent::format(format, b)?));
    }
    match numbers("%", a, b)? {
        Pair::Ints(_, 0) => Err(by_zero()),
        Pair::Ints(_, -1) => Ok(Value::from(0)),
        Pair::Ints(a, b) => {
            let rem = a % b;
            int(Some(if rem != 0 && (rem < 0) != (b < 0) { rem + b } else { rem }))
        }
        Pair::Floats(_, b) if b == 0.0 => Err(by_zero()),
        Pair::Floats(a, b) => Ok(Value::from(div_rem_floats(a, b).1)),
    }
}

fn pow(a: &Value, b: &Value) -> Result<Value, Error> {
    let (a, b) = match numbers("**", a, b)? {
        Pair::Ints(a, b) if b >= 0 => return int(u32::try_from(b).ok().and_then(|b| a.checked_pow(b)).or(match a {
            0 | 1 => Some(a),
            -1 => Some(if b % 2 == 0 { 1 } else { -1 }),
            _ => None,
        })),
        Pair::Ints(a, b) => (a as f64, b as f64),
        Pair::Floats(a, b) => (a, b),
    };
    if a == 0.0 && b < 0.0 {
        return Err(refused("0.0 cannot be raised to a negative power"));
    }
    if a < 0.0 && b.is_finite() && b.fract() != 0.0 {
        return Err(refused("complex numbers are not done here"));
    }
    let power = a.powf(b);
    if power.is_infinite() && a.is_finite() && b.is_finite() {
        return Err(refused("numerical result out of range"));
    }
    Ok(Value::from(power))
}

fn concat(a: &Value, b: &Value) -> Result<Value, Error> {
    let mut text = str_of(a)?;
    let more = str_of(b)?;
    room_for(2 * (text.len() + more.len()))?;
    text.push_str(&more);
    Ok(Value::from(text))
}

pub fn neg(value: &Value) -> Result<Value, Error> {
    match number(value) {
        Some(Number::Int(n)) => int(n.checked_neg()),
        Some(Number::Float(f)) => Ok(Value::from(-f)),
        None if value.is_undefined() => Err(undefined()),
        None => Err(refused(format!("bad operand type for unary -: '{}'", type_name(value)))),
    }
}

/// value[start:stop:step].
pub fn slice(value: &Value, bounds: [&Value; 3]) -> Result<Value, Error> {
    check()?;
    let mut ends = [None; 3];
    for (end, bound) in ends.iter_mut().zip(bounds) {
        *end = match kind(bound) {
            Kind::None => None,
            Kind::Int(n) => Some(n),
            Kind::Bool(b) => Some(i128::from(b)),
            Kind::Undefined => return Err(undefined()),
            _ => return Err(refused("slice indices must be integers or None")),
        };
    }
    match kind(value) {
        Kind::Str(text) if ends[2].unwrap_or(1) == 1 => {
            let (start, stop) = plain_range(ends, text.chars().count());
            let mut at = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let from = at.nth(start).unwrap_or(text.len());
            let to = if stop > start { at.nth(stop - start - 1).unwrap_or(text.len()) } else { from };
            room_for(2 * (to - from))?;
            Ok(Value::from(&text[from..to]))
        }
        Kind::Str(text) => {
            room_for(size_of::<char>() * text.len())?;
            let chars: Vec<char> = text.chars().collect();
            Ok(Value::from(indices(ends, chars.len())?.map(|at| chars[at]).collect::<String>()))
        }
        Kind::List(items) => Ok(list(indices(ends, items.len())?.map(|at| items[at].clone()).collect())),
        Kind::Tuple(items) => Ok(tuple(indices(ends, items.len())?.map(|at| items[at].clone()).collect::<Vec<_>>())),
        Kind::Undefined => Err(undefined()),
        // Of objects only ranges can be sliced in Python.
        Kind::Other if value.downcast_object_ref::<super::containers::Range>().is_some() => {
            let items = super::value::items(value)?;
            Ok(list(indices(ends, items.len())?.map(|at| items[at].clone()).collect()))
        }
        _ => Err(refused(format!("'{}' object cannot be sliced", type_name(value)))),
    }
}

fn clamped(end: i128, length: i128, least: i128, most: i128) -> i128 {
    if end < 0 { end.saturating_add(length).max(least) } else { end.min(most) }
}

fn plain_range(ends: [Option<i128>; 3], length: usize) -> (usize, usize) {
    let length = length as i128;
    let start = clamped(ends[0].unwrap_or(0), length, 0, length);
    let stop = clamped(ends[1].unwrap_or(length), length, 0, length);
    (start as usize, stop as usize)
}

fn indices(ends: [Option<i128>; 3], length: usize) -> Result<impl Iterator<Item = usize>, Error> {
    let step = ends[2].unwrap_or(1);
    if step == 0 {
        return Err(refused("slice step cannot be zero"));
    }
    let n = length as i128;
    let (start, stop) = if step > 0 {
        (clamped(ends[0].unwrap_or(0), n, 0, n), clamped(ends[1].unwrap_or(n), n, 0, n))
    } else {
        (ends[0].map_or(n - 1, |e| clamped(e, n, -1, n - 1)), ends[1].map_or(-1, |e| clamped(e, n, -1, n - 1)))
    };
    let count = if step > 0 { (stop - start + step - 1) / step } else { (start - stop - step - 1) / -step };
    Ok((0..count.max(0)).map(move |at| (start + at * step) as usize))
}

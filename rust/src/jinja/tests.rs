//! Jinja2's tests.

use std::cmp::Ordering;

use minijinja::value::{ObjectRepr, Rest, Value};
use minijinja::{Environment, Error, ErrorKind, State};

use crate::python::args::{integer, refused, text};
use crate::python::compare::{contains, equal, order};
use crate::python::containers::BoundMethod;
use crate::python::strings::{is_lower, is_upper};
use crate::python::value::{check, kind, str_of, type_name, undefined, Kind};

type Test = fn(&Value) -> Result<bool, Error>;
type Comparison = fn(&Value, &Value) -> Result<bool, Error>;

const TESTS: &[(&str, Test)] = &[
    ("boolean", |v| Ok(matches!(kind(v), Kind::Bool(_)))),
    ("callable", |v| Ok(is_callable(v))),
    ("defined", |v| Ok(!v.is_undefined())),
    ("escaped", |v| Ok(v.is_safe())),
    ("even", |v| Ok(remainder(v, 2)? == 0)),
    ("false", |v| Ok(matches!(kind(v), Kind::Bool(false)))),
    ("float", |v| Ok(matches!(kind(v), Kind::Float(_)))),
    ("integer", |v| Ok(matches!(kind(v), Kind::Int(_)))),
    ("iterable", |v| Ok(is_iterable(v))),
    ("lower", |v| Ok(is_lower(&str_of(v)?))),
    ("mapping", |v| Ok(matches!(kind(v), Kind::Dict(_)))),
    ("none", |v| Ok(v.is_none())),
    ("number", |v| Ok(matches!(kind(v), Kind::Bool(_) | Kind::Int(_) | Kind::Float(_)))),
    ("odd", |v| Ok(remainder(v, 2)? == 1)),
    ("sequence", |v| Ok(is_sequence(v))),
    ("string", |v| Ok(matches!(kind(v), Kind::Str(_)))),
    ("true", |v| Ok(matches!(kind(v), Kind::Bool(true)))),
    ("undefined", |v| Ok(v.is_undefined())),
    ("upper", |v| Ok(is_upper(&str_of(v)?))),
];

const COMPARISONS: &[(&[&str], Comparison)] = &[
    (&["eq", "equalto", "=="], equal),
    (&["ne", "!="], |a, b| Ok(!equal(a, b)?)),
    (&["lt", "lessthan", "<"], |a, b| Ok(order(a, b, "<")? == Some(Ordering::Less))),
    (&["le", "<="], |a, b| Ok(matches!(order(a, b, "<=")?, Some(Ordering::Less | Ordering::Equal)))),
    (&["gt", "greaterthan", ">"], |a, b| Ok(order(a, b, ">")? == Some(Ordering::Greater))),
    (&["ge", ">="], |a, b| Ok(matches!(order(a, b, ">=")?, Some(Ordering::Greater | Ordering::Equal)))),
    (&["in"], |a, b| contains(b, a)),
    (&["divisibleby"], |a, b| Ok(remainder(a, integer(b, "divisibleby")?)? == 0)),
    (&["sameas"], |a, b| Ok(is_same(a, b))),
];

pub fn add_to(environment: &mut Environment) {
    for (name, test) in TESTS {
        environment.add_test(*name, move |value: Value, more: Rest<Value>| {
            check()?;
            match more.len() {
                0 => test(&value),
                n => Err(refused(format!("is {name}: {n} arguments, none is taken"))),
            }
        });
    }
    for (names, test) in COMPARISONS {
        for name in *names {
            environment.add_test(*name, move |a: Value, b: Value| {
                check()?;
                test(&a, &b)
            });
        }
    }
    environment.add_test("filter", |state: &mut State, name: Value| {
        let found = state.apply_filter(text(&name, "is filter")?, &[]);
        Ok::<_, Error>(!matches!(found, Err(error) if error.kind() == ErrorKind::UnknownFilter))
    });
    environment.add_test("test", |state: &mut State, name: Value| {
        let found = state.perform_test(text(&name, "is test")?, &[]);
        Ok::<_, Error>(!matches!(found, Err(error) if error.kind() == ErrorKind::UnknownTest))
    });
}

fn remainder(value: &Value, by: i128) -> Result<i128, Error> {
    let n = match kind(value) {
        Kind::Float(f) if f.is_finite() && f.abs() < 1e38 && f.fract() == 0.0 => f as i128,
        Kind::Float(_) => return Ok(-1), // neither even nor odd
        Kind::Undefined => return Err(undefined()),
        _ => integer(value, "remainder")?,
    };
    match by {
        0 => Err(refused("division by zero")),
        -1 => Ok(0),
        _ => Ok((n % by + by) % by),
    }
}

fn is_callable(value: &Value) -> bool {
    let named = |known: &str| value.as_object().is_some_and(|object| object.type_name().ends_with(known));
    // jinja2's Undefined can be called, to say that it is undefined.
    value.is_undefined()
        || value.downcast_object_ref::<BoundMethod>().is_some()
        || ["::Macro", "::BoxedFunction", "::Joiner", "::Loop"].into_iter().any(named)
}

fn is_iterable(value: &Value) -> bool {
    match kind(value) {
        Kind::Undefined | Kind::Str(_) | Kind::List(_) | Kind::Tuple(_) | Kind::Dict(_) => true,
        Kind::Other => value.as_object().is_some_and(|o| matches!(o.repr(), ObjectRepr::Seq | ObjectRepr::Iterable)),
        _ => false,
    }
}

/// What has a length and items: views of dicts have no items.
fn is_sequence(value: &Value) -> bool {
    match kind(value) {
        Kind::Undefined | Kind::Str(_) | Kind::List(_) | Kind::Tuple(_) | Kind::Dict(_) => true,
        Kind::Other => value.as_object().is_some_and(|o| matches!(o.repr(), ObjectRepr::Seq)),
        _ => false,
    }
}

/// Whether both are one object. Small numbers and strings are, to Python, where they are equal and of one type.
fn is_same(a: &Value, b: &Value) -> bool {
    match (kind(a), kind(b)) {
        (Kind::List(a), Kind::List(b)) => std::ptr::eq(a, b),
        (Kind::Dict(a), Kind::Dict(b)) => std::ptr::eq(a, b),
        (Kind::Tuple(_) | Kind::Other, _) => false,
        _ => type_name(a) == type_name(b) && a == b,
    }
}

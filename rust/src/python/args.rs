//! The arguments of one call, bound to names as Python binds them.

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};

use super::value::{kind, type_name, Kind};

pub fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

pub struct Args {
    pub positional: Vec<Value>,
    pub named: Vec<(String, Value)>,
}

impl Args {
    pub fn new(values: &[Value]) -> Args {
        let mut positional = values.to_vec();
        let mut named = Vec::new();
        if positional.last().is_some_and(Value::is_kwargs) {
            let pairs = positional.pop().and_then(|last| last.as_object()?.try_iter_pairs());
            named.extend(pairs.into_iter().flatten().map(|(key, value)| (key.to_string(), value)));
        }
        Args { positional, named }
    }

    /// The values of `names`, in their order; None: not given. An argument that has no name here is refused.
    pub fn bind<const N: usize>(self, what: &str, names: [&str; N]) -> Result<[Option<Value>; N], Error> {
        if self.positional.len() > N {
            return Err(refused(format!("{what}: {} arguments, at most {N} are taken", self.positional.len())));
        }
        let mut bound = [const { None }; N];
        for (slot, value) in bound.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        for (name, value) in self.named {
            match names.iter().position(|known| *known == name) {
                Some(at) if bound[at].is_none() => bound[at] = Some(value),
                Some(_) => return Err(refused(format!("{what}: argument '{name}' is given twice"))),
                None => return Err(refused(format!("{what}: argument '{name}' is not known"))),
            }
        }
        Ok(bound)
    }
}

pub fn required(value: Option<Value>, what: &str, name: &str) -> Result<Value, Error> {
    value.ok_or_else(|| refused(format!("{what}: argument '{name}' is missing")))
}

/// None and an absent argument: None.
pub fn given(value: Option<Value>) -> Option<Value> {
    value.filter(|v| !v.is_none())
}

pub fn integer(value: &Value, what: &str) -> Result<i128, Error> {
    match kind(value) {
        Kind::Int(n) => Ok(n),
        Kind::Bool(b) => Ok(i128::from(b)),
        _ => Err(refused(format!("{what}: expected an integer, found {}", type_name(value)))),
    }
}

/// An integer that counts something; what is past the range of a size is its end.
pub fn size(value: &Value, what: &str) -> Result<usize, Error> {
    Ok(usize::try_from(integer(value, what)?.max(0)).unwrap_or(usize::MAX))
}

pub fn text<'a>(value: &'a Value, what: &str) -> Result<&'a str, Error> {
    match kind(value) {
        Kind::Str(s) => Ok(s),
        _ => Err(refused(format!("{what}: expected a string, found {}", type_name(value)))),
    }
}

pub fn is_true(value: &Option<Value>) -> bool {
    value.as_ref().is_some_and(Value::is_true)
}

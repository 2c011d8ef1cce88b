//! Lists, tuples, dicts, ranges: their methods, items and attributes.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, State};

use super::args::{integer, refused, required, Args};
use super::compare::{equal, hashable};
use super::strings;
use super::value::{check, dict, items, kind, list, tuple, type_name, Kind};

/// range(start, stop, step).
#[derive(Debug)]
pub struct Range {
    pub start: i64,
    pub stop: i64,
    pub step: i64,
}

impl Range {
    pub fn count(&self) -> usize {
        let (low, high) = if self.step > 0 { (self.start, self.stop) } else { (self.stop, self.start) };
        let span = (i128::from(high) - i128::from(low)).max(0);
        let step = i128::from(self.step).abs();
        usize::try_from((span + step - 1) / step).unwrap_or(usize::MAX)
    }
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = key.as_usize().filter(|at| *at < self.count())?;
        // The one thing every long loop asks: whether the budget is spent.
        match check() {
            Ok(()) => Some(Value::from(self.start + at as i64 * self.step)),
            Err(error) => Some(Value::from(error)),
        }
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.count())
    }
    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.step {
            1 => write!(f, "range({}, {})", self.start, self.stop),
            step => write!(f, "range({}, {}, {step})", self.start, self.stop),
        }
    }
}

/// What keys(), values() and items() of a dict give.
#[derive(Debug)]
pub struct View {
    name: &'static str,
    pub items: Vec<Value>,
}

impl View {
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let view = Arc::clone(self);
        let count = view.items.len();
        let mut at = 0;
        Enumerator::Iter(Box::new(std::iter::from_fn(move || {
            at += 1;
            view.items.get(at - 1).cloned()
        }).take(count)))
    }
    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.items.len())
    }
}

/// What groupby gives for each group: a pair with names.
#[derive(Debug)]
pub struct Group {
    pub grouper: Value,
    pub list: Value,
}

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_usize(), key.as_str()) {
            (Some(0), _) | (_, Some("grouper")) => Some(self.grouper.clone()),
            (Some(1), _) | (_, Some("list")) => Some(self.list.clone()),
            _ => None,
        }
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }
}

/// A method that is named but not yet called.
#[derive(Debug)]
pub struct BoundMethod {
    pub object: Value,
    pub name: &'static str,
}

impl Object for BoundMethod {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        call(&self.object, self.name, args)
    }
}

const LIST: &[&str] = &["append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"];
const TUPLE: &[&str] = &["count", "index"];
const DICT: &[&str] =
    &["clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];
/// What the sandbox that transformers renders in keeps from templates.
const MUTATING: &[&str] =
    &["append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault", "sort", "update"];
const FLOAT: &[&str] = &["is_integer"];

pub fn method_names() -> impl Iterator<Item = &'static str> {
    [strings::NAMES, LIST, DICT, FLOAT].into_iter().flatten().copied()
}

fn methods_of(value: &Value) -> &'static [&'static str] {
    match kind(value) {
        Kind::Str(_) => strings::NAMES,
        Kind::List(_) => LIST,
        Kind::Tuple(_) => TUPLE,
        Kind::Dict(_) => DICT,
        Kind::Float(_) => FLOAT,
        _ => &[],
    }
}

pub fn call(value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    check()?;
    if !methods_of(value).contains(&name) {
        return Err(Error::new(ErrorKind::UnknownMethod, format!("'{} object' has no attribute '{name}'", type_name(value))));
    }
    let args = Args::new(args);
    match kind(value) {
        Kind::Str(text) => strings::call(text, name, args),
        Kind::List(_) | Kind::Dict(_) if MUTATING.contains(&name) => {
            Err(refused(format!("access to attribute '{name}' of '{}' object is unsafe", type_name(value))))
        }
        Kind::List(items) if name == "copy" => {
            let [] = args.bind("copy", [])?;
            Ok(list(items.to_vec()))
        }
        Kind::List(items) | Kind::Tuple(items) => search(items, name, args),
        Kind::Dict(dict) => dict_method(dict, value, name, args),
        Kind::Float(f) => {
            let [] = args.bind(name, [])?;
            Ok(Value::from(f.is_finite() && f.fract() == 0.0))
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// count(value) and index(value, start, stop).
fn search(items: &[Value], name: &str, args: Args) -> Result<Value, Error> {
    let [wanted, start, stop] = args.bind(name, ["value", "start", "stop"])?;
    let wanted = required(wanted, name, "value")?;
    let end = |given: Option<Value>, default: usize| -> Result<usize, Error> {
        let Some(given) = given else { return Ok(default) };
        let n = integer(&given, name)?;
        let n = if n < 0 { n.saturating_add(items.len() as i128).max(0) } else { n };
        Ok((n as usize).min(items.len()))
    };
    let (start, stop) = (end(start, 0)?, end(stop, items.len())?);
    let mut count = 0;
    for (at, item) in items.iter().enumerate().take(stop).skip(start) {
        if equal(item, &wanted)? {
            if name == "index" {
                return Ok(Value::from(at));
            }
            count += 1;
        }
    }
    if name == "index" { Err(refused("index: value is not in the sequence")) } else { Ok(Value::from(count)) }
}

fn dict_method(all: &super::value::Dict, value: &Value, name: &str, args: Args) -> Result<Value, Error> {
    let view = |name, items| Ok(Value::from_object(View { name, items }));
    match name {
        "get" => {
            let [key, default] = args.bind("get", ["key", "default"])?;
            let key = required(key, "get", "key")?;
            hashable(&key)?;
            Ok(all.get(&key).cloned().or(default).unwrap_or_else(|| Value::from(())))
        }
        "fromkeys" => {
            let [keys, item] = args.bind("fromkeys", ["iterable", "value"])?;
            let item = item.unwrap_or_else(|| Value::from(()));
            Ok(dict(items(&required(keys, "fromkeys", "iterable")?)?.into_iter().map(|key| (key, item.clone()))))
        }
        _ => {
            let [] = args.bind(name, [])?;
            match name {
                "items" => view("dict_items", all.iter().map(|(k, v)| tuple([k.clone(), v.clone()])).collect()),
                "keys" => view("dict_keys", all.keys().cloned().collect()),
                "values" => view("dict_values", all.values().cloned().collect()),
                _ => Ok(value.clone()), // copy: nothing here can be changed
            }
        }
    }
}

/// value.name as Jinja looks it up when it is no method: an item, or a member of a loop or namespace.
fn member(value: &Value, name: &str) -> Value {
    value.get_attr(name).unwrap_or_default()
}

/// value.name: a method of Python's comes before an item of that name.
pub fn attribute(value: &Value, name: &str) -> Value {
    match methods_of(value).iter().find(|known| **known == name) {
        Some(name) => Value::from_object(BoundMethod { object: value.clone(), name }),
        None => member(value, name),
    }
}

/// value[key]: an item comes before a method of that name.
pub fn item(value: &Value, key: &Value) -> Value {
    let found = match (kind(value), kind(key)) {
        (Kind::Dict(dict), _) => dict.get(key).cloned(),
        (Kind::List(items) | Kind::Tuple(items), Kind::Int(at)) => at_index(items.len(), at).map(|at| items[at].clone()),
        (Kind::List(items) | Kind::Tuple(items), Kind::Bool(at)) => items.get(usize::from(at)).cloned(),
        (Kind::List(_) | Kind::Tuple(_), _) => None,
        (Kind::Str(text), Kind::Int(at)) if at >= 0 => text.chars().nth(at.min(i128::from(u32::MAX)) as usize).map(Value::from),
        (Kind::Str(text), Kind::Int(at)) => text.chars().nth_back((-(at + 1)).min(i128::from(u32::MAX)) as usize).map(Value::from),
        (Kind::Str(text), Kind::Bool(at)) => text.chars().nth(usize::from(at)).map(Value::from),
        (Kind::Str(_), _) => None,
        _ if value.downcast_object_ref::<View>().is_some() => None,
        _ => value.get_item(key).ok().filter(|found| !found.is_undefined()),
    };
    found.unwrap_or_else(|| key.as_str().map_or(Value::UNDEFINED, |name| attribute(value, name)))
}

fn at_index(count: usize, at: i128) -> Option<usize> {
    let at = if at < 0 { at.checked_add(count as i128)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < count)
}

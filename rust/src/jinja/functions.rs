//! Jinja2's functions range, dict, namespace, cycler and joiner, and transformers' raise_exception.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, State};

use crate::python::args::{integer, refused, Args};
use crate::python::compare::hashable;
use crate::python::containers::Range;
use crate::python::value::{dict, items, kind, str_of, Kind};

/// The sandbox's own bound.
const MAX_RANGE: usize = 100_000;

/// Names of Jinja2's that are not done: they are refused where they are used, and not taken for undefined.
const NOT_DONE: &[&str] = &["lipsum", "varargs", "kwargs"];

pub fn add_to(environment: &mut Environment) {
    for name in NOT_DONE {
        environment.add_global(*name, Value::from(refused(format!("{name} is not done here"))));
    }
    environment.add_function("range", range);
    environment.add_function("dict", make_dict);
    environment.add_function("cycler", |items: Rest<Value>| match items.0 {
        items if items.is_empty() => Err(refused("cycler: no items given")),
        items => Ok(Value::from_object(Cycler { items, at: AtomicUsize::new(0) })),
    });
    environment.add_function("joiner", |args: Rest<ValueOrKwargs>| -> Result<Value, Error> {
        let [separator] = Args::new(&args.into_values()).bind("joiner", ["sep"])?;
        let separator = separator.unwrap_or_else(|| Value::from(", "));
        Ok(Value::from_object(Joiner { separator, used: AtomicBool::new(false) }))
    });
    // minijinja's own, which alone can be assigned to.
    environment.add_function("namespace", |args: Rest<ValueOrKwargs>| {
        minijinja::functions::namespace(Some(make_dict(args)?.into()))
    });
    environment.add_function("raise_exception", |message: Value| -> Result<Value, Error> { Err(refused(str_of(&message)?)) });
}

fn range(args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let mut ends = Vec::new();
    for end in args.iter() {
        ends.push(i64::try_from(integer(end, "range")?).map_err(|_| refused("range: an end beyond 64 bits"))?);
    }
    let range = match ends[..] {
        [stop] => Range { start: 0, stop, step: 1 },
        [start, stop] => Range { start, stop, step: 1 },
        [_, _, 0] => return Err(refused("range: step must not be zero")),
        [start, stop, step] => Range { start, stop, step },
        _ => return Err(refused(format!("range: {} arguments, 1 to 3 are taken", ends.len()))),
    };
    if range.count() > MAX_RANGE {
        return Err(refused(format!("range: {} numbers, at most {MAX_RANGE}", range.count())));
    }
    Ok(Value::from_object(range))
}

/// dict(mapping or pairs, name=value...).
fn make_dict(args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let args = Args::new(&args.into_values());
    let mut pairs = Vec::new();
    match &args.positional[..] {
        [] => {}
        [first] => match kind(first) {
            Kind::Dict(all) => pairs.extend(all.iter().map(|(k, v)| (k.clone(), v.clone()))),
            _ => {
                for pair in items(first)? {
                    let pair: [Value; 2] = items(&pair)?.try_into().map_err(|_| refused("dict: expected pairs"))?;
                    hashable(&pair[0])?;
                    pairs.push(pair.into());
                }
            }
        },
        more => return Err(refused(format!("dict: {} arguments, at most 1 is taken", more.len()))),
    }
    pairs.extend(args.named.into_iter().map(|(key, value)| (Value::from(key), value)));
    Ok(dict(pairs))
}

#[derive(Debug)]
struct Cycler {
    items: Vec<Value>,
    at: AtomicUsize,
}

impl Cycler {
    fn current(&self) -> Value {
        self.items[self.at.load(Ordering::Relaxed)].clone()
    }
}

impl Object for Cycler {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str() == Some("current")).then(|| self.current())
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let [] = Args::new(args).bind(method, [])?;
        match method {
            "next" => {
                let value = self.current();
                self.at.store((self.at.load(Ordering::Relaxed) + 1) % self.items.len(), Ordering::Relaxed);
                Ok(value)
            }
            "reset" => {
                self.at.store(0, Ordering::Relaxed);
                Ok(Value::from(()))
            }
            _ => Err(refused(format!("a cycler has no method '{method}'"))),
        }
    }
}

#[derive(Debug)]
struct Joiner {
    separator: Value,
    used: AtomicBool,
}

impl Object for Joiner {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [] = Args::new(args).bind("joiner", [])?;
        Ok(if self.used.swap(true, Ordering::Relaxed) { self.separator.clone() } else { Value::from("") })
    }
}

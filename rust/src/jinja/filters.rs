//! Jinja2's filters. Where Jinja2 gives a generator, a list is given.

use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, State};

use crate::budget;
use crate::json;
use crate::python::args::{given, integer, is_true, refused, required, size, text, Args};
use crate::python::compare::{equal, hashable, number, order, sorted, Number};
use crate::python::containers::{attribute, item, Group};
use crate::python::number::rounded;
use crate::python::operators::{neg, BINARY};
use crate::python::percent;
use crate::python::strings::{self, too_much};
use crate::python::value::{check, items, kind, length, list, str_of, tuple, type_name, undefined, Dict, Kind};

type Filter = fn(&mut State, &Value, Args) -> Result<Value, Error>;

const FILTERS: &[(&[&str], Filter)] = &[
    (&["abs"], |_, v, a| abs(v, a)),
    (&["attr"], |_, v, a| {
        let [name] = a.bind("attr", ["name"])?;
        let name = required(name, "attr", "name")?;
        Ok(match kind(v) {
            Kind::Dict(_) => Some(attribute(v, text(&name, "attr")?)).filter(|found| found.kind() == minijinja::value::ValueKind::Plain),
            _ => Some(attribute(v, text(&name, "attr")?)),
        }
        .unwrap_or_default())
    }),
    (&["batch"], |_, v, a| batch(v, a)),
    (&["capitalize"], |_, v, a| on_text("capitalize", v, a, strings::capitalize)),
    (&["center"], |_, v, a| {
        let [width] = a.bind("center", ["width"])?;
        let width = width.map_or(Ok(80), |w| size(&w, "center"))?;
        Ok(Value::from(strings::filled(&str_of(v)?, "center", width, ' ')?))
    }),
    (&["count", "length"], |_, v, a| {
        let [] = a.bind("length", [])?;
        Ok(Value::from(length(v)?))
    }),
    (&["d", "default"], |_, v, a| {
        let [instead, boolean] = a.bind("default", ["default_value", "boolean"])?;
        let missing = v.is_undefined() || is_true(&boolean) && !v.is_true();
        Ok(if missing { instead.unwrap_or_else(|| Value::from("")) } else { v.clone() })
    }),
    (&["dictsort"], |_, v, a| dictsort(v, a)),
    (&["e", "escape"], |_, v, a| {
        let [] = a.bind("escape", [])?;
        if v.is_safe() { Ok(v.clone()) } else { escaped(v) }
    }),
    (&["filesizeformat"], |_, v, a| filesize(v, a)),
    (&["first"], |_, v, a| {
        let [] = a.bind("first", [])?;
        Ok(items(v)?.into_iter().next().unwrap_or_default())
    }),
    (&["float"], |_, v, a| {
        let [default] = a.bind("float", ["default"])?;
        Ok(float(v)?.unwrap_or_else(|| default.unwrap_or_else(|| Value::from(0.0))))
    }),
    (&["forceescape"], |_, v, a| {
        let [] = a.bind("forceescape", [])?;
        escaped(v)
    }),
    (&["format"], |_, v, a| Ok(Value::from(percent::filter(v, a.positional, a.named)?))),
    (&["groupby"], |_, v, a| groupby(v, a)),
    (&["indent"], |_, v, a| indent(v, a)),
    (&["int"], |_, v, a| int(v, a)),
    (&["items"], |_, v, a| {
        let [] = a.bind("items", [])?;
        match kind(v) {
            Kind::Undefined => Ok(list(Vec::new())),
            Kind::Dict(all) => Ok(list(all.iter().map(|(k, v)| tuple([k.clone(), v.clone()])).collect())),
            _ => Err(refused("Can only get item pairs from a mapping.")),
        }
    }),
    (&["join"], |_, v, a| join(v, a)),
    (&["last"], |_, v, a| {
        let [] = a.bind("last", [])?;
        Ok(items(v)?.pop().unwrap_or_default())
    }),
    (&["list"], |_, v, a| {
        let [] = a.bind("list", [])?;
        Ok(list(items(v)?))
    }),
    (&["lower"], |_, v, a| on_text("lower", v, a, str::to_lowercase)),
    (&["map"], map),
    (&["max"], |_, v, a| extreme("max", v, a, std::cmp::Ordering::Greater)),
    (&["min"], |_, v, a| extreme("min", v, a, std::cmp::Ordering::Less)),
    (&["reject"], |s, v, a| selected(s, v, a, false, false)),
    (&["rejectattr"], |s, v, a| selected(s, v, a, true, false)),
    (&["replace"], |_, v, a| {
        let [old, new, count] = a.bind("replace", ["old", "new", "count"])?;
        let (old, new) = (required(old, "replace", "old")?, required(new, "replace", "new")?);
        let count = given(count).map_or(Ok(-1), |n| integer(&n, "replace"))?;
        Ok(Value::from(strings::replace(&str_of(v)?, &str_of(&old)?, &str_of(&new)?, count)?))
    }),
    (&["reverse"], |_, v, a| {
        let [] = a.bind("reverse", [])?;
        if let Kind::Str(text) = kind(v) {
            return Ok(Value::from(text.chars().rev().collect::<String>()));
        }
        let mut all = items(v)?;
        all.reverse();
        Ok(list(all))
    }),
    (&["round"], |_, v, a| round(v, a)),
    (&["safe"], |_, v, a| {
        let [] = a.bind("safe", [])?;
        Ok(Value::from_safe_string(str_of(v)?))
    }),
    (&["select"], |s, v, a| selected(s, v, a, false, true)),
    (&["selectattr"], |s, v, a| selected(s, v, a, true, true)),
    (&["slice"], |_, v, a| slice(v, a)),
    (&["sort"], |_, v, a| sort(v, a)),
    (&["string"], |_, v, a| {
        let [] = a.bind("string", [])?;
        if v.as_str().is_some() { Ok(v.clone()) } else { Ok(Value::from(str_of(v)?)) }
    }),
    (&["sum"], |_, v, a| sum(v, a)),
    (&["title"], |_, v, a| on_text("title", v, a, title)),
    (&["tojson"], |_, v, a| json::tojson(v, a)),
    (&["trim"], |_, v, a| {
        let [chars] = a.bind("trim", ["chars"])?;
        let chars = given(chars);
        let set: Option<Vec<char>> = chars.as_ref().map(|c| text(c, "trim")).transpose()?.map(|c| c.chars().collect());
        Ok(Value::from(strings::strip(&str_of(v)?, set.as_deref(), true, true)))
    }),
    (&["truncate"], |_, v, a| truncate(v, a)),
    (&["unique"], |_, v, a| unique(v, a)),
    (&["upper"], |_, v, a| on_text("upper", v, a, str::to_uppercase)),
    (&["urlencode"], |_, v, a| {
        let [] = a.bind("urlencode", [])?;
        urlencode(v)
    }),
    (&["wordcount"], |_, v, a| {
        let [] = a.bind("wordcount", [])?;
        let is_word = |c: char| c == '_' || strings::is_alnum(c);
        Ok(Value::from(str_of(v)?.split(|c| !is_word(c)).filter(|word| !word.is_empty()).count()))
    }),
    (&["xmlattr"], |_, v, a| xmlattr(v, a)),
];

/// Jinja2's own that are not done: chance has no place in a prompt, and the others are for pages of HTML.
const NOT_DONE: &[&str] = &["pprint", "random", "striptags", "urlize", "wordwrap"];

pub fn add_to(environment: &mut Environment) {
    for (names, filter) in FILTERS {
        for name in *names {
            environment.add_filter(*name, move |state: &mut State, value: Value, more: Rest<ValueOrKwargs>| {
                check()?;
                filter(state, &value, Args::new(&more.into_values()))
            });
        }
    }
    for name in NOT_DONE {
        environment.add_filter(*name, move |_: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            Err(refused(format!("filter {name} is not done here")))
        });
    }
}

fn on_text(name: &str, value: &Value, args: Args, change: impl Fn(&str) -> String) -> Result<Value, Error> {
    let [] = args.bind(name, [])?;
    Ok(Value::from(change(&str_of(value)?)))
}

fn abs(value: &Value, args: Args) -> Result<Value, Error> {
    let [] = args.bind("abs", [])?;
    match number(value) {
        Some(Number::Float(f)) => Ok(Value::from(f.abs())),
        Some(Number::Int(n)) if n < 0 => neg(value),
        Some(Number::Int(n)) => i64::try_from(n).map_or_else(|_| Ok(Value::from(n)), |n| Ok(Value::from(n))),
        None => Err(refused(format!("bad operand type for abs(): '{}'", type_name(value)))),
    }
}

/// The value of `path` ("a.b.0" or a number) in `value`; lower case if cases are equal.
struct Key {
    paths: Vec<Vec<Value>>,
    many: bool,
    fold: bool,
    default: Option<Value>,
}

impl Key {
    fn new(path: Option<Value>, fold: bool, what: &str) -> Result<Key, Error> {
        let mut paths = Vec::new();
        if let Some(path) = given(path) {
            paths.push(match kind(&path) {
                Kind::Int(_) => vec![path.clone()],
                _ => parts_of(text(&path, what)?),
            });
        }
        Ok(Key { paths, many: false, fold, default: None })
    }

    fn many(path: Option<Value>, fold: bool, what: &str) -> Result<Key, Error> {
        match given(path) {
            Some(path) if path.as_str().is_some_and(|path| path.contains(',')) => {
                let paths = text(&path, what)?.split(',').map(parts_of).collect();
                Ok(Key { paths, many: true, fold, default: None })
            }
            path => Key::new(path, fold, what),
        }
    }

    fn of(&self, value: &Value) -> Result<Value, Error> {
        let mut found = Vec::new();
        for path in &self.paths {
            found.push(self.folded(self.along(path, value)?)?);
        }
        match (found.pop(), self.many) {
            (None, _) => self.folded(value.clone()),
            (Some(last), false) => Ok(last),
            (Some(last), true) => {
                found.push(last);
                Ok(list(found))
            }
        }
    }

    fn along(&self, path: &[Value], value: &Value) -> Result<Value, Error> {
        let mut value = value.clone();
        for part in path {
            if value.is_undefined() {
                return Err(undefined());
            }
            value = item(&value, part);
            if let (true, Some(default)) = (value.is_undefined(), &self.default) {
                value = default.clone();
            }
        }
        Ok(value)
    }

    fn folded(&self, value: Value) -> Result<Value, Error> {
        match kind(&value) {
            Kind::Str(text) if self.fold => Ok(Value::from(text.to_lowercase())),
            _ => Ok(value),
        }
    }

    fn pairs(&self, all: Vec<Value>) -> Result<Vec<(Value, Value)>, Error> {
        all.into_iter().map(|value| Ok((self.of(&value)?, value))).collect()
    }
}

fn parts_of(path: &str) -> Vec<Value> {
    path.split('.').map(|part| part.parse::<i64>().map_or_else(|_| Value::from(part), Value::from)).collect()
}

fn batch(value: &Value, args: Args) -> Result<Value, Error> {
    let [count, fill] = args.bind("batch", ["linecount", "fill_with"])?;
    let count = size(&required(count, "batch", "linecount")?, "batch")?.max(1);
    let mut lines: Vec<Vec<Value>> = items(value)?.chunks(count).map(<[Value]>::to_vec).collect();
    if let (Some(fill), Some(last)) = (given(fill), lines.last_mut()) {
        if !budget::has_room((count - last.len()).saturating_mul(size_of::<Value>())) {
            return Err(too_much());
        }
        last.resize(count, fill);
    }
    Ok(list(lines.into_iter().map(list).collect()))
}

fn slice(value: &Value, args: Args) -> Result<Value, Error> {
    let [count, fill] = args.bind("slice", ["slices", "fill_with"])?;
    let count = size(&required(count, "slice", "slices")?, "slice")?;
    if count == 0 || !budget::has_room(count.saturating_mul(4 * size_of::<Value>())) {
        return Err(refused(format!("slice: {count} slices")));
    }
    let (all, fill) = (items(value)?, given(fill));
    let (each, longer) = (all.len() / count, all.len() % count);
    let mut slices = Vec::with_capacity(count);
    let mut start = 0;
    for at in 0..count {
        let end = start + each + usize::from(at < longer);
        let mut part = all[start..end].to_vec();
        if at >= longer {
            part.extend(fill.clone());
        }
        slices.push(list(part));
        start = end;
    }
    Ok(list(slices))
}

fn dictsort(value: &Value, args: Args) -> Result<Value, Error> {
    let [case, by, reverse] = args.bind("dictsort", ["case_sensitive", "by", "reverse"])?;
    let at = match by.as_ref().map(|by| text(by, "dictsort")).transpose()? {
        None | Some("key") => 0,
        Some("value") => 1,
        Some(_) => return Err(refused("You can only sort by either \"key\" or \"value\"")),
    };
    let Kind::Dict(all) = kind(value) else { return Err(refused(format!("dictsort: expected a dict, found {}", type_name(value)))) };
    let key = Key::new(Some(Value::from(at)), !is_true(&case), "dictsort")?;
    let pairs = all.iter().map(|(k, v)| tuple([k.clone(), v.clone()])).collect();
    Ok(list(sorted(key.pairs(pairs)?, is_true(&reverse))?))
}

pub fn escaped(value: &Value) -> Result<Value, Error> {
    let text = str_of(value)?;
    if !budget::has_room(text.len().saturating_mul(7)) {
        return Err(too_much());
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;").replace('"', "&#34;");
    Ok(Value::from_safe_string(text))
}

fn filesize(value: &Value, args: Args) -> Result<Value, Error> {
    let [binary] = args.bind("filesizeformat", ["binary"])?;
    let bytes = float(value)?.and_then(|f| f64::try_from(f).ok());
    let bytes = bytes.ok_or_else(|| refused(format!("filesizeformat: expected a number, found {}", type_name(value))))?;
    let (base, units) = if is_true(&binary) {
        (1024.0, ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"])
    } else {
        (1000.0, ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"])
    };
    if bytes == 1.0 {
        return Ok(Value::from("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::from(format!("{} Bytes", bytes.trunc() as i64)));
    }
    let mut unit = base;
    for (at, name) in units.iter().enumerate() {
        unit = base.powi(at as i32 + 2);
        if bytes < unit || at == units.len() - 1 {
            return Ok(Value::from(format!("{:.1} {name}", base * bytes / unit)));
        }
    }
    Ok(Value::from(format!("{unit}")))
}

/// float(value); None: no number.
fn float(value: &Value) -> Result<Option<Value>, Error> {
    Ok(match (number(value), kind(value)) {
        (Some(Number::Int(n)), _) => Some(Value::from(n as f64)),
        (Some(Number::Float(f)), _) => Some(Value::from(f)),
        (None, Kind::Str(text)) => parsed_float(text).map(Value::from),
        (None, Kind::Undefined) => return Err(undefined()),
        _ => None,
    })
}

fn without_underscores(text: &str) -> Option<String> {
    let text = strings::ascii_digits(strings::strip(text, None, true, true));
    let bytes = text.as_bytes();
    let stands_between_digits = |at: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let fine = (0..bytes.len()).all(|at| bytes[at] != b'_' || stands_between_digits(at));
    fine.then(|| text.replace('_', ""))
}

fn parsed_float(text: &str) -> Option<f64> {
    without_underscores(text)?.parse().ok()
}

fn parsed_int(text: &str, base: u32) -> Option<i128> {
    let text = without_underscores(text)?.to_lowercase();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let prefix = |mark: &str, its: u32| digits.strip_prefix(mark).filter(|_| base == its || base == 0).map(|rest| (rest, its));
    let (digits, base) = prefix("0x", 16).or(prefix("0o", 8)).or(prefix("0b", 2)).unwrap_or((digits, if base == 0 { 10 } else { base }));
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, base).ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

fn int(value: &Value, args: Args) -> Result<Value, Error> {
    let [default, base] = args.bind("int", ["default", "base"])?;
    let base = base.map_or(Ok(10), |b| integer(&b, "int"))?;
    let base = u32::try_from(base).ok().filter(|b| *b == 0 || (2..=36).contains(b)).ok_or_else(|| refused("int: base must be 0 or 2 to 36"))?;
    let whole = |f: f64| (f.is_finite() && f.abs() < 1.7e38).then(|| f.trunc() as i128);
    let n = match kind(value) {
        Kind::Bool(b) => Some(i128::from(b)),
        Kind::Int(n) => Some(n),
        Kind::Float(f) if f.is_infinite() => return Err(refused("cannot convert float infinity to integer")),
        Kind::Float(f) if f.is_finite() && whole(f).is_none() => return Err(refused("integers beyond 128 bits are not done here")),
        Kind::Float(f) => whole(f),
        Kind::Str(text) => match parsed_int(text, base) {
            Some(n) => Some(n),
            None => parsed_float(text).and_then(whole),
        },
        Kind::Undefined => return Err(undefined()),
        _ => None,
    };
    Ok(match n {
        Some(n) => i64::try_from(n).map_or_else(|_| Value::from(n), Value::from),
        None => default.unwrap_or_else(|| Value::from(0)),
    })
}

fn groupby(value: &Value, args: Args) -> Result<Value, Error> {
    let [path, default, case] = args.bind("groupby", ["attribute", "default", "case_sensitive"])?;
    let path = required(path, "groupby", "attribute")?;
    let exact = Key { default: given(default.clone()), ..Key::new(Some(path.clone()), false, "groupby")? };
    let key = Key { default: given(default), ..Key::new(Some(path), !is_true(&case), "groupby")? };
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for value in sorted(key.pairs(items(value)?)?, false)? {
        let its = key.of(&value)?;
        match groups.last_mut() {
            Some((same, members)) if equal(same, &its)? => members.push(value),
            _ => groups.push((its, vec![value])),
        }
    }
    let named = |(_, members): (Value, Vec<Value>)| -> Result<Value, Error> {
        let grouper = members.first().map_or(Ok(Value::UNDEFINED), |first| exact.of(first))?;
        Ok(Value::from_object(Group { grouper, list: list(members) }))
    };
    Ok(list(groups.into_iter().map(named).collect::<Result<_, _>>()?))
}

fn indent(value: &Value, args: Args) -> Result<Value, Error> {
    let [width, first, blank] = args.bind("indent", ["width", "first", "blank"])?;
    let Kind::Str(text) = kind(value) else { return Err(refused(format!("indent: expected a string, found {}", type_name(value)))) };
    let margin = match width {
        None => "    ".to_string(),
        Some(width) => match width.as_str() {
            Some(margin) => margin.to_string(),
            None => match size(&width, "indent")? {
                width if budget::has_room(width) => " ".repeat(width),
                _ => return Err(too_much()),
            },
        },
    };
    let text = format!("{text}\n"); // as Jinja2 does, so that a line end at the end counts
    let lines = strings::lines(&text, false);
    if !budget::has_room(2 * (text.len() + lines.len().saturating_mul(margin.len()))) {
        return Err(too_much());
    }
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        out.push_str(if at > 0 { "\n" } else { "" });
        if if at == 0 { is_true(&first) } else { is_true(&blank) || !line.is_empty() } {
            out.push_str(&margin);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

fn join(value: &Value, args: Args) -> Result<Value, Error> {
    let [separator, path] = args.bind("join", ["d", "attribute"])?;
    let key = Key::new(path, false, "join")?;
    let mut texts = Vec::new();
    for value in items(value)? {
        texts.push(str_of(&key.of(&value)?)?);
    }
    let separator = separator.map_or(Ok(String::new()), |s| str_of(&s))?;
    strings::joined(&separator, &texts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// map(attribute=..., default=...) or map(filter, its arguments...).
fn map(state: &mut State, value: &Value, args: Args) -> Result<Value, Error> {
    let all = if value.is_true() { items(value)? } else { Vec::new() };
    if args.positional.is_empty() {
        let [path, default] = args.bind("map", ["attribute", "default"])?;
        let path = required(path, "map", "attribute")?;
        let key = Key { default, ..Key::new(Some(path), false, "map")? };
        return Ok(list(all.iter().map(|value| key.of(value)).collect::<Result<_, _>>()?));
    }
    let name = text(&args.positional[0], "map")?.to_string();
    let more = &args.positional[1..];
    let mut out = Vec::with_capacity(all.len());
    for value in all {
        out.push(state.apply_filter(&name, &with_named(vec![value], more, &args.named))?);
    }
    Ok(list(out))
}

fn with_named(mut values: Vec<Value>, more: &[Value], named: &[(String, Value)]) -> Vec<Value> {
    values.extend_from_slice(more);
    if !named.is_empty() {
        let named = named.iter().map(|(key, value)| (key.as_str(), value.clone()));
        values.push(Value::from(named.collect::<minijinja::value::Kwargs>()));
    }
    values
}

fn extreme(name: &str, value: &Value, args: Args, wanted: std::cmp::Ordering) -> Result<Value, Error> {
    let [case, path] = args.bind(name, ["case_sensitive", "attribute"])?;
    let key = Key::new(path, !is_true(&case), name)?;
    let mut best: Option<(Value, Value)> = None;
    for (its, value) in key.pairs(items(value)?)? {
        let better = match &best {
            Some((other, _)) => order(&its, other, if name == "max" { ">" } else { "<" })? == Some(wanted),
            None => true,
        };
        if better {
            best = Some((its, value));
        }
    }
    Ok(best.map(|(_, value)| value).unwrap_or_default())
}

fn selected(state: &mut State, value: &Value, args: Args, by_attribute: bool, wanted: bool) -> Result<Value, Error> {
    let mut positional = args.positional.into_iter();
    let path = if by_attribute { Some(required(positional.next(), "selectattr", "attribute")?) } else { None };
    let key = Key::new(path, false, "selectattr")?;
    let test = positional.next();
    let more: Vec<Value> = positional.collect();
    let mut out = Vec::new();
    for value in if value.is_true() { items(value)? } else { Vec::new() } {
        let its = key.of(&value)?;
        let passes = match &test {
            Some(test) => state.perform_test(text(test, "select")?, &with_named(vec![its], &more, &args.named))?,
            None => its.is_true(),
        };
        if passes == wanted {
            out.push(value);
        }
    }
    Ok(list(out))
}

fn round(value: &Value, args: Args) -> Result<Value, Error> {
    let [precision, method] = args.bind("round", ["precision", "method"])?;
    let precision = precision.map_or(Ok(0), |p| integer(&p, "round"))?;
    let method = method.unwrap_or_else(|| Value::from("common"));
    let up = match text(&method, "round")? {
        "common" => None,
        "ceil" => Some(true),
        "floor" => Some(false),
        _ => return Err(refused("method must be common, ceil or floor")),
    };
    let n = number(value).ok_or_else(|| if value.is_undefined() { undefined() } else { refused(format!("round: expected a number, found {}", type_name(value))) })?;
    let Some(up) = up else {
        return match n {
            Number::Float(f) => Ok(Value::from(rounded(f, precision))),
            Number::Int(_) if precision >= 0 => Ok(value.clone()).map(|v| if let Kind::Bool(b) = kind(&v) { Value::from(i64::from(b)) } else { v }),
            Number::Int(n) => rounded_int(n, precision),
        };
    };
    let f = match n {
        Number::Int(n) => n as f64,
        Number::Float(f) => f,
    };
    let unit = 10f64.powi(precision.clamp(-400, 400) as i32);
    let scaled = f * unit;
    Ok(Value::from((if up { scaled.ceil() } else { scaled.floor() } + 0.0) / unit)) // + 0.0: whole numbers have no -0
}

/// round(n, -digits): the nearest multiple, ties to even.
fn rounded_int(n: i128, precision: i128) -> Result<Value, Error> {
    let Some(unit) = u32::try_from(-precision).ok().and_then(|digits| 10i128.checked_pow(digits)) else { return Ok(Value::from(0)) };
    let (quotient, rest) = (n.div_euclid(unit), n.rem_euclid(unit));
    let up = 2 * rest > unit || 2 * rest == unit && quotient % 2 != 0;
    let n = (quotient + i128::from(up)) * unit;
    Ok(i64::try_from(n).map_or_else(|_| Value::from(n), Value::from))
}

fn sort(value: &Value, args: Args) -> Result<Value, Error> {
    let [reverse, case, path] = args.bind("sort", ["reverse", "case_sensitive", "attribute"])?;
    let key = Key::many(path, !is_true(&case), "sort")?;
    Ok(list(sorted(key.pairs(items(value)?)?, is_true(&reverse))?))
}

fn sum(value: &Value, args: Args) -> Result<Value, Error> {
    let [path, start] = args.bind("sum", ["attribute", "start"])?;
    let key = Key::new(path, false, "sum")?;
    let mut total = start.unwrap_or_else(|| Value::from(0));
    if total.as_str().is_some() {
        return Err(refused("sum() can't sum strings"));
    }
    for value in items(value)? {
        check()?;
        total = BINARY[0].1(&total, &key.of(&value)?)?;
    }
    Ok(total)
}

/// A word begins behind white space, a hyphen or an opening bracket.
fn title(text: &str) -> String {
    let begins = |c: char| strings::is_space(c) || "-({[<".contains(c);
    let (mut out, mut first) = (String::with_capacity(text.len()), true);
    for c in text.chars() {
        if begins(c) {
            out.push(c);
        } else if first {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        first = begins(c);
    }
    out
}

fn truncate(value: &Value, args: Args) -> Result<Value, Error> {
    let [most, kill, end, leeway] = args.bind("truncate", ["length", "killwords", "end", "leeway"])?;
    let most = most.map_or(Ok(255), |n| integer(&n, "truncate"))?;
    let end = end.unwrap_or_else(|| Value::from("..."));
    let end = text(&end, "truncate")?;
    let leeway = given(leeway).map_or(Ok(5), |n| integer(&n, "truncate"))?;
    let ends = end.chars().count() as i128;
    if most < ends || leeway < 0 {
        return Err(refused(format!("truncate: expected length >= {ends} and leeway >= 0, found {most} and {leeway}")));
    }
    if length(value)? as i128 <= most.saturating_add(leeway) {
        return Ok(value.clone());
    }
    let all = text(value, "truncate")?;
    let cut: String = all.chars().take((most - ends) as usize).collect();
    let kept = if is_true(&kill) { &cut[..] } else { cut.rsplit_once(' ').map_or(&cut[..], |(kept, _)| kept) };
    Ok(Value::from(format!("{kept}{end}")))
}

fn unique(value: &Value, args: Args) -> Result<Value, Error> {
    let [case, path] = args.bind("unique", ["case_sensitive", "attribute"])?;
    let key = Key::new(path, !is_true(&case), "unique")?;
    let (mut simple, mut others) = (std::collections::HashSet::new(), Vec::new());
    let mut out = Vec::new();
    for value in items(value)? {
        let its = key.of(&value)?;
        hashable(&its)?;
        let is_new = match kind(&its) {
            Kind::Tuple(_) | Kind::Other => {
                let mut found = false;
                for other in &others {
                    found = found || equal(other, &its)?;
                }
                if !found {
                    others.push(its);
                }
                !found
            }
            Kind::Bool(b) => simple.insert(Value::from(i64::from(b))), // True is 1
            _ => simple.insert(its),
        };
        if is_new {
            out.push(value);
        }
    }
    Ok(list(out))
}

fn quoted_for_url(text: &str, query: bool, out: &mut String) -> Result<(), Error> {
    if !budget::has_room(2 * (out.len() + text.len().saturating_mul(3))) {
        return Err(too_much());
    }
    for byte in text.bytes() {
        match byte {
            b'/' if !query => out.push('/'),
            b' ' if query => out.push('+'),
            _ if byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(())
}

fn urlencode(value: &Value) -> Result<Value, Error> {
    let mut out = String::new();
    let pairs: Vec<Vec<Value>> = match kind(value) {
        Kind::Dict(all) => all.iter().map(|(k, v)| vec![k.clone(), v.clone()]).collect(),
        Kind::List(_) | Kind::Tuple(_) | Kind::Other => items(value)?.iter().map(items).collect::<Result<_, _>>()?,
        _ => {
            quoted_for_url(&str_of(value)?, false, &mut out)?;
            return Ok(Value::from(out));
        }
    };
    for (at, pair) in pairs.iter().enumerate() {
        let [key, value] = &pair[..] else { return Err(refused("urlencode: expected pairs")) };
        out.push_str(if at > 0 { "&" } else { "" });
        quoted_for_url(&str_of(key)?, true, &mut out)?;
        out.push('=');
        quoted_for_url(&str_of(value)?, true, &mut out)?;
    }
    Ok(Value::from(out))
}

fn xmlattr(value: &Value, args: Args) -> Result<Value, Error> {
    let [space] = args.bind("xmlattr", ["autospace"])?;
    let Kind::Dict(all) = kind(value) else { return Err(refused(format!("xmlattr: expected a dict, found {}", type_name(value)))) };
    let all: &Dict = all;
    let mut parts = Vec::new();
    for (key, value) in all.iter().filter(|(_, value)| !value.is_none() && !value.is_undefined()) {
        let key = text(key, "xmlattr")?.to_string();
        if key.contains(|c: char| strings::is_space(c) || "/>=".contains(c)) {
            return Err(refused(format!("Invalid character in attribute name: '{key}'")));
        }
        parts.push(format!("{}=\"{}\"", str_of(&escaped(&Value::from(key))?)?, str_of(&escaped(value)?)?));
    }
    let lead = if !parts.is_empty() && space.is_none_or(|s| s.is_true()) { " " } else { "" };
    Ok(Value::from(format!("{lead}{}", parts.join(" "))))
}

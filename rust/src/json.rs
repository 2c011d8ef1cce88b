//! JSON as Python's json module reads and writes it. Chat templates print it by `tojson`: json.dumps without HTML escapes.

use minijinja::value::Value;
use minijinja::Error;

use crate::python::args::{given, integer, is_true, refused, Args};
use crate::python::compare::sorted;
use crate::python::number::float_repr;
use crate::python::value::{check, dict, items, kind, list, type_name, Kind, MAX_NESTING};
use crate::budget;

struct Style {
    ascii: bool,
    indent: Option<String>,
    between_items: String,
    after_key: String,
    sorted: bool,
}

/// transformers' filter: its arguments, in its order.
pub fn tojson(value: &Value, args: Args) -> Result<Value, Error> {
    let [ascii, indent, separators, sort_keys] = args.bind("tojson", ["ensure_ascii", "indent", "separators", "sort_keys"])?;
    let indent = match given(indent) {
        None => None,
        Some(text) if text.as_str().is_some() => text.as_str().map(str::to_string),
        Some(width) => match integer(&width, "tojson: indent")? {
            width @ ..=64 => Some(" ".repeat(usize::try_from(width).unwrap_or(0))),
            width => return Err(refused(format!("tojson: indent {width}, at most 64"))),
        },
    };
    let (between_items, after_key) = match given(separators) {
        None => ((if indent.is_none() { ", " } else { "," }).to_string(), ": ".to_string()),
        Some(pair) => match &items(&pair)?[..] {
            [a, b] if a.as_str().is_some() && b.as_str().is_some() => (a.to_string(), b.to_string()),
            _ => return Err(refused("tojson: separators: expected two strings")),
        },
    };
    let style = Style { ascii: is_true(&ascii), indent, between_items, after_key, sorted: is_true(&sort_keys) };
    let mut out = String::new();
    write(&mut out, value, &style, 0)?;
    Ok(Value::from(out))
}

fn new_line(out: &mut String, style: &Style, depth: usize) -> Result<(), Error> {
    if let Some(indent) = &style.indent {
        if !budget::has_room(2 * (out.len() + depth * indent.len())) {
            return Err(refused("needs too much memory or time"));
        }
        out.push('\n');
        out.push_str(&indent.repeat(depth));
    }
    Ok(())
}

fn float(f: f64) -> String {
    match f {
        f if f.is_nan() => "NaN".to_string(),
        f if f.is_infinite() => (if f > 0.0 { "Infinity" } else { "-Infinity" }).to_string(),
        f => float_repr(f),
    }
}

fn write(out: &mut String, value: &Value, style: &Style, depth: usize) -> Result<(), Error> {
    check()?;
    if depth > MAX_NESTING {
        return Err(refused(format!("tojson: nested more than {MAX_NESTING} deep")));
    }
    match kind(value) {
        Kind::None => out.push_str("null"),
        Kind::Bool(b) => out.push_str(if b { "true" } else { "false" }),
        Kind::Int(n) => out.push_str(&n.to_string()),
        Kind::Float(f) => out.push_str(&float(f)),
        Kind::Str(text) => quoted(out, text, style.ascii)?,
        Kind::List(items) | Kind::Tuple(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(&style.between_items);
                }
                new_line(out, style, depth + 1)?;
                write(out, item, style, depth + 1)?;
            }
            if !items.is_empty() {
                new_line(out, style, depth)?;
            }
            out.push(']');
        }
        Kind::Dict(all) => {
            let mut keys: Vec<Value> = all.keys().cloned().collect();
            if style.sorted {
                keys = sorted(keys.into_iter().map(|key| (key.clone(), key)).collect(), false)?;
            }
            out.push('{');
            for (at, key) in keys.iter().enumerate() {
                if at > 0 {
                    out.push_str(&style.between_items);
                }
                new_line(out, style, depth + 1)?;
                quoted(out, &key_text(key)?, style.ascii)?;
                out.push_str(&style.after_key);
                write(out, &all[key], style, depth + 1)?;
            }
            if !keys.is_empty() {
                new_line(out, style, depth)?;
            }
            out.push('}');
        }
        _ => return Err(refused(format!("object of type {} is not JSON serializable", type_name(value)))),
    }
    Ok(())
}

fn key_text(key: &Value) -> Result<String, Error> {
    Ok(match kind(key) {
        Kind::Str(text) => text.to_string(),
        Kind::None => "null".to_string(),
        Kind::Bool(b) => b.to_string(),
        Kind::Int(n) => n.to_string(),
        Kind::Float(f) => float(f),
        _ => return Err(refused(format!("keys must be str, int, float, bool or None, not {}", type_name(key)))),
    })
}

fn quoted(out: &mut String, text: &str, ascii: bool) -> Result<(), Error> {
    if !budget::has_room(2 * (out.len() + text.len())) {
        return Err(refused("needs too much memory or time"));
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", c as u32)),
            _ if ascii && !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    Ok(())
}

/// A JSON text as values: the order of members stays, integers are exact, NaN and Infinity are taken as Python takes them.
pub fn parse(text: &str) -> Result<Value, Error> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.blank();
    if reader.at < text.len() {
        return Err(reader.wrong());
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self) -> Error {
        refused(format!("not valid JSON at byte {}", self.at))
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn blank(&mut self) {
        self.at += self.rest().bytes().take_while(|b| b" \t\r\n".contains(b)).count();
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        self.at += if found { mark.len() } else { 0 };
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        check()?;
        if depth > MAX_NESTING {
            return Err(refused(format!("JSON nested more than {MAX_NESTING} deep")));
        }
        self.blank();
        let words: [(&str, Value); 6] = [
            ("null", Value::from(())),
            ("true", Value::from(true)),
            ("false", Value::from(false)),
            ("NaN", Value::from(f64::NAN)),
            ("Infinity", Value::from(f64::INFINITY)),
            ("-Infinity", Value::from(f64::NEG_INFINITY)),
        ];
        for (word, value) in words {
            if self.take(word) {
                return Ok(value);
            }
        }
        if self.take("[") {
            let mut items = Vec::new();
            self.blank();
            while !self.take("]") {
                if !items.is_empty() && !self.take(",") {
                    return Err(self.wrong());
                }
                items.push(self.value(depth + 1)?);
                self.blank();
            }
            return Ok(list(items));
        }
        if self.take("{") {
            let mut pairs = Vec::new();
            self.blank();
            while !self.take("}") {
                if !pairs.is_empty() && !self.take(",") {
                    return Err(self.wrong());
                }
                self.blank();
                let key = self.string()?;
                self.blank();
                if !self.take(":") {
                    return Err(self.wrong());
                }
                pairs.push((Value::from(key), self.value(depth + 1)?));
                self.blank();
            }
            return Ok(dict(pairs));
        }
        if self.rest().starts_with('"') {
            return Ok(Value::from(self.string()?));
        }
        self.number()
    }

    fn number(&mut self) -> Result<Value, Error> {
        let size = self.rest().bytes().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).count();
        let text = &self.text[self.at..self.at + size];
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.wrong());
        }
        let value = if digits.bytes().all(|b| b.is_ascii_digit()) {
            match (text.parse::<i64>(), text.parse::<i128>()) {
                (Ok(n), _) => Value::from(n),
                (_, Ok(n)) => Value::from(n),
                _ => return Err(refused(format!("JSON at byte {}: integers beyond 128 bits are not done here", self.at))),
            }
        } else {
            Value::from(text.parse::<f64>().map_err(|_| self.wrong())?)
        };
        self.at += size;
        Ok(value)
    }

    fn code_unit(&mut self) -> Result<u32, Error> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).ok_or_else(|| self.wrong())?;
        self.at += 4;
        Ok(unit)
    }

    fn string(&mut self) -> Result<String, Error> {
        if !self.take("\"") {
            return Err(self.wrong());
        }
        let mut out = String::new();
        loop {
            let size = self.rest().find(['"', '\\']).ok_or_else(|| self.wrong())?;
            out.push_str(&self.text[self.at..self.at + size]);
            self.at += size;
            if self.take("\"") {
                return Ok(out);
            }
            self.at += 1;
            let escape = self.rest().chars().next().ok_or_else(|| self.wrong())?;
            self.at += escape.len_utf8();
            out.push(match escape {
                '"' | '\\' | '/' => escape,
                'b' => '\x08',
                'f' => '\x0c',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let unit = self.code_unit()?;
                    let pair = (0xd800..0xdc00).contains(&unit) && self.rest().starts_with("\\u");
                    if pair {
                        let before = self.at;
                        self.at += 2;
                        let low = self.code_unit()?;
                        if (0xdc00..0xe000).contains(&low) {
                            out.push(char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).unwrap_or('\u{fffd}'));
                            continue;
                        }
                        self.at = before;
                    }
                    char::from_u32(unit).unwrap_or('\u{fffd}') // half a pair has no UTF-8
                }
                _ => return Err(self.wrong()),
            });
        }
    }
}

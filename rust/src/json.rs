//! JSON as chat templates expect it from `tojson`: Python's json.dumps with ensure_ascii=False, and no HTML escapes.

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// Separators ", " and ": ".
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

fn write_with<F: Formatter>(value: &Value, formatter: F) -> Result<String, Error> {
    let mut out = Vec::new();
    let failed = |e: serde_json::Error| Error::new(ErrorKind::BadSerialization, e.to_string());
    value.serialize(&mut Serializer::with_formatter(&mut out, formatter)).map_err(failed)?;
    String::from_utf8(out).map_err(|_| Error::new(ErrorKind::BadSerialization, "not UTF-8"))
}

pub fn tojson(value: &Value, args: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = args.get("indent")?;
    // What json.dumps would do by default anyway, or what has no meaning here.
    let _: Option<bool> = args.get("ensure_ascii")?;
    let _: Option<bool> = args.get("sort_keys")?;
    let _: Option<Value> = args.get("separators")?;
    args.assert_all_used()?;
    let text = match indent {
        None => write_with(value, Spaced)?,
        Some(width) if width <= 16 => write_with(value, PrettyFormatter::with_indent(" ".repeat(width).as_bytes()))?,
        Some(width) => return Err(Error::new(ErrorKind::InvalidOperation, format!("tojson: indent {width}, at most 16"))),
    };
    Ok(Value::from_safe_string(text))
}

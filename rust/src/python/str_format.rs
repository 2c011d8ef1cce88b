//! Python's str.format: "{} {name!r:>8} {0[key]:.2f}".

use minijinja::value::Value;
use minijinja::Error;

use super::args::{refused, Args};
use super::containers::{attribute, item};
use super::number::{float_repr, float_text, non_finite};
use super::value::{ascii, check, kind, repr, str_of, type_name, Kind};
use crate::budget;

const MAX_WIDTH: usize = 10_000;

/// The fields are taken in order or by number; not both.
struct Fields<'a> {
    args: &'a Args,
    automatic: usize,
    numbered: bool,
}

pub fn format(template: &str, args: &Args) -> Result<String, Error> {
    write(template, &mut Fields { args, automatic: 0, numbered: false }, 3)
}

fn write(template: &str, fields: &mut Fields, depth: usize) -> Result<String, Error> {
    if depth == 0 {
        return Err(refused("format: max string recursion exceeded"));
    }
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        check()?;
        out.push_str(&rest[..at]);
        let brace = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        if rest.as_bytes().first() == Some(&brace) {
            out.push(brace as char);
            rest = &rest[1..];
            continue;
        }
        if brace == b'}' {
            return Err(refused("single '}' encountered in format string"));
        }
        let end = end_of_field(rest)?;
        let piece = field(&rest[..end], fields, depth)?;
        if !budget::has_room(2 * (out.len() + piece.len())) {
            return Err(refused("needs too much memory or time"));
        }
        out.push_str(&piece);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn end_of_field(text: &str) -> Result<usize, Error> {
    let mut depth = 1;
    for (at, byte) in text.bytes().enumerate() {
        depth += i32::from(byte == b'{') - i32::from(byte == b'}');
        if depth == 0 {
            return Ok(at);
        }
    }
    Err(refused("expected '}' before end of string"))
}

fn field(text: &str, fields: &mut Fields, depth: usize) -> Result<String, Error> {
    // A '!' or ':' within [...] belongs to the key.
    let mut in_key = false;
    let name_end = text
        .char_indices()
        .find(|(_, c)| {
            in_key = (in_key || *c == '[') && *c != ']';
            !in_key && matches!(c, '!' | ':')
        })
        .map_or(text.len(), |(at, _)| at);
    let (name, mut rest) = text.split_at(name_end);
    let value = looked_up(name, fields)?;
    let mut conversion = None;
    if let Some(after) = rest.strip_prefix('!') {
        let mut chars = after.chars();
        conversion = chars.next();
        rest = chars.as_str();
        if !rest.is_empty() && !rest.starts_with(':') {
            return Err(refused("expected ':' after conversion specifier"));
        }
    }
    let spec = write(rest.strip_prefix(':').unwrap_or(""), fields, depth - 1)?;
    let value = match conversion {
        None => value,
        Some('s') => Value::from(str_of(&value)?),
        Some('r') => Value::from(repr(&value)?),
        Some('a') => Value::from(ascii(&value)?),
        Some(other) => return Err(refused(format!("unknown conversion specifier '{other}'"))),
    };
    formatted(&value, &spec)
}

fn looked_up(name: &str, fields: &mut Fields) -> Result<Value, Error> {
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (first, mut path) = name.split_at(end);
    let mut value = if first.is_empty() || first.bytes().all(|b| b.is_ascii_digit()) {
        let number = if first.is_empty() {
            fields.automatic += 1;
            fields.automatic - 1
        } else {
            fields.numbered = true;
            first.parse().unwrap_or(usize::MAX)
        };
        if fields.numbered && fields.automatic > 0 {
            return Err(refused("cannot switch between manual field specification and automatic field numbering"));
        }
        fields.args.positional.get(number).cloned().ok_or_else(|| refused(format!("replacement index {number} out of range")))?
    } else {
        let found = fields.args.named.iter().find(|(key, _)| key == first);
        found.map(|(_, value)| value.clone()).ok_or_else(|| refused(format!("KeyError: '{first}'")))?
    };
    while !path.is_empty() {
        if let Some(after) = path.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            value = attribute(&value, &after[..end]);
            path = &after[end..];
        } else {
            let end = path.find(']').ok_or_else(|| refused("expected ']' before end of string"))?;
            let key = &path[1..end];
            value = match key.parse::<i64>() {
                Ok(number) => item(&value, &Value::from(number)),
                Err(_) => item(&value, &Value::from(key)),
            };
            path = &path[end + 1..];
        }
        if value.is_undefined() {
            return Err(refused(format!("format: {name} is not there")));
        }
    }
    Ok(value)
}

struct Spec {
    fill: char,
    align: Option<char>,
    sign: char,
    alternate: bool,
    zero: bool,
    width: usize,
    group: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

fn parsed(text: &str) -> Result<Spec, Error> {
    let all: Vec<char> = text.chars().collect();
    let mut at = 0;
    let is_align = |c: Option<&char>| c.is_some_and(|c| "<>=^".contains(*c));
    let mut spec = Spec { fill: ' ', align: None, sign: '-', alternate: false, zero: false, width: 0, group: None, precision: None, kind: None };
    if is_align(all.get(1)) {
        (spec.fill, spec.align) = (all[0], Some(all[1]));
        at = 2;
    } else if is_align(all.first()) {
        spec.align = Some(all[0]);
        at = 1;
    }
    let one_of = |at: &mut usize, known: &str| -> Option<char> {
        let found = all.get(*at).copied().filter(|c| known.contains(*c));
        *at += usize::from(found.is_some());
        found
    };
    spec.sign = one_of(&mut at, "+- ").unwrap_or('-');
    spec.alternate = one_of(&mut at, "#").is_some();
    spec.zero = one_of(&mut at, "0").is_some();
    let number = |at: &mut usize| -> Result<Option<usize>, Error> {
        let from = *at;
        let mut n = 0usize;
        while let Some(digit) = all.get(*at).filter(|c| c.is_ascii_digit()) {
            n = n * 10 + (*digit as u8 - b'0') as usize;
            *at += 1;
            if n > MAX_WIDTH {
                return Err(refused(format!("width or precision {n}, at most {MAX_WIDTH}")));
            }
        }
        Ok((*at > from).then_some(n))
    };
    spec.width = number(&mut at)?.unwrap_or(0);
    spec.group = one_of(&mut at, ",_");
    if one_of(&mut at, ".").is_some() {
        spec.precision = Some(number(&mut at)?.ok_or_else(|| refused("format specifier missing precision"))?);
    }
    spec.kind = one_of(&mut at, "bcdeEfFgGnosxX%");
    if at < all.len() {
        return Err(refused(format!("invalid format specifier '{text}'")));
    }
    if spec.zero && spec.align.is_none() {
        (spec.fill, spec.align) = ('0', Some('='));
    }
    Ok(spec)
}

pub fn formatted(value: &Value, text: &str) -> Result<String, Error> {
    if text.is_empty() {
        return str_of(value);
    }
    let unsupported = |spec: &Spec| {
        refused(format!("unknown format code '{}' for object of type '{}'", spec.kind.unwrap_or(' '), type_name(value)))
    };
    match kind(value) {
        Kind::Str(s) => {
            let spec = parsed(text)?;
            if !matches!(spec.kind, None | Some('s')) || spec.align == Some('=') && !spec.zero || spec.sign != '-' || spec.alternate || spec.group.is_some() {
                return Err(unsupported(&spec));
            }
            let cut: String = s.chars().take(spec.precision.unwrap_or(usize::MAX)).collect();
            Ok(padded(&spec, '<', "", &cut))
        }
        Kind::Int(n) => number_text(&parsed(text)?, n as f64, Some(n), unsupported),
        Kind::Bool(b) => number_text(&parsed(text)?, f64::from(u8::from(b)), Some(i128::from(b)), unsupported),
        Kind::Float(f) => number_text(&parsed(text)?, f, None, unsupported),
        _ => Err(refused(format!("unsupported format string passed to {}.__format__", type_name(value)))),
    }
}

/// `head`: sign and prefix, which '=' keeps in front of the fill.
fn padded(spec: &Spec, default: char, head: &str, text: &str) -> String {
    let missing = spec.width.saturating_sub(head.chars().count() + text.chars().count());
    let fill = |n: usize| spec.fill.to_string().repeat(n);
    match spec.align.unwrap_or(default) {
        '=' if default == '<' => format!("{text}{}", fill(missing)), // text with a plain 0 before its width
        '<' => format!("{head}{text}{}", fill(missing)),
        '^' => format!("{}{head}{text}{}", fill(missing / 2), fill(missing - missing / 2)),
        '=' => format!("{head}{}{text}", fill(missing)),
        _ => format!("{}{head}{text}", fill(missing)),
    }
}

fn grouped(digits: &str, separator: Option<char>, every: usize, least: usize) -> String {
    let Some(separator) = separator else { return digits.to_string() };
    let (mut out, mut count) = (Vec::new(), 0);
    let mut digits = digits.chars().rev();
    loop {
        let next = digits.next();
        // Zeros of the width are grouped too, and a separator never comes first.
        let missing = out.len() < least;
        let Some(digit) = next.or(missing.then_some('0')) else { break };
        if count > 0 && count % every == 0 {
            out.push(separator);
        }
        out.push(digit);
        count += 1;
    }
    out.iter().rev().collect()
}

fn number_text(spec: &Spec, float: f64, int: Option<i128>, unsupported: impl Fn(&Spec) -> Error) -> Result<String, Error> {
    let code = spec.kind;
    let negative = int.map_or(float.is_sign_negative() && !float.is_nan(), |n| n < 0);
    let sign = if negative { "-" } else if spec.sign == '-' { "" } else { &spec.sign.to_string() };
    let zero_fill = spec.fill == '0' && spec.align == Some('=');
    let is_whole = int.is_some() && matches!(code, None | Some('b' | 'c' | 'd' | 'n' | 'o' | 'x' | 'X'));
    if code == Some('n') && spec.group.is_some() {
        return Err(unsupported(spec));
    }
    if let (Some(n), true) = (int, is_whole) {
        if spec.precision.is_some() {
            return Err(refused("precision not allowed in integer format specifier"));
        }
        if code == Some('c') {
            let letter = u32::try_from(n).ok().and_then(char::from_u32).ok_or_else(|| refused("%c arg not in range(0x110000)"))?;
            return Ok(padded(spec, '<', "", &letter.to_string()));
        }
        let magnitude = n.unsigned_abs();
        let (prefix, digits, every) = match code {
            Some('b') => ("0b", format!("{magnitude:b}"), 4),
            Some('o') => ("0o", format!("{magnitude:o}"), 4),
            Some('x') => ("0x", format!("{magnitude:x}"), 4),
            Some('X') => ("0X", format!("{magnitude:X}"), 4),
            _ => ("", magnitude.to_string(), 3),
        };
        if every == 4 && spec.group == Some(',') {
            return Err(refused("cannot specify ',' with this format code"));
        }
        let head = format!("{sign}{}", if spec.alternate { prefix } else { "" });
        let least = if zero_fill { spec.width.saturating_sub(head.len()) } else { 0 };
        return Ok(padded(spec, '>', &head, &grouped(&digits, spec.group, every, least)));
    }
    let magnitude = float.abs();
    let text = match code {
        None => match spec.precision {
            None => float_repr(magnitude),
            Some(_) if !magnitude.is_finite() => non_finite(magnitude),
            Some(precision) => repr_with(magnitude, precision.max(1)),
        },
        Some('%') => float_text(magnitude * 100.0, 'f', spec.precision.unwrap_or(6), spec.alternate) + "%",
        Some('n') => float_text(magnitude, 'g', spec.precision.unwrap_or(6), spec.alternate),
        Some(c @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G')) => {
            let text = float_text(magnitude, c, spec.precision.unwrap_or(6), spec.alternate);
            if c.is_uppercase() { text.to_uppercase() } else { text }
        }
        _ => return Err(unsupported(spec)),
    };
    let whole = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, after) = text.split_at(whole);
    let least = if zero_fill { spec.width.saturating_sub(sign.len() + after.len()) } else { 0 };
    let digits = if digits.is_empty() { String::new() } else { grouped(digits, spec.group, 3, least) };
    Ok(padded(spec, '>', sign, &(digits + after)))
}

/// Like 'g', but with a digit behind the point, and the exponent from `precision` on.
fn repr_with(value: f64, precision: usize) -> String {
    let rounded = format!("{value:.*e}", precision - 1);
    let exponent: i64 = rounded.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    // 1.0 in ".1": Python asks for one digit more than it has before it goes over to the exponent.
    if exponent >= -4 && exponent < precision as i64 - 1 || exponent < 0 && exponent >= -4 {
        let text = float_text(value, 'g', precision, false);
        return if text.contains('.') { text } else { text + ".0" };
    }
    let text = float_text(value, 'e', precision - 1, false);
    let (number, exponent) = text.split_at(text.find('e').unwrap_or(text.len()));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number}{exponent}")
}

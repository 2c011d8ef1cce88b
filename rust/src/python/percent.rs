//! Python's formatting by `%`: "%s has %5.1f" % (name, x), "%(name)s" % mapping.

use minijinja::value::Value;
use minijinja::Error;

use super::args::{integer, refused, text};
use super::number::float_text;
use super::value::{ascii, check, kind, repr, str_of, type_name, Kind};
use crate::budget;

#[derive(Default)]
struct Spec {
    left: bool,
    zero: bool,
    alternate: bool,
    plus: bool,
    space: bool,
    width: usize,
    precision: Option<usize>,
}

/// Wider or more precise than anything but a bomb.
const MAX_WIDTH: usize = 10_000;

impl Spec {
    fn signed(&self, negative: bool, prefix: &str, digits: &str, may_zero: bool) -> String {
        let sign = if negative { "-" } else if self.plus { "+" } else if self.space { " " } else { "" };
        let missing = self.width.saturating_sub(sign.len() + prefix.len() + digits.len());
        if self.zero && !self.left && may_zero {
            return format!("{sign}{prefix}{}{digits}", "0".repeat(missing));
        }
        self.padded(format!("{sign}{prefix}{digits}"))
    }

    fn padded(&self, text: String) -> String {
        let blanks = " ".repeat(self.width.saturating_sub(text.chars().count()));
        if self.left { text + &blanks } else { blanks + &text }
    }
}

/// Hands out the values of the right side in turn.
struct Values<'a> {
    all: &'a [Value],
    next: usize,
}

impl<'a> Values<'a> {
    fn take(&mut self) -> Result<&'a Value, Error> {
        self.next += 1;
        self.all.get(self.next - 1).ok_or_else(|| refused("not enough arguments for format string"))
    }
}

pub fn format(format: &str, arguments: &Value) -> Result<String, Error> {
    let single = std::slice::from_ref(arguments);
    // To Python whatever has items is one, and need not be used up.
    let mapping = matches!(kind(arguments), Kind::Dict(_) | Kind::List(_) | Kind::Other);
    let mut values = Values { all: if let Kind::Tuple(items) = kind(arguments) { items } else { single }, next: 0 };
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    let incomplete = || refused("incomplete format");
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        check()?;
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let mut named = None;
        if chars.next_if_eq(&'(').is_some() {
            let mut depth = 1;
            let mut key = String::new();
            loop {
                let c = chars.next().ok_or_else(|| refused("incomplete format key"))?;
                depth += i32::from(c == '(') - i32::from(c == ')');
                if depth == 0 {
                    break;
                }
                key.push(c);
            }
            let Kind::Dict(dict) = kind(arguments) else { return Err(refused("format requires a mapping")) };
            named = Some(dict.get(&Value::from(key.as_str())).ok_or_else(|| refused(format!("KeyError: '{key}'")))?);
        }
        let mut spec = Spec::default();
        while let Some(flag) = chars.next_if(|c| "-0# +".contains(*c)) {
            match flag {
                '-' => spec.left = true,
                '0' => spec.zero = true,
                '#' => spec.alternate = true,
                '+' => spec.plus = true,
                _ => spec.space = true,
            }
        }
        let (width, negative) = count(&mut chars, &mut values)?;
        spec.width = width;
        spec.left |= negative;
        if chars.next_if_eq(&'.').is_some() {
            let (precision, negative) = count(&mut chars, &mut values)?;
            spec.precision = Some(if negative { 0 } else { precision });
        }
        let _ = chars.next_if(|c| "hlL".contains(*c));
        let conversion = chars.next().ok_or_else(incomplete)?;
        let value = match named {
            Some(value) => value,
            None => values.take()?,
        };
        let piece = converted(conversion, &spec, value)?;
        if !budget::has_room(2 * (out.len() + piece.len())) {
            return Err(refused("needs too much memory or time"));
        }
        out.push_str(&piece);
    }
    if values.next < values.all.len() && !mapping {
        return Err(refused("not all arguments converted during string formatting"));
    }
    Ok(out)
}

/// A width or precision: digits, or `*` for the next value; and whether it is negative.
fn count(chars: &mut std::iter::Peekable<std::str::Chars>, values: &mut Values) -> Result<(usize, bool), Error> {
    let n = if chars.next_if_eq(&'*').is_some() {
        integer(values.take()?, "* wants int")?
    } else {
        let mut n = 0i128;
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            n = (n * 10 + i128::from(digit as u8 - b'0')).min(1 << 40);
        }
        n
    };
    match usize::try_from(n.unsigned_abs()) {
        Ok(size) if size <= MAX_WIDTH => Ok((size, n < 0)),
        _ => Err(refused(format!("width or precision {n}, at most {MAX_WIDTH}"))),
    }
}

fn converted(conversion: char, spec: &Spec, value: &Value) -> Result<String, Error> {
    match conversion {
        's' | 'r' | 'a' => {
            let mut text = match conversion {
                's' => str_of(value)?,
                'r' => repr(value)?,
                _ => ascii(value)?,
            };
            if let Some((end, _)) = spec.precision.and_then(|n| text.char_indices().nth(n)) {
                text.truncate(end);
            }
            Ok(spec.padded(text))
        }
        'c' => {
            let letter = match kind(value) {
                Kind::Str(s) if s.chars().count() == 1 => s.to_string(),
                Kind::Int(_) | Kind::Bool(_) => {
                    let letter = u32::try_from(integer(value, "%c")?).ok().and_then(char::from_u32);
                    letter.ok_or_else(|| refused("%c arg not in range(0x110000)"))?.to_string()
                }
                _ => return Err(refused("%c requires int or char")),
            };
            Ok(spec.padded(letter))
        }
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => integer_text(conversion, spec, value),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let number = match kind(value) {
                Kind::Float(f) => f,
                Kind::Int(n) => n as f64,
                Kind::Bool(b) => f64::from(u8::from(b)),
                _ => return Err(refused(format!("must be real number, not {}", type_name(value)))),
            };
            let digits = float_text(number.abs(), conversion, spec.precision.unwrap_or(6), spec.alternate);
            let digits = if conversion.is_uppercase() { digits.to_uppercase() } else { digits };
            let negative = number.is_sign_negative() && !number.is_nan();
            Ok(spec.signed(negative, "", &digits, true))
        }
        _ => Err(refused(format!("unsupported format character '{conversion}' (0x{:x})", conversion as u32))),
    }
}

fn integer_text(conversion: char, spec: &Spec, value: &Value) -> Result<String, Error> {
    let number = match kind(value) {
        Kind::Int(n) => n,
        Kind::Bool(b) => i128::from(b),
        Kind::Float(f) if "diu".contains(conversion) => {
            if !f.is_finite() || f.abs() >= 1e38 {
                return Err(refused(format!("cannot convert float {f} to integer")));
            }
            f.trunc() as i128
        }
        _ if "diu".contains(conversion) => {
            return Err(refused(format!("%{conversion} format: a real number is required, not {}", type_name(value))))
        }
        _ => return Err(refused(format!("%{conversion} format: an integer is required, not {}", type_name(value)))),
    };
    let magnitude = number.unsigned_abs();
    let (prefix, digits) = match conversion {
        'x' => ("0x", format!("{magnitude:x}")),
        'X' => ("0X", format!("{magnitude:X}")),
        'o' => ("0o", format!("{magnitude:o}")),
        _ => ("", magnitude.to_string()),
    };
    let digits = match spec.precision {
        Some(least) => format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len()))),
        None => digits,
    };
    Ok(spec.signed(number < 0, if spec.alternate { prefix } else { "" }, &digits, true))
}

/// Jinja's filter `format`: the arguments of the call are what stands right of the `%`.
pub fn filter(value: &Value, positional: Vec<Value>, named: Vec<(String, Value)>) -> Result<String, Error> {
    if !positional.is_empty() && !named.is_empty() {
        return Err(refused("can't handle positional and keyword arguments at the same time"));
    }
    let template = str_of(value)?;
    let arguments = if named.is_empty() {
        super::value::tuple(positional)
    } else {
        super::value::dict(named.into_iter().map(|(key, value)| (Value::from(key), value)))
    };
    format(text(&Value::from(template), "format")?, &arguments)
}

//! The methods of str. Positions count characters, white space and digits are Unicode's as Python knows them.

use minijinja::value::Value;
use minijinja::Error;

use super::args::{given, integer, is_true, refused, required, size, text, Args};
use super::str_format;
use super::value::{dict, is_printable, items, kind, list, tuple, type_name, Kind};
use crate::budget;

pub const NAMES: &[&str] = &[
    "capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format", "format_map", "index",
    "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isprintable", "isspace",
    "istitle", "isupper", "join", "ljust", "lower", "lstrip", "maketrans", "partition", "removeprefix", "removesuffix", "replace",
    "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase",
    "title", "translate", "upper", "zfill",
];

pub fn call(s: &str, name: &str, args: Args) -> Result<Value, Error> {
    match name {
        "capitalize" => plain(args, name, || capitalize(s)),
        "casefold" if s.chars().all(|c| c.is_ascii() || !c.is_alphabetic()) => plain(args, name, || s.to_lowercase()),
        "lower" => plain(args, name, || s.to_lowercase()),
        "upper" => plain(args, name, || s.to_uppercase()),
        "swapcase" => plain(args, name, || swapped(s)),
        "title" => plain(args, name, || title(s)),
        "isalnum" => plain(args, name, || !s.is_empty() && s.chars().all(is_alnum)),
        "isalpha" => plain(args, name, || !s.is_empty() && s.chars().all(is_alpha)),
        "isascii" => plain(args, name, || s.is_ascii()),
        "isdecimal" => plain(args, name, || !s.is_empty() && s.chars().all(is_decimal)),
        "isdigit" => plain(args, name, || !s.is_empty() && s.chars().all(is_digit)),
        "isnumeric" => plain(args, name, || !s.is_empty() && s.chars().all(is_numeric)),
        "isidentifier" => plain(args, name, || is_identifier(s)),
        "islower" => plain(args, name, || is_lower(s)),
        "isupper" => plain(args, name, || is_upper(s)),
        "isprintable" => plain(args, name, || s.chars().all(is_printable)),
        "isspace" => plain(args, name, || !s.is_empty() && s.chars().all(is_space)),
        "istitle" => plain(args, name, || is_title(s)),
        "strip" | "lstrip" | "rstrip" => stripped(s, name, args),
        "removeprefix" | "removesuffix" => {
            let [part] = args.bind(name, ["part"])?;
            let part = required(part, name, "part")?;
            let part = text(&part, name)?;
            let rest = if name == "removeprefix" { s.strip_prefix(part) } else { s.strip_suffix(part) };
            Ok(Value::from(rest.unwrap_or(s)))
        }
        "startswith" | "endswith" => starts_or_ends(s, name, args),
        "find" | "rfind" | "index" | "rindex" | "count" => found(s, name, args),
        "replace" => {
            let [old, new, count] = args.bind(name, ["old", "new", "count"])?;
            let (old, new) = (required(old, name, "old")?, required(new, name, "new")?);
            let count = count.map_or(Ok(-1), |n| integer(&n, name))?;
            Ok(Value::from(replace(s, text(&old, name)?, text(&new, name)?, count)?))
        }
        "split" | "rsplit" => {
            let [separator, most] = args.bind(name, ["sep", "maxsplit"])?;
            let most = most.map_or(Ok(-1), |n| integer(&n, name))?;
            let most = if most < 0 { usize::MAX } else { usize::try_from(most).unwrap_or(usize::MAX) };
            let pieces = match given(separator) {
                None if name == "split" => split_blank(s, most),
                None => rsplit_blank(s, most),
                Some(separator) => match text(&separator, name)? {
                    "" => return Err(refused("empty separator")),
                    separator if name == "split" => s.splitn(most.saturating_add(1), separator).collect(),
                    separator => {
                        let mut pieces: Vec<&str> = s.rsplitn(most.saturating_add(1), separator).collect();
                        pieces.reverse();
                        pieces
                    }
                },
            };
            Ok(list(pieces.into_iter().map(Value::from).collect()))
        }
        "partition" | "rpartition" => {
            let [separator] = args.bind(name, ["sep"])?;
            let separator = required(separator, name, "sep")?;
            let separator = text(&separator, name)?;
            if separator.is_empty() {
                return Err(refused("empty separator"));
            }
            let parts = match if name == "partition" { s.split_once(separator) } else { s.rsplit_once(separator) } {
                Some((before, after)) => [before, separator, after],
                None if name == "partition" => [s, "", ""],
                None => ["", "", s],
            };
            Ok(tuple(parts.map(Value::from)))
        }
        "splitlines" => {
            let [keep] = args.bind(name, ["keepends"])?;
            Ok(list(lines(s, is_true(&keep)).into_iter().map(Value::from).collect()))
        }
        "join" => {
            let [parts] = args.bind(name, ["iterable"])?;
            let parts = items(&required(parts, name, "iterable")?)?;
            let mut texts = Vec::with_capacity(parts.len());
            for (at, part) in parts.iter().enumerate() {
                match kind(part) {
                    Kind::Str(part) => texts.push(part),
                    _ => return Err(refused(format!("sequence item {at}: expected str instance, {} found", type_name(part)))),
                }
            }
            joined(s, &texts)
        }
        "center" | "ljust" | "rjust" | "zfill" => {
            let [width, fill] = args.bind(name, ["width", "fillchar"])?;
            let width = size(&required(width, name, "width")?, name)?;
            if name == "zfill" && fill.is_some() {
                return Err(refused("zfill: 2 arguments, at most 1 are taken"));
            }
            let fill = fill.unwrap_or_else(|| Value::from(if name == "zfill" { "0" } else { " " }));
            let mut fill = text(&fill, name)?.chars();
            match (fill.next(), fill.next()) {
                (Some(fill), None) => Ok(Value::from(filled(s, name, width, fill)?)),
                _ => Err(refused("the fill character must be exactly one character long")),
            }
        }
        "expandtabs" => {
            let [tab] = args.bind(name, ["tabsize"])?;
            Ok(Value::from(expand_tabs(s, tab.map_or(Ok(8), |n| size(&n, name))?)?))
        }
        "format" => Ok(Value::from(str_format::format(s, &args)?)),
        "format_map" => {
            let [mapping] = args.bind(name, ["mapping"])?;
            let mapping = required(mapping, name, "mapping")?;
            let Kind::Dict(all) = kind(&mapping) else { return Err(refused("format_map: expected a dict")) };
            let named = all.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
            Ok(Value::from(str_format::format(s, &Args { positional: Vec::new(), named })?))
        }
        "translate" => translated(s, args),
        "maketrans" => table(args),
        _ => Err(refused(format!("str.{name} is not done here"))), // encode: bytes; casefold: letters beyond ASCII
    }
}

fn plain<T: Into<Value>>(args: Args, name: &str, answer: impl Fn() -> T) -> Result<Value, Error> {
    let [] = args.bind(name, [])?;
    Ok(answer().into())
}

pub fn too_much() -> Error {
    refused("needs too much memory or time")
}

pub fn joined(separator: &str, parts: &[&str]) -> Result<Value, Error> {
    let bytes = parts.iter().map(|part| part.len() + separator.len()).sum::<usize>();
    if !budget::has_room(2 * bytes) {
        return Err(too_much());
    }
    Ok(Value::from(parts.join(separator)))
}

/// White space to Python: Unicode's, and the four separators of ASCII.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// The zeros of Unicode's decimal digits; the other nine follow each.
const ZEROS: &[u32] = &[
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20, 0x1040,
    0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0,
    0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650,
    0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2,
    0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];
/// Digits that are no decimals: superscripts, circled ones and the like.
const DIGITS: &[(u32, u32)] = &[
    (0xb2, 0xb3), (0xb9, 0xb9), (0x1369, 0x1371), (0x19da, 0x19da), (0x2070, 0x2070), (0x2074, 0x2079), (0x2080, 0x2089),
    (0x2460, 0x2468), (0x2474, 0x247c), (0x2488, 0x2490), (0x24ea, 0x24ea), (0x24f5, 0x24fd), (0x24ff, 0x24ff),
    (0x2776, 0x277e), (0x2780, 0x2788), (0x278a, 0x2792), (0x10a40, 0x10a43), (0x10e60, 0x10e68), (0x11052, 0x1105a),
    (0x1f100, 0x1f10a),
];
/// Ideographs that stand for numbers.
const NUMERALS: &[u32] = &[
    0x3405, 0x3483, 0x382a, 0x3b4d, 0x4e00, 0x4e03, 0x4e07, 0x4e09, 0x4e5d, 0x4e8c, 0x4e94, 0x4e96, 0x4ebf, 0x4ec0, 0x4edf,
    0x4ee8, 0x4f0d, 0x4f70, 0x5104, 0x5146, 0x5169, 0x516b, 0x516d, 0x5341, 0x5343, 0x5344, 0x5345, 0x534c, 0x53c1, 0x53c2,
    0x53c3, 0x53c4, 0x56db, 0x58f1, 0x58f9, 0x5e7a, 0x5efe, 0x5eff, 0x5f0c, 0x5f0d, 0x5f0e, 0x5f10, 0x62fe, 0x634c, 0x67d2,
    0x6f06, 0x7396, 0x767e, 0x8086, 0x842c, 0x8cae, 0x8cb3, 0x8d30, 0x9621, 0x9646, 0x964c, 0x9678, 0x96f6, 0xf96b, 0xf973,
    0xf978, 0xf9b2, 0xf9d1, 0xf9d3, 0xf9fd, 0x20001, 0x20064, 0x200e2, 0x20121, 0x2092a, 0x20983, 0x2098c, 0x2099c, 0x20aea,
    0x20afd, 0x20b19, 0x22390, 0x22998, 0x23b1b, 0x2626d, 0x2f890,
];

fn is_decimal(c: char) -> bool {
    let code = c as u32;
    c.is_ascii_digit() || ZEROS.iter().any(|zero| (*zero..zero + 10).contains(&code))
}

/// What int() and float() read: any decimal digit counts.
pub fn ascii_digits(s: &str) -> String {
    let digit = |c: char| ZEROS.iter().find_map(|zero| (c as u32).checked_sub(*zero).filter(|digit| *digit < 10));
    s.chars().map(|c| digit(c).and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c)).collect()
}

fn is_digit(c: char) -> bool {
    is_decimal(c) || DIGITS.iter().any(|(first, last)| (*first..=*last).contains(&(c as u32)))
}

fn is_numeric(c: char) -> bool {
    c.is_numeric() || NUMERALS.contains(&(c as u32))
}

/// Letters only: Rust counts some marks and letter-like numbers as alphabetic too.
fn is_alpha(c: char) -> bool {
    c.is_alphabetic() && !c.is_numeric() && !is_mark(c)
}

/// A mark continues the character before it, which is when Rust would escape it standing alone.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && is_printable(c) && c.escape_debug().next() == Some('\\')
}

pub fn is_alnum(c: char) -> bool {
    is_alpha(c) || is_numeric(c)
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase()
}

pub fn is_lower(s: &str) -> bool {
    s.chars().any(char::is_lowercase) && !s.chars().any(char::is_uppercase)
}

pub fn is_upper(s: &str) -> bool {
    s.chars().any(char::is_uppercase) && !s.chars().any(char::is_lowercase)
}

fn is_title(s: &str) -> bool {
    let (mut before, mut any) = (false, false);
    for c in s.chars() {
        if c.is_uppercase() && before || c.is_lowercase() && !before {
            return false;
        }
        before = is_cased(c);
        any |= before;
    }
    any
}

fn is_identifier(s: &str) -> bool {
    let mut chars = s.chars();
    chars.next().is_some_and(|c| c == '_' || unicode_ident::is_xid_start(c)) && chars.all(unicode_ident::is_xid_continue)
}

pub fn capitalize(s: &str) -> String {
    let mut chars = s.chars();
    match chars.next() {
        Some(first) => title_case(first) + &chars.as_str().to_lowercase(),
        None => String::new(),
    }
}

/// The few letters whose title case is not their upper case are double letters.
fn title_case(c: char) -> String {
    match c {
        '\u{01c4}'..='\u{01c6}' => "\u{01c5}".to_string(),
        '\u{01c7}'..='\u{01c9}' => "\u{01c8}".to_string(),
        '\u{01ca}'..='\u{01cc}' => "\u{01cb}".to_string(),
        '\u{01f1}'..='\u{01f3}' => "\u{01f2}".to_string(),
        '\u{df}' => "Ss".to_string(),
        '\u{fb00}'..='\u{fb06}' => {
            let upper: String = c.to_uppercase().collect();
            capitalize(&upper)
        }
        _ => c.to_uppercase().collect(),
    }
}

fn title(s: &str) -> String {
    let (mut out, mut before) = (String::with_capacity(s.len()), false);
    for c in s.chars() {
        if before {
            out.extend(c.to_lowercase());
        } else {
            out.push_str(&title_case(c));
        }
        before = is_cased(c);
    }
    out
}

fn swapped(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        if c.is_uppercase() {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
    }
    out
}

fn stripped(s: &str, name: &str, args: Args) -> Result<Value, Error> {
    let [chars] = args.bind(name, ["chars"])?;
    let chars = given(chars);
    let set: Option<Vec<char>> = chars.as_ref().map(|c| text(c, name)).transpose()?.map(|c| c.chars().collect());
    Ok(Value::from(strip(s, set.as_deref(), name != "rstrip", name != "lstrip")))
}

pub fn strip<'a>(s: &'a str, set: Option<&[char]>, start: bool, end: bool) -> &'a str {
    let strips = |c: char| set.map_or_else(|| is_space(c), |set| set.contains(&c));
    let s = if start { s.trim_start_matches(strips) } else { s };
    if end { s.trim_end_matches(strips) } else { s }
}

/// The bytes of s[start:stop]; None: start is behind the end of s.
fn bounds(s: &str, start: Option<Value>, stop: Option<Value>, what: &str) -> Result<Option<(usize, usize)>, Error> {
    let (start, stop) = (given(start), given(stop));
    if start.is_none() && stop.is_none() {
        return Ok(Some((0, s.len())));
    }
    let count = s.chars().count() as i128;
    let end = |value: Option<Value>, default: i128| -> Result<i128, Error> {
        let n = value.map_or(Ok(default), |v| integer(&v, what))?;
        Ok(if n < 0 { n.saturating_add(count).max(0) } else { n })
    };
    let (start, stop) = (end(start, 0)?, end(stop, count)?.min(count));
    if start > count || start > stop {
        return Ok(None);
    }
    let byte = |n: i128| s.char_indices().nth(n as usize).map_or(s.len(), |(at, _)| at);
    Ok(Some((byte(start), byte(stop))))
}

fn starts_or_ends(s: &str, name: &str, args: Args) -> Result<Value, Error> {
    let [parts, start, stop] = args.bind(name, ["prefix", "start", "end"])?;
    let parts = required(parts, name, "prefix")?;
    let Some((from, to)) = bounds(s, start, stop, name)? else { return Ok(Value::from(false)) };
    let within = &s[from..to];
    let one = std::slice::from_ref(&parts);
    let all = if let Kind::Tuple(all) = kind(&parts) { all } else { one };
    for part in all {
        let part = text(part, name)?;
        if if name == "startswith" { within.starts_with(part) } else { within.ends_with(part) } {
            return Ok(Value::from(true));
        }
    }
    Ok(Value::from(false))
}

fn found(s: &str, name: &str, args: Args) -> Result<Value, Error> {
    let [part, start, stop] = args.bind(name, ["sub", "start", "end"])?;
    let part = required(part, name, "sub")?;
    let part = text(&part, name)?;
    let range = bounds(s, start, stop, name)?;
    if name == "count" {
        let Some((from, to)) = range else { return Ok(Value::from(0)) };
        let within = &s[from..to];
        return Ok(Value::from(if part.is_empty() { within.chars().count() + 1 } else { within.matches(part).count() }));
    }
    let at = range.and_then(|(from, to)| {
        let at = if name.starts_with('r') { s[from..to].rfind(part) } else { s[from..to].find(part) };
        at.map(|at| s[..from + at].chars().count())
    });
    match at {
        Some(at) => Ok(Value::from(at)),
        None if name.ends_with("index") => Err(refused("substring not found")),
        None => Ok(Value::from(-1)),
    }
}

pub fn replace(s: &str, old: &str, new: &str, count: i128) -> Result<String, Error> {
    let most = if count < 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
    let times = if old.is_empty() { s.len() + 1 } else { s.matches(old).count() }.min(most);
    if !budget::has_room(2 * (s.len() + times.saturating_mul(new.len()))) {
        return Err(too_much());
    }
    Ok(if most == usize::MAX { s.replace(old, new) } else { s.replacen(old, new, most) })
}

fn split_blank(s: &str, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = s.trim_start_matches(is_space);
    while !rest.is_empty() {
        if pieces.len() == most {
            pieces.push(rest); // with the white space at its end, as Python leaves it
            break;
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        pieces.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(is_space);
    }
    pieces
}

fn rsplit_blank(s: &str, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = s.trim_end_matches(is_space);
    while !rest.is_empty() {
        if pieces.len() == most {
            pieces.push(rest);
            break;
        }
        let start = rest.char_indices().rev().find(|(_, c)| is_space(*c)).map_or(0, |(at, c)| at + c.len_utf8());
        pieces.push(&rest[start..]);
        rest = rest[..start].trim_end_matches(is_space);
    }
    pieces.reverse();
    pieces
}

pub fn lines(s: &str, keep_ends: bool) -> Vec<&str> {
    let ends = |c: char| matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let mut all = Vec::new();
    let mut rest = s;
    while !rest.is_empty() {
        let end = rest.find(ends).unwrap_or(rest.len());
        let mark = if rest[end..].starts_with("\r\n") { 2 } else { rest[end..].chars().next().map_or(0, char::len_utf8) };
        all.push(&rest[..if keep_ends { end + mark } else { end }]);
        rest = &rest[end + mark..];
    }
    all
}

pub fn filled(s: &str, name: &str, width: usize, fill: char) -> Result<String, Error> {
    let missing = width.saturating_sub(s.chars().count());
    if !budget::has_room(missing.saturating_mul(8)) {
        return Err(too_much());
    }
    let fills = |n: usize| fill.to_string().repeat(n);
    Ok(match name {
        "ljust" => s.to_string() + &fills(missing),
        "rjust" => fills(missing) + s,
        "zfill" => {
            let digits = s.strip_prefix(['+', '-']).unwrap_or(s);
            format!("{}{}{digits}", &s[..s.len() - digits.len()], fills(missing))
        }
        _ => {
            // CPython puts the odd blank to the left when the width is odd.
            let left = missing / 2 + (missing & width & 1);
            fills(left) + s + &fills(missing - left)
        }
    })
}

fn expand_tabs(s: &str, tab: usize) -> Result<String, Error> {
    let tabs = s.matches('\t').count();
    if !budget::has_room(2 * (s.len() + tabs.saturating_mul(tab))) {
        return Err(too_much());
    }
    let (mut out, mut column) = (String::new(), 0);
    for c in s.chars() {
        match c {
            '\t' if tab > 0 => {
                let blanks = tab - column % tab;
                out.push_str(&" ".repeat(blanks));
                column += blanks;
            }
            '\t' => {}
            _ => {
                out.push(c);
                column = if c == '\n' || c == '\r' { 0 } else { column + 1 };
            }
        }
    }
    Ok(out)
}

/// A dict from code points to code points, strings or None.
fn translated(s: &str, args: Args) -> Result<Value, Error> {
    let [table] = args.bind("translate", ["table"])?;
    let table = required(table, "translate", "table")?;
    let Kind::Dict(table) = kind(&table) else { return Err(refused("translate: expected a dict")) };
    let mut out = String::new();
    for c in s.chars() {
        let Some(to) = table.get(&Value::from(c as u32)) else {
            out.push(c);
            continue;
        };
        match kind(to) {
            Kind::None => {}
            Kind::Str(text) => {
                if !budget::has_room(2 * (out.len() + text.len())) {
                    return Err(too_much());
                }
                out.push_str(text);
            }
            Kind::Int(code) => match u32::try_from(code).ok().and_then(char::from_u32) {
                Some(letter) => out.push(letter),
                None => return Err(refused("translate: not a character")),
            },
            _ => return Err(refused("translate: expected code points, strings or None")),
        }
    }
    Ok(Value::from(out))
}

fn table(args: Args) -> Result<Value, Error> {
    let [from, to, gone] = args.bind("maketrans", ["x", "y", "z"])?;
    let from = required(from, "maketrans", "x")?;
    let Some(to) = to else {
        let Kind::Dict(all) = kind(&from) else { return Err(refused("maketrans: expected a dict")) };
        let mut pairs = Vec::with_capacity(all.len());
        for (key, value) in all {
            let mut letters = key.as_str().unwrap_or("").chars();
            pairs.push(match (letters.next(), letters.next()) {
                (Some(letter), None) => (Value::from(letter as u32), value.clone()),
                _ if key.is_integer() => (key.clone(), value.clone()),
                _ => return Err(refused("maketrans: keys must be characters or integers")),
            });
        }
        return Ok(dict(pairs));
    };
    let (from, to) = (text(&from, "maketrans")?, text(&to, "maketrans")?);
    if from.chars().count() != to.chars().count() {
        return Err(refused("maketrans: the first two arguments must have equal length"));
    }
    let code = |c: char| Value::from(c as u32);
    let mut pairs: Vec<_> = from.chars().zip(to.chars()).map(|(a, b)| (code(a), code(b))).collect();
    if let Some(gone) = gone {
        pairs.extend(text(&gone, "maketrans")?.chars().map(|c| (code(c), Value::from(()))));
    }
    Ok(dict(pairs))
}

//! How deep groups are nested, before a parser that may recurse sees the text.

use super::Failure;

pub const MAX_DEPTH: usize = 128;

/// Counts brackets that no backslash escapes. Those inside classes count too: more than enough for any real pattern.
pub fn check_regex(pattern: &str) -> Result<(), Failure> {
    let mut depth = 0usize;
    let mut bytes = pattern.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(Failure::too_large(format!("groups nested deeper than {MAX_DEPTH}")));
        }
    }
    Ok(())
}

/// Counts brackets outside strings, regular expressions and comments, and inside the regular expressions too.
pub fn check_lark(source: &str) -> Result<(), Failure> {
    let mut depth = 0usize;
    for (number, line) in source.lines().enumerate() {
        let mut bytes = line.bytes().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => {
                    while let Some(inside) = bytes.next() {
                        match inside {
                            b'\\' => {
                                bytes.next();
                            }
                            b'"' => break,
                            _ => {}
                        }
                    }
                }
                b'\\' => {
                    bytes.next();
                }
                b'/' if bytes.peek() == Some(&b'/') => break,
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_DEPTH {
                return Err(Failure::too_large(format!("line {}: groups nested deeper than {MAX_DEPTH}", number + 1)));
            }
        }
    }
    Ok(())
}

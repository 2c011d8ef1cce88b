//! Floats as Python writes them: repr, and the conversions e, f and g.

/// Python's repr of a float: the shortest digits that give it back, in the notation of C's %r.
pub fn float_repr(value: f64) -> String {
    if !value.is_finite() {
        return non_finite(value);
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let text = value.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    format!("{mantissa}{}", exponent_text(exponent))
}

fn exponent_text(exponent: i32) -> String {
    format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

pub fn non_finite(value: f64) -> String {
    let text = if value.is_nan() { "nan" } else if value > 0.0 { "inf" } else { "-inf" };
    text.to_string()
}

/// %f, %e or %g of a finite or infinite value, with its minus but no other sign. `alternate`: '#', the point always stays.
pub fn float_text(value: f64, conversion: char, precision: usize, alternate: bool) -> String {
    if !value.is_finite() {
        return non_finite(value);
    }
    match conversion.to_ascii_lowercase() {
        'f' => with_point(format!("{value:.precision$}"), alternate && precision == 0),
        'e' => scientific(value, precision, alternate),
        _ => general(value, precision.max(1), alternate),
    }
}

fn with_point(text: String, wanted: bool) -> String {
    if wanted {
        text + "."
    } else {
        text
    }
}

fn scientific(value: f64, precision: usize, alternate: bool) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = with_point(mantissa.to_string(), alternate && precision == 0);
    mantissa + &exponent_text(exponent.parse().unwrap_or(0))
}

fn general(value: f64, digits: usize, alternate: bool) -> String {
    let rounded = format!("{value:.*e}", digits - 1);
    let exponent: i64 = rounded.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let fixed = exponent >= -4 && exponent < digits as i64;
    let text = if fixed {
        let decimals = (digits as i64 - 1 - exponent) as usize;
        with_point(format!("{value:.decimals$}"), alternate && decimals == 0)
    } else {
        scientific(value, digits - 1, alternate)
    };
    if alternate {
        return text;
    }
    let (number, exponent) = text.split_at(text.find('e').unwrap_or(text.len()));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number}{exponent}")
}

/// round(value, digits) of a float: the nearest decimal, ties to even in binary as CPython does it.
pub fn rounded(value: f64, digits: i128) -> f64 {
    if !value.is_finite() || digits > 330 {
        return value;
    }
    if digits >= 0 {
        return format!("{value:.*}", digits as usize).parse().unwrap_or(value);
    }
    if digits < -330 {
        return 0.0 * value;
    }
    let unit = 10f64.powi(-digits as i32);
    (value / unit).round_ties_even() * unit
}

//! The part of strftime that chat templates use, on a time that the caller gives.

use std::fmt::Write;

const MONTHS: [&str; 12] = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Year, month 1-12 and day 1-31 of a count of days since 1970-01-01 in the Gregorian calendar.
/// Years begin in March here, so that the leap day is the last; an era is 400 years, 146,097 days.
fn civil_date(days: i64) -> (i64, usize, i64) {
    let shifted = days + 719_468; // days from 0000-03-01
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month as usize, day)
}

/// `seconds` since 1970-01-01 00:00 on the local clock. None: a directive that is not known.
pub fn strftime(format: &str, seconds: i64) -> Option<String> {
    let days = seconds.div_euclid(86_400);
    let second_of_day = seconds.rem_euclid(86_400);
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let weekday = DAYS[(days + 4).rem_euclid(7) as usize];
    let (month_name, half_day) = (MONTHS[month - 1], if hour < 12 { "AM" } else { "PM" });
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut directive = rest.next()?;
        let padded = directive != '-';
        if !padded {
            directive = rest.next()?; // %-d: no leading zero
        }
        let mut number = |value: i64| if padded { write!(out, "{value:02}") } else { write!(out, "{value}") };
        match directive {
            'd' => number(day),
            'm' => number(month as i64),
            'y' => number(year.rem_euclid(100)),
            'H' => number(hour),
            'I' => number(hour12),
            'M' => number(minute),
            'S' => number(second),
            'Y' => write!(out, "{year}"),
            'B' => write!(out, "{month_name}"),
            'b' => write!(out, "{}", &month_name[..3]),
            'A' => write!(out, "{weekday}"),
            'a' => write!(out, "{}", &weekday[..3]),
            'p' => write!(out, "{half_day}"),
            '%' => write!(out, "%"),
            _ => return None,
        }
        .ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::strftime;

    #[test]
    fn dates_are_those_of_the_gregorian_calendar() {
        assert_eq!(strftime("%Y-%m-%d %H:%M:%S %A", 0).unwrap(), "1970-01-01 00:00:00 Thursday");
        assert_eq!(strftime("%d %b %Y, %-I %p", 1_709_208_000).unwrap(), "29 Feb 2024, 12 PM");
        assert_eq!(strftime("%B %-d, %y 100%%", -1).unwrap(), "December 31, 69 100%");
    }

    #[test]
    fn an_unknown_directive_is_refused() {
        assert_eq!(strftime("%Q", 0), None);
        assert_eq!(strftime("%", 0), None);
    }
}

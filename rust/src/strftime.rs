//! strftime as Python's datetime.now() has it with the GNU C library, in the C locale, on a time that the caller gives.

const MONTHS: [&str; 12] = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// Wider than anything but a bomb.
const MAX_WIDTH: usize = 1024;

struct Time {
    local_seconds: i64,
    year: i64,
    month: i64,        // from 1
    day: i64,          // from 1
    day_of_year: i64,  // from 0
    weekday: i64,      // from Sunday
    hour: i64,
    minute: i64,
    second: i64,
}

/// Year, month 1-12 and day 1-31 of a count of days since 1970-01-01 in the Gregorian calendar.
/// Years begin in March here, so that the leap day is the last; an era is 400 years, 146,097 days.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468; // days from 0000-03-01
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

impl Time {
    fn new(local_seconds: i64) -> Time {
        let days = local_seconds.div_euclid(86_400);
        let second = local_seconds.rem_euclid(86_400);
        let (year, month, day) = civil_date(days);
        let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][month as usize - 1];
        let day_of_year = before + day - 1 + i64::from(month > 2 && is_leap(year));
        let weekday = (days + 4).rem_euclid(7);
        Time { local_seconds, year, month, day, day_of_year, weekday, hour: second / 3600, minute: second / 60 % 60, second: second % 60 }
    }

    /// Year and week of ISO 8601: weeks begin on Monday, the first is the one with the year's first Thursday.
    fn iso_week(&self) -> (i64, i64) {
        let thursday = self.day_of_year - (self.weekday + 6) % 7 + 3;
        let length = |year| 365 + i64::from(is_leap(year));
        if thursday < 0 {
            (self.year - 1, (thursday + length(self.year - 1)) / 7 + 1)
        } else if thursday >= length(self.year) {
            (self.year + 1, (thursday - length(self.year)) / 7 + 1)
        } else {
            (self.year, thursday / 7 + 1)
        }
    }
}

#[derive(Default, Clone, Copy)]
struct Flags {
    pad: Option<char>, // '0', '_', '-' or '+'
    upper: bool,
    swap: bool,
    width: usize,
}

impl Flags {
    fn number(&self, value: i64, digits: usize, default: char) -> String {
        let pad = self.pad.unwrap_or(default);
        let width = if pad == '-' { self.width } else { digits.max(self.width) };
        let text = value.abs().to_string();
        let sign = if value < 0 { "-" } else { "" };
        let missing = width.saturating_sub(text.len() + sign.len());
        if matches!(pad, '_' | '-') { format!("{}{sign}{text}", " ".repeat(missing)) } else { format!("{sign}{}{text}", "0".repeat(missing)) }
    }

    fn text(&self, text: &str, swapped_to_lower: bool) -> String {
        let text = if self.swap && swapped_to_lower {
            text.to_lowercase()
        } else if self.upper || self.swap {
            text.to_uppercase()
        } else {
            text.to_string()
        };
        let missing = self.width.saturating_sub(text.len());
        (if self.pad == Some('0') { "0" } else { " " }).repeat(missing) + &text
    }
}

/// `seconds` since 1970-01-01 00:00 on the local clock. What is no directive stays as it stands.
pub fn strftime(format: &str, local_seconds: i64) -> String {
    write(format, &Time::new(local_seconds))
}

fn write(format: &str, time: &Time) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let directive = &rest[at + 1..];
        let (size, text) = one(directive, time);
        out.push_str(&text);
        rest = &directive[size..];
    }
    out.push_str(rest);
    out
}

/// Bytes of the directive and its text. One that is not known is its own text, in its own flags and width.
fn one(directive: &str, time: &Time) -> (usize, String) {
    let mut flags = Flags::default();
    let mut at = 0;
    let byte = |at: usize| directive.as_bytes().get(at).copied().map(char::from);
    while let Some(flag) = byte(at).filter(|c| "_-0^#+".contains(*c)) {
        match flag {
            '^' => flags.upper = true,
            '#' => flags.swap = true,
            pad => flags.pad = Some(pad),
        }
        at += 1;
    }
    while let Some(digit) = byte(at).filter(char::is_ascii_digit) {
        flags.width = (flags.width * 10 + digit as usize - '0' as usize).min(MAX_WIDTH);
        at += 1;
    }
    let modifier = byte(at).filter(|c| matches!(c, 'E' | 'O'));
    at += usize::from(modifier.is_some());
    let Some(letter) = directive[at..].chars().next() else { return (at, format!("%{directive}")) };
    let size = at + letter.len_utf8();
    let known = match modifier {
        Some('E') => !"aAbBdDeFgGhHIjklmMSUVwW".contains(letter),
        Some('O') => !"aAcDFxXY".contains(letter),
        _ => true,
    };
    match known.then(|| text_of(letter, flags, time)).flatten() {
        Some(text) => (size, text),
        None => (size, Flags { swap: false, ..flags }.text(&format!("%{}", &directive[..size]), false)),
    }
}

fn text_of(letter: char, flags: Flags, time: &Time) -> Option<String> {
    let hour12 = if time.hour % 12 == 0 { 12 } else { time.hour % 12 };
    let half = if time.hour < 12 { "AM" } else { "PM" };
    let whole = |format: &str| flags.text(&write(format, time), false);
    let plain = Flags { swap: false, ..flags };
    Some(match letter {
        'a' => flags.text(&DAYS[time.weekday as usize][..3], false),
        'A' => flags.text(DAYS[time.weekday as usize], false),
        'b' | 'h' => flags.text(&MONTHS[time.month as usize - 1][..3], false),
        'B' => flags.text(MONTHS[time.month as usize - 1], false),
        'c' => plain.text(&write("%a %b %e %H:%M:%S %Y", time), false),
        'C' => flags.number(time.year.div_euclid(100), 2, '0'),
        'd' => flags.number(time.day, 2, '0'),
        'D' | 'x' => whole("%m/%d/%y"),
        'e' => flags.number(time.day, 2, '_'),
        'f' => "000000".to_string(), // Python's own: this clock counts seconds
        'F' => whole("%Y-%m-%d"),
        'g' => flags.number(time.iso_week().0.rem_euclid(100), 2, '0'),
        'G' => flags.number(time.iso_week().0, 1, '0'),
        'H' => flags.number(time.hour, 2, '0'),
        'I' => flags.number(hour12, 2, '0'),
        'j' => flags.number(time.day_of_year + 1, 3, '0'),
        'k' => flags.number(time.hour, 2, '_'),
        'l' => flags.number(hour12, 2, '_'),
        'm' => flags.number(time.month, 2, '0'),
        'M' => flags.number(time.minute, 2, '0'),
        'n' => flags.text("\n", false),
        'p' => flags.text(half, true),
        'P' => Flags { upper: false, swap: false, ..flags }.text(&half.to_lowercase(), false),
        'r' => whole("%I:%M:%S %p"),
        'R' => whole("%H:%M"),
        's' => flags.number(time.local_seconds, 1, '0'), // of a clock without a zone
        'S' => flags.number(time.second, 2, '0'),
        't' => flags.text("\t", false),
        'T' | 'X' => whole("%H:%M:%S"),
        'u' => flags.number((time.weekday + 6) % 7 + 1, 1, '0'),
        'U' => flags.number((time.day_of_year - time.weekday + 7) / 7, 2, '0'),
        'V' => flags.number(time.iso_week().1, 2, '0'),
        'w' => flags.number(time.weekday, 1, '0'),
        'W' => flags.number((time.day_of_year - (time.weekday + 6) % 7 + 7) / 7, 2, '0'),
        'y' => flags.number(time.year.rem_euclid(100), 2, '0'),
        'Y' => flags.number(time.year, 1, '0'),
        'z' | 'Z' => String::new(), // now() knows no zone
        '%' => flags.text("%", false),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::strftime;

    #[test]
    fn dates_are_those_of_the_gregorian_calendar() {
        assert_eq!(strftime("%Y-%m-%d %H:%M:%S %A", 0), "1970-01-01 00:00:00 Thursday");
        assert_eq!(strftime("%d %b %Y, %-I %p", 1_709_208_000), "29 Feb 2024, 12 PM");
        assert_eq!(strftime("%B %-d, %y 100%%", -1), "December 31, 69 100%");
    }

    #[test]
    fn weeks_of_iso_years_begin_on_monday() {
        assert_eq!(strftime("%G-W%V-%u", 1_735_603_200), "2025-W01-2"); // 2024-12-31
        assert_eq!(strftime("%G-W%V-%u", 1_609_459_200), "2020-W53-5"); // 2021-01-01
    }

    #[test]
    fn what_is_no_directive_stays_as_it_stands() {
        assert_eq!(strftime("%Q %é %", 0), "%Q %é %");
        assert_eq!(strftime("%-Q|%5!|%EQ", 0), "%-Q|  %5!|%EQ"); // in its width
    }
}

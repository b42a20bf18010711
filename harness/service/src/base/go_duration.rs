//! Durations as Go writes them, such as `1h30m` or `1.5s`.

const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
];
/// The unit that the server adds to Go's.
const DAY: (&str, i128) = ("d", 24 * 3_600 * 1_000_000_000);

/// Reads a duration in nanoseconds.
pub(crate) fn parse(text: &str) -> Option<i64> {
    parse_with(text, &UNITS)
}

/// Reads a duration in nanoseconds, which may have days.
///
/// Source: `temporalio/temporal: common/primitives/timestamp/parseduration.go`.
pub(crate) fn parse_with_days(text: &str) -> Option<i64> {
    let mut units = UNITS.to_vec();
    units.push(DAY);
    parse_with(text, &units)
}

fn parse_with(text: &str, units: &[(&str, i128)]) -> Option<i64> {
    let (sign, mut rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total_nanos = 0_i128;
    // Each part is a decimal number and a unit.
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| c != '.' && !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let (_, unit_nanos) = units.iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || number.len() > 20 {
            return None;
        }
        let digits = |digits: &str| {
            if digits.is_empty() {
                Some(0)
            } else {
                digits.parse::<i128>().ok()
            }
        };
        total_nanos += digits(whole)? * unit_nanos;
        total_nanos +=
            digits(fraction)? * unit_nanos / 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        rest = next;
    }
    i64::try_from(sign * total_nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn durations_have_parts_with_units() {
        assert_eq!(parse("1h30m"), Some(5_400 * SECOND));
        assert_eq!(parse("1.5s"), Some(1_500_000_000));
        assert_eq!(parse("-2m"), Some(-120 * SECOND));
        assert_eq!(parse("0"), Some(0));
        for wrong in ["", "5", "1x", "1d", ".s", "99999999999999999999h"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_are_the_servers_own() {
        assert_eq!(parse_with_days("1d12h"), Some(36 * 3600 * SECOND));
        assert_eq!(parse_with_days("0.5d"), Some(12 * 3600 * SECOND));
    }
}

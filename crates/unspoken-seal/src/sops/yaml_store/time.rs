//! Times as plain scalars: `2020-01-02`, with a time of day and an offset.

/// Reads a time and spells it as RFC 3339, with its own offset: these are the
/// bytes that sops hashes.
pub(super) fn parse(text: &str) -> Option<String> {
    let (year, rest) = text.split_at_checked(4)?;
    let year = digits(year, 4..=4)?;
    let (month, rest) = rest.strip_prefix('-')?.split_once('-')?;
    let month = digits(month, 1..=2)?;
    let at = rest.find(['T', 't', ' ']).unwrap_or(rest.len());
    let (day, rest) = rest.split_at_checked(at)?;
    let day = digits(day, 1..=2)?;
    jiff::civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()?;
    let date = format!("{year:04}-{month:02}-{day:02}");
    if rest.is_empty() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let (clock, offset) = match rest.strip_prefix(' ') {
        Some(clock) => (clock, "Z"),
        None => {
            let rest = rest.get(1..)?;
            rest.split_at_checked(rest.find(['Z', '+', '-'])?)?
        }
    };
    Some(format!("{date}T{}{}", time_of_day(clock)?, zone(offset)?))
}

fn time_of_day(text: &str) -> Option<String> {
    let mut parts = text.splitn(3, ':');
    let hour = digits(parts.next()?, 1..=2).filter(|&hour| hour < 24)?;
    let minute = digits(parts.next()?, 1..=2).filter(|&minute| minute < 60)?;
    let second = parts.next()?;
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let second = digits(second, 1..=2).filter(|&second| second < 60)?;
    digits(fraction, 1..=9)?;
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    Some(format!("{hour:02}:{minute:02}:{second:02}{dot}{fraction}"))
}

fn zone(text: &str) -> Option<String> {
    if text == "Z" {
        return Some(text.to_owned());
    }
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let hours = digits(hours, 2..=2).filter(|&hours| hours < 24)?;
    let minutes = digits(minutes, 2..=2).filter(|&minutes| minutes < 60)?;
    Some(if (hours, minutes) == (0, 0) { "Z".to_owned() } else { text.to_owned() })
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let all = text.bytes().all(|b| b.is_ascii_digit());
    if all && length.contains(&text.len()) { text.parse().ok() } else { None }
}

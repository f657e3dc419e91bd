//! Expiry dates: when a value must have been replaced.

use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::Date;
use thiserror::Error;

/// How many days ahead an expiry is reported as coming.
pub const SOON_DAYS: i32 = 30;

/// The last day on which a value is good, in UTC.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Expiry(Date);

/// How an expiry stands on a given day.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExpiryState {
    /// The day has passed, this many days ago.
    Expired {
        days: i32,
    },
    /// The day comes within [`SOON_DAYS`].
    Soon {
        days: i32,
    },
    Later {
        days: i32,
    },
}

/// Why a text names no expiry.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ExpiryError {
    #[error("an expiry is a date (`2027-01-31`), `in N days` or `never`")]
    Form,
    #[error("that day is not in the calendar")]
    Calendar,
}

impl Expiry {
    /// Reads the one stored form, `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, ExpiryError> {
        let digits_at = |range: std::ops::Range<usize>| {
            text.as_bytes().get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
        };
        let dashes = text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-');
        if text.len() != 10 || !dashes || !digits_at(0..4) || !digits_at(5..7) || !digits_at(8..10)
        {
            return Err(ExpiryError::Form);
        }
        text.parse().map(Self).map_err(|_| ExpiryError::Calendar)
    }

    /// Reads what a person types: a date, `in N days`, or `never` (which is
    /// `None`).
    pub fn parse_when(text: &str, today: Date) -> Result<Option<Self>, ExpiryError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["never"] => Ok(None),
            ["in", count, "day" | "days"] => {
                let days: i32 = count.parse().map_err(|_| ExpiryError::Form)?;
                if !(0..=36_525).contains(&days) {
                    return Err(ExpiryError::Calendar);
                }
                let date = today.checked_add(days.days()).map_err(|_| ExpiryError::Calendar)?;
                Ok(Some(Self(date)))
            }
            [date] => Self::parse(date).map(Some),
            _ => Err(ExpiryError::Form),
        }
    }

    pub fn state(self, today: Date) -> ExpiryState {
        let days = today.until(self.0).map_or(i32::MAX, |span| span.get_days());
        match days {
            ..0 => ExpiryState::Expired { days: -days },
            0..=SOON_DAYS => ExpiryState::Soon { days },
            _ => ExpiryState::Later { days },
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn parse_when_reads_what_a_person_types() {
        #[track_caller]
        fn case(text: &str, expected: Result<Option<&str>, ExpiryError>) {
            let found = Expiry::parse_when(text, date(2026, 11, 21));
            assert_eq!(
                found,
                expected.map(|day| day.map(|d| Expiry::parse(d).unwrap())),
                "{text:?}"
            );
        }

        case("2027-01-31", Ok(Some("2027-01-31")));
        case("never", Ok(None));
        case("in 10 days", Ok(Some("2026-12-01")));
        case("in 1 day", Ok(Some("2026-11-22")));
        case("in -1 days", Err(ExpiryError::Calendar));
        case("in 99999999999 days", Err(ExpiryError::Form));
        case("2027-02-30", Err(ExpiryError::Calendar));
        case("2027-1-31", Err(ExpiryError::Form));
        case("+002027-01-31", Err(ExpiryError::Form));
        case("2027-01-31T00:00", Err(ExpiryError::Form));
        case("tomorrow", Err(ExpiryError::Form));
        case("", Err(ExpiryError::Form));
    }

    #[test]
    fn the_day_itself_is_still_good() {
        let expiry = Expiry::parse("2026-11-21").unwrap();
        assert_eq!(expiry.state(date(2026, 11, 21)), ExpiryState::Soon { days: 0 });
        assert_eq!(expiry.state(date(2026, 11, 22)), ExpiryState::Expired { days: 1 });
        assert_eq!(expiry.state(date(2026, 10, 22)), ExpiryState::Soon { days: 30 });
        assert_eq!(expiry.state(date(2026, 10, 21)), ExpiryState::Later { days: 31 });
        assert_eq!(expiry.state(date(2020, 10, 21)), ExpiryState::Later { days: 2222 });
    }
}

//! Which descriptors a bundle is on: the text of `UNSPOKEN_FD`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The numbers of descriptors, such as `3,20`.
///
/// Invariant: at least one, each from [`Descriptors::FIRST`] to
/// [`Descriptors::LAST`], none twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Descriptors(Vec<u16>);

/// Why a text is no [`Descriptors`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum DescriptorsError {
    #[error("it is not a list of numbers separated by commas, such as `3,20`")]
    NotNumbers,
    #[error("a descriptor is a number from {first} to {last}, not {found}", first = Descriptors::FIRST, last = Descriptors::LAST)]
    Range { found: u32 },
    #[error("the descriptor {number} is listed twice")]
    Twice { number: u16 },
}

impl Descriptors {
    /// The first after the standard streams.
    pub const FIRST: u16 = 3;
    /// What a process may have open by the usual limit.
    pub const LAST: u16 = 1023;

    /// Reads a list, or says what spoils it.
    pub fn parse(text: &str) -> Result<Self, DescriptorsError> {
        let mut numbers = Vec::new();
        for word in text.split(',') {
            let digits = word.bytes().all(|byte| byte.is_ascii_digit());
            let number = word.parse().ok().filter(|_: &u32| digits);
            let found = number.ok_or(DescriptorsError::NotNumbers)?;
            let number = u16::try_from(found)
                .ok()
                .filter(|number| (Self::FIRST..=Self::LAST).contains(number))
                .ok_or(DescriptorsError::Range { found })?;
            if numbers.contains(&number) {
                return Err(DescriptorsError::Twice { number });
            }
            numbers.push(number);
        }
        Ok(Self(numbers))
    }

    pub fn numbers(&self) -> &[u16] {
        &self.0
    }
}

/// 3 is the contract. 20 survives Node, which closes 3 to 15 when it starts
/// another program, and so `npm run`.
impl Default for Descriptors {
    fn default() -> Self {
        Self(vec![3, 20])
    }
}

impl FromStr for Descriptors {
    type Err = DescriptorsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Descriptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<_> = self.0.iter().map(u16::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

#[test]
fn a_list_is_numbers_above_the_standard_streams() {
    #[track_caller]
    fn wrong(text: &str, expected: DescriptorsError) {
        assert_eq!(Descriptors::parse(text), Err(expected), "{text:?}");
    }

    assert_eq!(Descriptors::parse("3,20"), Ok(Descriptors::default()));
    assert_eq!(Descriptors::parse("1023").unwrap().to_string(), "1023");
    for text in ["", ",", "3,", "3 ,20", "+3", "-1", "three", "99999999999"] {
        wrong(text, DescriptorsError::NotNumbers);
    }
    wrong("2", DescriptorsError::Range { found: 2 });
    wrong("3,1024", DescriptorsError::Range { found: 1024 });
    wrong("3,20,3", DescriptorsError::Twice { number: 3 });
}

//! The signatures of the library for Rust, as far as generated modules need them.

#[derive(Clone)]
pub struct Secret;

#[derive(Debug)]
pub struct Error;

impl Secret {
    pub fn expose(&self) -> &str {
        ""
    }
}

pub fn get(_: &str) -> Result<Secret, Error> {
    Ok(Secret)
}

pub fn optional(_: &str) -> Result<Option<Secret>, Error> {
    Ok(None)
}

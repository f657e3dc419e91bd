//! What is piped in.

use std::fs::File;
use std::io::{Read as _, stdin};
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::{Code, Failure};

/// Reads standard input, at most `limit` bytes of it.
pub(crate) fn read_stdin(limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room for all of it, so that it never moves and leaves a copy; what is not
    // used is never touched.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    // Standard input's own buffer is passed by for reads this large.
    stdin().lock().take(limit as u64).read_to_end(&mut bytes).map_err(|error| {
        Failure::new(Code::Other, format!("cannot read standard input: {error}"))
    })?;
    Ok(bytes)
}

/// Reads a file that may hold values, at most `limit` bytes of it; `-` is
/// standard input.
pub(crate) fn read_file(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if path == Path::new("-") {
        return read_stdin(limit);
    }
    let read = || {
        let file = File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(limit);
        let mut bytes = Zeroizing::new(Vec::with_capacity(length.min(limit) + 1));
        file.take(limit as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error: std::io::Error| {
        Failure::new(Code::Other, format!("cannot read `{}`: {error}", path.display()))
    })
}

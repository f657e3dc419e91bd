//! Where the bundle is: on a descriptor that `UNSPOKEN_FD` lists, or in `UNSPOKEN_BUNDLE`.

use std::{
    ffi::OsString,
    io::{self, Read as _},
    os::unix::{ffi::OsStringExt as _, fs::FileExt as _},
    thread,
    time::Duration,
};

use zeroize::Zeroizing;

use crate::{
    Error, Secrets, bundle,
    inherited::{self, Inherited, Kind},
    refusal::{LARGEST, Refusal},
};

/// Lists the descriptors of the bundle, and says that they are ours.
pub(crate) const FD: &str = "UNSPOKEN_FD";

/// Holds the bundle where no descriptor can be passed.
const BUNDLE: &str = "UNSPOKEN_BUNDLE";

/// The buffer's first size: what a pipe holds.
const FIRST: usize = 64 * 1024;

type Content = Zeroizing<Vec<u8>>;

/// Reads and parses the bundle, or ends the process.
pub(crate) fn load() -> Result<Secrets, Error> {
    let Some(content) = find()? else { return Ok(Secrets::default()) };
    let parsed = content.and_then(|content| match content.len() {
        ..=LARGEST => bundle::parse(&content),
        _ => Err(Refusal::Large),
    });
    parsed.or_else(|refusal| refusal.exit())
}

/// Finds the content; the outer error can be handled, the inner one cannot.
fn find() -> Result<Option<Result<Content, Refusal>>, Error> {
    let carried =
        inherited::take_variable(BUNDLE).map(|text| Ok(Content::new(OsString::into_vec(text))));
    let Some(listed) = std::env::var_os(FD) else { return Ok(carried) };
    let numbers = numbers(FD, &listed)?;
    let sent = inherited::take_first(&numbers, |kind| !matches!(kind, Kind::Sink | Kind::Other));
    let found = match (sent, carried) {
        (Some(sent), _) => read(&sent),
        (None, Some(carried)) => carried,
        // The variable stays, so that a child that asks is told the same.
        (None, None) => return Err(Error::Closed { variable: FD }),
    };
    inherited::take_variable(FD);
    Ok(Some(found))
}

/// Reads a list of descriptors: decimal numbers from 3 on, separated by commas.
pub(crate) fn numbers(variable: &'static str, listed: &OsString) -> Result<Vec<i32>, Error> {
    let number = |word: &str| {
        let digits = word.bytes().all(|digit| digit.is_ascii_digit());
        word.parse().ok().filter(|&number: &i32| digits && number > 2)
    };
    let listed = listed.to_str().and_then(|text| text.split(',').map(number).collect());
    listed.ok_or(Error::Malformed { variable })
}

/// Reads to the end.
fn read(inherited: &Inherited) -> Result<Content, Refusal> {
    let mut file = &inherited.file;
    let content = fill(|room, at| match inherited.kind {
        // The offset of a memory file is shared with others that read it.
        Kind::Memory => file.read_at(room, at),
        _ => file.read(room),
    });
    match content {
        Ok(content) if content.is_empty() => Err(Refusal::Empty),
        Ok(content) => Ok(content),
        Err(error) => Err(Refusal::Read { kind: error.kind() }),
    }
}

/// Fills a buffer that is wiped whenever it is outgrown. It ends one byte after what is allowed,
/// which tells.
fn fill(mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>) -> io::Result<Content> {
    let mut buffer = Content::new(vec![0; FIRST]);
    let mut filled = 0;
    loop {
        match read(&mut buffer[filled..], filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A launcher may have left the pipe non-blocking while the sender still writes.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
        if filled > LARGEST {
            break;
        }
        if filled == buffer.len() {
            let mut larger = Content::new(vec![0; (2 * filled).min(LARGEST + 1)]);
            larger[..filled].copy_from_slice(&buffer);
            buffer = larger;
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_descriptors_is_read_strictly() {
        #[track_caller]
        fn case(listed: &str, expected: Option<&[i32]>) {
            let found = numbers(FD, &listed.into());
            assert_eq!(found.ok().as_deref(), expected, "{listed:?}");
        }

        case("3", Some(&[3]));
        case("3,20", Some(&[3, 20]));
        for listed in ["", ",", "3,", "2", "0,1,2", "3,2", "+3", "-3", " 3", "3 ", "three", "3;4"] {
            case(listed, None);
        }
        case("99999999999", None);
    }

    #[test]
    fn an_endless_content_ends_one_byte_too_late() {
        let content = fill(|room, _| Ok(room.len())).unwrap();

        assert_eq!(content.len(), LARGEST + 1);
    }

    #[test]
    fn the_buffer_grows_and_ends_where_the_content_ends() {
        for size in [0, 1, FIRST - 1, FIRST, FIRST + 1, 5 * FIRST + 3] {
            let whole: Vec<u8> = (0..=250).cycle().take(size).collect();
            let mut rest = whole.as_slice();
            let mut interrupted = false;

            let content = fill(|room, at| {
                assert_eq!(at, (whole.len() - rest.len()) as u64);
                interrupted = !interrupted;
                if interrupted { Err(io::ErrorKind::WouldBlock.into()) } else { rest.read(room) }
            });

            assert!(*content.unwrap() == whole, "{size}");
        }
    }
}

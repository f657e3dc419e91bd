//! What this machine keeps of one vault: what its token is for, and the token itself or
//! that the keychain has it. Pure: text in, text out.
//!
//! Rules:
//! - Comments, and each of the keys once, in their order. Whatever else stands there, the
//!   record is not used.
//! - No error repeats what stands in a record.

use jiff::Timestamp;
use thiserror::Error;
use unspoken_model::shown;
use unspoken_seal::TokenAuth;
use zeroize::Zeroizing;

use super::VaultUrl;

/// What is known of a token without asking its vault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenNote {
    /// The person or the machine whose it is, as the vault said.
    pub holder: String,
    pub expires: Timestamp,
}

/// A record, read.
#[derive(Debug)]
pub(super) struct TokenRecord {
    pub(super) url: VaultUrl,
    pub(super) note: TokenNote,
    /// `None`: the keychain has it.
    pub(super) token: Option<TokenAuth>,
}

/// Why a text is no record of a vault.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TokenRecordError {
    #[error("it is not UTF-8 text")]
    NotText,
    #[error("`{key}` is not as it is written")]
    Field { key: &'static str },
    #[error("line {line} belongs to nothing")]
    Line { line: usize },
}

const HEAD: &str =
    "# A token for one vault. Whoever has it can do what it is for: `unspoken logout` ends it.\n";

/// The keys, in their order. The last one has one of two values.
const VAULT: &str = "vault";
const HOLDER: &str = "holder";
const EXPIRES: &str = "expires";
const TOKEN: &str = "token";
const KEYCHAIN: &str = "in the keychain";

impl TokenRecord {
    /// How long a holder's name may be.
    const HOLDER: usize = 400;

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TokenRecordError> {
        let text = std::str::from_utf8(bytes).map_err(|_| TokenRecordError::NotText)?;
        let mut lines =
            (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let mut next = |key: &'static str| {
            let line = lines.next().map(|(_, line)| line);
            let rest = line.and_then(|line| line.strip_prefix(key)?.strip_prefix(": "));
            rest.ok_or(TokenRecordError::Field { key })
        };
        let wrong = |key| TokenRecordError::Field { key };
        let url = next(VAULT)?;
        // One spelling: what is looked for is the same text.
        let url = VaultUrl::parse(url).ok().filter(|read| read.as_str() == url);
        let url = url.ok_or(wrong(VAULT))?;
        let holder = next(HOLDER)?;
        let expires: Timestamp = next(EXPIRES)?.parse().map_err(|_| wrong(EXPIRES))?;
        let token = match next(TOKEN)? {
            KEYCHAIN => None,
            token => Some(TokenAuth::parse(token).map_err(|_| wrong(TOKEN))?),
        };
        if let Some((line, _)) = lines.next() {
            return Err(TokenRecordError::Line { line });
        }
        Ok(Self { url, note: TokenNote { holder: holder.to_owned(), expires }, token })
    }

    pub(super) fn print(&self) -> Zeroizing<Vec<u8>> {
        let holder: String = shown(&self.note.holder).chars().take(Self::HOLDER).collect();
        let (url, expires) = (&self.url, self.note.expires);
        let open =
            format!("{HEAD}{VAULT}: {url}\n{HOLDER}: {holder}\n{EXPIRES}: {expires}\n{TOKEN}: ");
        // Room for all of it, so that it never moves and leaves a copy.
        let mut text = Zeroizing::new(Vec::with_capacity(open.len() + 128));
        text.extend_from_slice(open.as_bytes());
        match &self.token {
            Some(token) => text.extend_from_slice(token.expose().as_bytes()),
            None => text.extend_from_slice(KEYCHAIN.as_bytes()),
        }
        text.push(b'\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use unspoken_seal::{PlainToken, TokenKind};

    use super::*;

    fn record(token: Option<TokenAuth>) -> TokenRecord {
        TokenRecord {
            url: VaultUrl::parse("https://vault.example.com").unwrap(),
            note: TokenNote {
                holder: "ada@example.com".to_owned(),
                expires: Timestamp::from_second(1_800_000_000).unwrap(),
            },
            token,
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_printed() {
        let token = PlainToken::random(TokenKind::Cli).auth();
        for kept in [Some(token.copy()), None] {
            let printed = record(kept).print();
            let read = TokenRecord::parse(&printed).unwrap();
            assert_eq!((&read.url, &read.note), (&record(None).url, &record(None).note));
            assert!(read.token.as_ref().is_none_or(|read| read.fits(&token.hash())));
            assert!(read.print() == printed, "another spelling");
            let shown = format!("{read:?}");
            assert!(!shown.contains("unspa_"), "{shown}");
        }
    }

    #[test]
    fn whatever_is_added_or_left_out_is_told_by_its_key_alone() {
        let printed = String::from_utf8(record(None).print().to_vec()).unwrap();
        let lines: Vec<&str> = printed.lines().collect();
        for (at, key) in (1..).zip([VAULT, HOLDER, EXPIRES, TOKEN]) {
            let mut fewer = lines.clone();
            fewer.remove(at);
            let error = TokenRecord::parse(fewer.join("\n").as_bytes()).unwrap_err();
            assert_eq!(error, TokenRecordError::Field { key });
        }
        let more = format!("{printed}token: x\n");
        assert_eq!(
            TokenRecord::parse(more.as_bytes()).unwrap_err(),
            TokenRecordError::Line { line: 6 }
        );
        let other = printed.replace("https://vault", "HTTPS://vault");
        assert_eq!(
            TokenRecord::parse(other.as_bytes()).unwrap_err(),
            TokenRecordError::Field { key: VAULT }
        );
        assert_eq!(TokenRecord::parse(b"\xff").unwrap_err(), TokenRecordError::NotText);
    }

    #[test]
    fn a_name_of_the_vaults_choosing_stays_in_its_line() {
        let mut forged = record(None);
        forged.note.holder = format!("a\ntoken: {}\u{1b}[2J", "x".repeat(1000));
        let read = TokenRecord::parse(&forged.print()).unwrap();
        assert!(read.token.is_none() && read.note.holder.len() <= TokenRecord::HOLDER);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_record_or_not(
            bytes: Vec<u8>,
            lines in "(vault: https://a\n|holder: .{0,9}\n|expires: 2027-01-01T00:00:00Z\n|token: .{0,70}\n){0,6}",
        ) {
            let _ = TokenRecord::parse(&bytes);
            if let Ok(read) = TokenRecord::parse(lines.as_bytes()) {
                let again = TokenRecord::parse(&read.print()).unwrap();
                proptest::prop_assert_eq!(again.url, read.url);
            }
        }
    }
}

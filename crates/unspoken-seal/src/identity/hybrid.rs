//! `AGE-SECRET-KEY-PQ-1…`: the private half of `age1pq1…`.

use age::DecryptError;
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use crate::hazmat::hybrid::{HybridSecret, open};
use crate::key_text;
use crate::recipient::{HybridRecipient, PURPOSE};

const PREFIX: &str = "AGE-SECRET-KEY-PQ-";
pub(super) const START: &str = "AGE-SECRET-KEY-PQ-1";

/// How much longer a sealed text is.
const TAG: usize = 16;

pub(super) struct HybridIdentity(HybridSecret);

impl HybridIdentity {
    pub(super) fn generate() -> Self {
        Self(HybridSecret::random())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        HybridSecret::new(&key_text::parse(PREFIX, text)?).map(Self)
    }

    pub(super) fn expose(&self) -> Zeroizing<String> {
        // The prefix is one that Bech32 allows.
        key_text::print(PREFIX, self.0.expose()).unwrap_or_default()
    }

    pub(super) fn to_public(&self) -> HybridRecipient {
        HybridRecipient(self.0.public())
    }
}

impl age::Identity for HybridIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != PURPOSE.stanza {
            return None;
        }
        let invalid = Some(Err(DecryptError::InvalidHeader));
        let [share] = stanza.args.as_slice() else { return invalid };
        let Ok(share) = STANDARD_NO_PAD.decode(share) else { return invalid };
        if !HybridSecret::is_share(&share) || stanza.body.len() != FILE_KEY_BYTES + TAG {
            return invalid;
        }
        let Some(secret) = self.0.receive(&share) else { return invalid };
        let key = open(&secret, PURPOSE.message, &stanza.body)?;
        Some(FileKey::try_init_with_mut(|file_key| {
            if key.len() != file_key.len() {
                return Err(DecryptError::InvalidHeader);
            }
            file_key.copy_from_slice(&key);
            Ok(())
        }))
    }
}

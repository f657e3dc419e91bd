//! What looks like a plaintext secret, by the name and the bytes of a file.

/// How the private keys begin that we know, and how many of the characters
/// after it must be ones of a key: a page that speaks of keys holds none.
const KEYS: [(&[u8], usize); 4] = [
    (b"AGE-SECRET-KEY-1", 50),
    (b"AGE-SECRET-KEY-PQ-1", 50),
    (b"unspoken-key-1:", 40),
    (b"unspoken-sealed-key-1:", 40),
];

/// The `.env` files that hold no values, by how their names go on.
const HARMLESS: [&str; 6] = ["example", "sample", "template", "dist", "enc", "schema"];

/// Whether a file is a `.env` file with values that anybody can read.
pub(super) fn is_plaintext(path: &str, bytes: &[u8]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some(rest) = name.strip_prefix(".env") else { return false };
    if !rest.is_empty() && !rest.starts_with('.') {
        return false;
    }
    if rest.rsplit('.').next().is_some_and(|last| HARMLESS.contains(&last)) {
        return false;
    }
    bytes.split(|&byte| byte == b'\n').any(is_plain_value)
}

/// Whether a line assigns something that is not encrypted.
fn is_plain_value(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let Some(at) = line.iter().position(|&byte| byte == b'=') else { return false };
    let (name, value) = line.split_at(at);
    let is_public = line.starts_with(b"#") || name.starts_with(b"DOTENV_PUBLIC_KEY");
    let quotes = |byte: &u8| b"\"'` \t".contains(byte);
    let value = value.get(1..).unwrap_or_default();
    let begin = value.iter().position(|byte| !quotes(byte)).unwrap_or(value.len());
    let value = value.get(begin..).unwrap_or_default();
    let is_sealed = value.starts_with(b"encrypted:") || value.starts_with(b"ENC[");
    !is_public && !value.is_empty() && !is_sealed
}

/// The line of the first private key.
pub(super) fn private_key(bytes: &[u8]) -> Option<usize> {
    let at = KEYS.iter().filter_map(|&(start, length)| find(bytes, start, length)).min()?;
    Some(1 + bytes.iter().take(at).filter(|&&byte| byte == b'\n').count())
}

fn find(bytes: &[u8], start: &[u8], length: usize) -> Option<usize> {
    let (&first, _) = start.split_first()?;
    let mut at = 0;
    while let Some(next) = bytes.get(at..)?.iter().position(|&byte| byte == first) {
        let rest = bytes.get(at + next..)?;
        if let Some(body) = rest.strip_prefix(start) {
            let is_key = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
            if body.iter().take_while(is_key).count() >= length {
                return Some(at + next);
            }
        }
        at += next + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plaintext_file_is_known_by_its_name_and_its_values() {
        #[track_caller]
        fn case(path: &str, text: &str, expected: bool) {
            assert_eq!(is_plaintext(path, text.as_bytes()), expected, "{path}");
        }

        case(".env", "A=x\n", true);
        case("app/.env.production", "# c\n\nexport A='x'\n", true);
        case(".env", "", false);
        case(".env", "# A=x\nA=\nB=\"\"\n", false);
        case(".env.keys", "DOTENV_PRIVATE_KEY=\"0a\"\n", true);
        case(
            ".env.production",
            "DOTENV_PUBLIC_KEY_PRODUCTION=\"03\"\nA=\"encrypted:BE9\"\nB=encrypted:x\n",
            false,
        );
        case(".env.production", "A=\"encrypted:BE9\"\nB=x\n", true);
        for harmless in [".env.example", ".env.local.example", ".env.enc", ".env.prod.enc"] {
            case(harmless, "A=x\n", false);
        }
        for other in [".envrc", "my.env", "env", ".environment"] {
            case(other, "A=x\n", false);
        }
    }

    #[test]
    fn a_private_key_is_found_by_its_line_and_a_word_about_keys_is_not() {
        let key = format!("{}{}", "AGE-SECRET-KEY-", "1".to_owned() + &"Q".repeat(58));
        let bundle = format!("{}{}", "unspoken-key-", "1:".to_owned() + &"eyJ2".repeat(20));
        assert_eq!(private_key(format!("a\nb {key}\n").as_bytes()), Some(2));
        assert_eq!(private_key(format!("{bundle}:0a1b2c3d").as_bytes()), Some(1));
        assert_eq!(private_key(format!("\n\n\"{key}\"\n{bundle}").as_bytes()), Some(3));
        for none in
            ["", "A", "AGE-SECRET-KEY-1…", "`AGE-SECRET-KEY-1QQQ`", "unspoken-key-1:<base64>"]
        {
            assert_eq!(private_key(none.as_bytes()), None, "{none}");
        }
    }
}

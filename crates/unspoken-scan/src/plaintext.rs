//! Plaintext: `.env` files that anybody can read, by their names and bytes.

/// The `.env` files that hold no values, by how their names go on.
const HARMLESS: [&str; 6] = ["example", "sample", "template", "dist", "enc", "schema"];

/// Whether a file is a `.env` file with values that anybody can read.
pub fn is_plaintext(path: &str, bytes: &[u8]) -> bool {
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
}

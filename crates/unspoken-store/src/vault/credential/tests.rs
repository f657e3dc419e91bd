//! Tokens that are kept in files: here no keychain answers.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use jiff::Timestamp;
use unspoken_seal::{PlainToken, TokenKind};

use super::*;

fn in_new_home(test: impl FnOnce(Home)) {
    let folder = tempfile::tempdir().unwrap();
    let user = fs::metadata(folder.path()).unwrap().uid();
    test(Home::at(folder.path().join("home"), user));
}

fn url(text: &str) -> VaultUrl {
    VaultUrl::parse(text).unwrap()
}

fn note() -> TokenNote {
    let expires = Timestamp::from_second(1_800_000_000).unwrap();
    TokenNote { holder: "ada@example.com".to_owned(), expires }
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    Variables::from_pairs(pairs.iter().copied())
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_token_is_kept_privately_and_found_by_its_whole_address_alone() {
    in_new_home(|home| {
        let (one, other) =
            (url("https://vault.example.com"), url("https://vault.example.com:8443"));
        let none = variables(&[]);
        assert!(Credentials::find(&home, &none, &one).unwrap().is_none());
        assert!(Credentials::list(&home).unwrap().is_empty());
        assert!(!Credentials::remove(&home, &one).unwrap());
        assert!(!home.path().exists(), "looking creates nothing");

        let token = PlainToken::random(TokenKind::Cli).auth();
        let put = Credentials::put(&home, &one, &token, note()).unwrap();
        assert_eq!((put.kept, put.refused), (KeptIn::File, Some(KeychainError::NoBus)));
        assert_eq!((mode(&put.path), mode(put.path.parent().unwrap())), (0o600, 0o700));

        let found = Credentials::find(&home, &none, &one).unwrap().unwrap();
        assert!(found.fits(&token.hash()));
        let place = TokenPlace::Kept { kept: KeptIn::File, path: put.path.clone(), note: note() };
        assert_eq!(Credentials::locate(&home, &none, &one).unwrap(), Some(place));
        for stranger in [&other, &url("http://localhost"), &url("https://vault.example.com.evil")] {
            assert!(Credentials::find(&home, &none, stranger).unwrap().is_none(), "{stranger}");
        }
        assert_eq!(Credentials::list(&home).unwrap(), std::slice::from_ref(&one));

        // A record that was moved to another vault's place.
        fs::copy(&put.path, path(&home, &other)).unwrap();
        for error in [
            Credentials::find(&home, &none, &other).unwrap_err(),
            Credentials::list(&home).unwrap_err(),
        ] {
            assert!(
                matches!(&error, CredentialError::OtherVault { found, .. } if *found == one),
                "{error:?}"
            );
        }
        assert!(Credentials::remove(&home, &other).unwrap());

        fs::set_permissions(&put.path, fs::Permissions::from_mode(0o604)).unwrap();
        let error = Credentials::find(&home, &none, &one).unwrap_err();
        assert!(
            matches!(&error, CredentialError::Private(PrivateError::Loose { .. })),
            "{error:?}"
        );
        fs::set_permissions(&put.path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Credentials::remove(&home, &one).unwrap());
        assert!(!put.path.exists());
    });
}

#[test]
fn a_new_token_takes_the_place_of_the_old_one_and_what_is_no_record_can_be_removed() {
    in_new_home(|home| {
        let one = url("https://a");
        let tokens = [(); 2].map(|()| PlainToken::random(TokenKind::Cli).auth());
        for token in &tokens {
            Credentials::put(&home, &one, token, note()).unwrap();
        }
        let found = Credentials::kept(&home, &one).unwrap().unwrap();
        assert!(found.fits(&tokens[1].hash()) && !found.fits(&tokens[0].hash()));

        fs::write(path(&home, &one), "token: x\n").unwrap();
        let error = Credentials::kept(&home, &one).unwrap_err();
        assert!(matches!(&error, CredentialError::Record { .. }), "{error:?}");
        // A keychain may have had it, and does not answer.
        let error = Credentials::remove(&home, &one).unwrap_err();
        assert!(matches!(&error, CredentialError::LeftBehind { .. }), "{error:?}");
        assert!(Credentials::kept(&home, &one).unwrap().is_none());
    });
}

#[test]
fn a_token_in_a_variable_is_for_the_vault_that_is_named_beside_it() {
    in_new_home(|home| {
        let (ours, theirs) = (url("https://ours"), url("https://theirs"));
        let kept = PlainToken::random(TokenKind::Cli).auth();
        for vault in [&ours, &theirs] {
            Credentials::put(&home, vault, &kept, note()).unwrap();
        }
        let token = PlainToken::random(TokenKind::Agent);
        let text = token.expose();
        let both = [("UNSPOKEN_TOKEN", text.as_str()), ("UNSPOKEN_VAULT_URL", "https://OURS:443/")];

        let given = variables(&both);
        let found = Credentials::find(&home, &given, &ours).unwrap().unwrap();
        assert!(found.fits(&token.auth().hash()));
        assert_eq!(Credentials::locate(&home, &given, &ours).unwrap(), Some(TokenPlace::Variable));
        let found = Credentials::find(&home, &given, &theirs).unwrap().unwrap();
        assert!(found.fits(&kept.hash()) && !found.fits(&token.auth().hash()));

        let error = Credentials::find(&home, &variables(&both[..1]), &ours).unwrap_err();
        assert!(matches!(error, CredentialError::NoUrl), "{error:?}");
        let cut = [("UNSPOKEN_TOKEN", "unsp_agent_canary"), both[1]];
        let error = Credentials::find(&home, &variables(&cut), &ours).unwrap_err();
        assert!(matches!(error, CredentialError::Token(_)), "{error:?}");
        assert!(!error.to_string().contains("canary"), "{error}");
        let plain = [both[0], ("UNSPOKEN_VAULT_URL", "http://ours")];
        let error = Credentials::find(&home, &variables(&plain), &ours).unwrap_err();
        assert!(matches!(error, CredentialError::Url(VaultUrlError::Plain)), "{error:?}");
    });
}
